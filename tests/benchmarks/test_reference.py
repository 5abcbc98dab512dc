"""The plain implementation and the fast path are one method: equal losses, equal gradients."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import recipe
from benchmarks.reference import Reference, Samples, in_reference_names, loader, nt_xent, padded
from sracl.data.interactions import Interactions
from sracl.data.splits import training_prefixes
from sracl.engine.step import training_loss
from sracl.recipes.plan import RunPlan
from sracl.runs.artifacts import Artifact
from sracl.runs.stages import ItemTables, SequenceTables
from sracl.runs.workshop import Workshop
from tests.support.recipes import sracl_recipe


def compare(setup: recipe.Setup, rows: Tensor) -> None:
    """Both sides on one batch with one set of weights, without dropout: losses within 1e-5, gradients within 1e-4 of their largest."""
    parts = setup.parts
    objectives = {part.id: part.objective for part in parts.objectives}
    synthesizer = objectives["cross"].synthesizer  # type: ignore[attr-defined]
    model = Reference(setup).eval()
    weights = in_reference_names(dict(parts.backbone.named_parameters()), dict(synthesizer.named_parameters()))
    model.load_state_dict({name: weight.detach() for name, weight in weights.items()})
    (batch,) = loader(Samples(setup), [rows])

    # our side draws views of its own: give it the ones that the reference drew
    views = iter([batch["view_a"], batch["view_b"]])
    objectives["intra"].augmenter = lambda items, lengths: (next(views), lengths)  # type: ignore[attr-defined]
    for module in [parts.backbone, *objectives.values()]:
        module.eval()  # type: ignore[attr-defined]
    loss, terms = training_loss(parts.backbone, parts.objectives, parts.samples.batch(rows))
    loss.backward()
    losses = model(batch)
    model.total(losses).backward()

    assert set(losses) == set(terms) == {"next", "cross", "intra"}
    for name, value in losses.items():
        assert abs(value.item() - terms[name].item()) <= 1e-5, name
    ours = in_reference_names(gradients(parts.backbone), gradients(synthesizer))
    theirs = gradients(model)
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        d = gradient.shape[0] // 3
        if name.endswith("in_proj_bias"):  # a constant added to all keys changes no softmax: the true gradient is 0
            assert ours[name][d : 2 * d].abs().max() < 1e-6
            assert gradient[d : 2 * d].abs().max() < 1e-6
        assert (ours[name] - gradient).abs().max() <= 1e-4 * gradient.abs().max(), name


def gradients(module: torch.nn.Module) -> dict[str, Tensor]:
    """Gradients by the names of the parameters."""
    found = {name: parameter.grad for name, parameter in module.named_parameters()}
    assert all(gradient is not None for gradient in found.values())
    return {name: gradient for name, gradient in found.items() if gradient is not None}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))


def test_reference_equals_fast_path_on_generated_data(tmp_path: Path) -> None:
    setup = recipe.setup(str(sracl_recipe(tmp_path)))
    compare(setup, setup.steps(1)[0])


@pytest.mark.skipif("SRACL_DATA" not in os.environ, reason="needs the data set beauty in SRACL_DATA")
def test_reference_equals_fast_path_on_beauty(monkeypatch: pytest.MonkeyPatch) -> None:
    # neighbours drawn at random: that the two sides agree does not depend on who they are, and to find them takes a minute
    def neighbours(self: Workshop, kind: str, run: RunPlan, data: Interactions) -> tuple[Any, list[Artifact]]:
        generator = np.random.default_rng(0)
        if kind == "items":
            table = generator.integers(1, data.num_items + 1, size=(data.num_items + 1, 10))
            table[0] = 0
            return ItemTables(table, np.zeros((len(table), 128), dtype=np.float32)), []
        pool = training_prefixes(data, 20)
        ids = generator.integers(-1, len(pool), size=(len(pool), 10))  # -1: none
        vectors = generator.standard_normal((len(pool), 128), dtype=np.float32)
        return SequenceTables(ids=ids, rows=np.arange(len(pool)), pool=pool, vectors=vectors), []

    monkeypatch.setattr(Workshop, "neighbours", neighbours)
    setup = recipe.setup("methods/sracl", ["data.name=beauty"])
    compare(setup, setup.steps(1)[0])


def test_nt_xent_of_two_equal_pairs() -> None:
    # all rows equal: 2B - 1 = 3 candidates of one logit, so log 3 whatever the temperature
    rows = torch.ones(2, 4)
    torch.testing.assert_close(nt_xent(rows, rows, 0.5), torch.tensor(3.0).log())


def test_padded_keeps_the_latest_items() -> None:
    assert padded([1, 2], 4) == [0, 0, 1, 2]
    assert padded([1, 2, 3, 4, 5], 4) == [2, 3, 4, 5]


def test_views_replace_items_by_their_neighbours_only(tmp_path: Path) -> None:
    samples = Samples(recipe.setup(str(sracl_recipe(tmp_path))))
    items = list(range(1, 41))
    view = samples.view(items)
    changed = [(old, new) for old, new in zip(items, view, strict=True) if old != new]
    assert changed
    assert all(new in samples.substitutes[old] for old, new in changed)
