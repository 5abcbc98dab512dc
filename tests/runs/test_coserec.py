"""CoSeRec from its recipe: what its views take for alike, before and after vectors have warmed up."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop
from sracl.similarities.hybrid import Hybrid
from tests.support.training import Kept, trainer_of

TINY = [
    "data.name=markov",
    "data.num_items=30",
    "data.num_users=24",
    "data.length=8",
    "data.max_length=6",
    "backbone.hidden_size=16",
    "backbone.inner_size=16",
    "train.batch_size=32",
]
STEPS = 4
"""Of an epoch: 24 users with 5 prefixes each, 32 of them a step."""


def parts_of(warmup_steps: int) -> Parts:
    (run,) = plan("methods/coserec", sets=[*TINY, f"vars.similarity.warmup_steps={warmup_steps}"], seeds=[1]).runs
    return assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))


def similarities(parts: Parts) -> list[Hybrid]:
    return [hook for hook in parts.trainings[-1].hooks if isinstance(hook, Hybrid)]


def trained(folder: Path, *, warmup_steps: int, epochs: int, stop_at: tuple[int, int] | None = None) -> tuple[Parts, dict[str, Tensor]]:
    """Parts after a training, from the last checkpoint in the folder if there is one, and what is in the one it leaves."""
    parts = parts_of(warmup_steps)
    trainer_of(parts, folder, Kept(stop_at), epochs=epochs).fit()
    return parts, load_file(folder / "last.safetensors")


def test_vectors_are_compared_in_the_epoch_that_begins_warm_and_not_before(tmp_path: Path) -> None:
    for epochs, warm in ((2, False), (3, True)):
        parts, _ = trained(tmp_path / str(epochs), warmup_steps=2 * STEPS, epochs=epochs)
        assert len(parts.samples) == 120
        (similarity,) = similarities(parts)
        assert (similarity.nearest is similarity.offline) == (not warm)


def test_augmenters_that_name_the_same_similarity_share_it() -> None:
    # insert and substitute, for short sequences and for long ones
    assert len(similarities(parts_of(10))) == 1


def test_what_is_alike_changes_the_training(tmp_path: Path) -> None:
    _, warm = trained(tmp_path / "warm", warmup_steps=STEPS, epochs=2)
    _, cold = trained(tmp_path / "cold", warmup_steps=100, epochs=2)
    assert not torch.equal(warm["backbone/item_embedding.weight"], cold["backbone/item_embedding.weight"])


@pytest.mark.parametrize("stop_at", [(1, 2), (2, 3), (3, 1)])
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: tuple[int, int]) -> None:
    _, whole = trained(tmp_path / "whole", warmup_steps=STEPS, epochs=3)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", warmup_steps=STEPS, epochs=3, stop_at=stop_at)
    _, resumed = trained(tmp_path / "parts", warmup_steps=STEPS, epochs=3)
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
