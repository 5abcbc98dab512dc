"""On a GPU no step of training may make the host wait for a result.

Tensors of the device `meta` have shapes and no values: whatever asks for a value, or for a number of rows that depends on
values, raises. So a step that runs there has static shapes and waits for nothing.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sracl.augmenters.semantic_substitute import SemanticSubstitute
from sracl.backbones.sasrec import SASRec
from sracl.data.samples import SequenceNeighbours, SequenceTable
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import SequenceSpec
from sracl.losses.cross_entropy import cross_entropy
from sracl.losses.nt_xent import nt_xent
from sracl.losses.sampled_softmax import SampledSoftmax
from sracl.objectives.cross_sequence import CrossSequence
from sracl.objectives.intra_sequence import IntraSequence
from sracl.objectives.next_item import NextItem
from sracl.synthesizers.attention import Attention

ITEMS, LENGTH, SAMPLES, BATCH, NEIGHBOURS = 50, 7, 40, 8, 3


@pytest.fixture(autouse=True)
def draws_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """`meta` has no random generators; draws need only their shape."""
    for name in ("rand", "randint"):
        draw: Any = getattr(torch, name)
        monkeypatch.setattr(torch, name, lambda *args, draw=draw, generator=None, **kwargs: draw(*args, **kwargs))


def _table(count: int) -> SequenceTable:
    with torch.device("meta"):
        ids = torch.zeros(count, dtype=torch.int64)
        return SequenceTable(torch.zeros(900, dtype=torch.int64), ids, ids, max_length=LENGTH, users=ids, targets=ids)


def test_a_step_of_sra_cl_waits_for_nothing() -> None:
    generator = torch.Generator()
    with torch.device("meta"):
        neighbours = SequenceNeighbours(
            ids=torch.zeros(SAMPLES, NEIGHBOURS, dtype=torch.int64),
            rows=torch.zeros(SAMPLES, dtype=torch.int64),
            pool=_table(SAMPLES),
            vectors=torch.zeros(SAMPLES, 5),
        )
        backbone = SASRec(SequenceSpec(ITEMS, LENGTH), hidden_size=8, inner_size=16)
        synthesizer = Attention(neighbours, generator, hidden_size=4)
        augmenter = SemanticSubstitute(torch.zeros(ITEMS + 1, 2, dtype=torch.int64), generator)
    objectives = [
        Weighted("next", 1.0, NextItem(loss=cross_entropy)),
        Weighted("cross", 0.1, CrossSequence(neighbours, synthesizer=synthesizer, loss=nt_xent)),
        Weighted("intra", 0.1, IntraSequence(augmenter=augmenter, loss=nt_xent)),
    ]
    optimizer = torch.optim.Adam(backbone.parameters())
    loss, terms = training_loss(backbone, objectives, _table(SAMPLES).batch(torch.zeros(BATCH, dtype=torch.int64, device="meta")))
    loss.backward()
    optimizer.step()
    assert loss.device.type == "meta"
    assert set(terms) == {"next", "cross", "intra"}


def test_meta_tensors_do_raise_where_the_host_would_wait() -> None:
    with pytest.raises(RuntimeError):
        torch.ones(3, device="meta").max().item()
    with pytest.raises((RuntimeError, NotImplementedError)):
        torch.ones(3, device="meta").nonzero()


def test_sampled_softmax_waits_for_nothing() -> None:
    generator = torch.Generator()
    loss = SampledSoftmax(generator, num_negatives=6)
    states = torch.zeros(BATCH, 8, device="meta", requires_grad=True)
    table = torch.zeros(ITEMS + 1, 8, device="meta", requires_grad=True)
    loss._draw = lambda num_items: torch.zeros(6, dtype=torch.int64, device="meta")  # type: ignore[method-assign]
    value = loss(states, table, torch.zeros(BATCH, dtype=torch.int64, device="meta"))
    value.backward()
    assert table.grad is not None and table.grad.shape == table.shape
