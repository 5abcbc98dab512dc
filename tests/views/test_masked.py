from __future__ import annotations

from typing import Any

import pytest
import torch

from sracl.contracts.augmenter import numbered
from sracl.contracts.view import ViewContract
from sracl.data.samples import SequenceTable
from sracl.interfaces import Batch, ViewPair
from sracl.views.masked import Masked

MASK = 13


class TestMasked(ViewContract):
    def make(self, samples: SequenceTable, generator: torch.Generator) -> ViewPair:
        return Masked(self.mask_item, generator)


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=torch.zeros_like(rows))


def hidden(batch: Batch, **parameters: Any) -> torch.Tensor:
    """Slots that the first view hides, bool [B, L]; whatever it does not hide is as it was."""
    first, _ = Masked(MASK, torch.Generator().manual_seed(0), **parameters)(batch)
    found = first.items == MASK
    assert torch.equal(first.items[~found], batch.inputs[~found])
    return found


def test_the_latest_item_is_always_hidden_and_padding_never() -> None:
    batch = batch_of([1, 2, 3, 8] * 500)
    found = hidden(batch)
    assert bool(found[:, -1].all())
    assert not bool(found[batch.inputs == 0].any())


def test_the_others_are_hidden_each_on_its_own() -> None:
    found = hidden(batch_of([8] * 10_000))[:, :-1].float()
    # .2 of 10,000: standard deviation (.2 · .8 / 10000)^½ = .004; four of them
    torch.testing.assert_close(found.mean(0), torch.full((7,), 0.2), atol=0.016, rtol=0)
    # of independent slots, two are hidden together in .2² of the rows: standard deviation (.04 · .96 / 10000)^½ = .002
    together = found.T @ found / len(found)
    apart = together[~torch.eye(7, dtype=torch.bool)]
    torch.testing.assert_close(apart, torch.full_like(apart, 0.04), atol=0.008, rtol=0)


def test_all_or_nothing_before_the_latest() -> None:
    batch = batch_of([1, 5, 8])
    assert torch.equal(hidden(batch, ratio=1.0), batch.inputs > 0)
    assert hidden(batch, ratio=0.0).sum(1).tolist() == [1, 1, 1]


def test_the_second_view_is_the_sequence_itself_and_both_are_read_in_both_directions() -> None:
    batch = batch_of([4, 7])
    first, second = Masked(MASK, torch.Generator())(batch)
    assert second.items is batch.inputs
    assert (first.key, second.key) == ("first", "second")
    assert first.mask == second.mask == "bidirectional"


def test_a_draw_makes_no_host_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    # Tensors of the device `meta` have no values: whatever asks for one raises. Its draws take no generator.
    draw: Any = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *args, generator=None, **kwargs: draw(*args, **kwargs))
    with torch.device("meta"):
        ids = torch.zeros(9, dtype=torch.int64)
        table = SequenceTable(torch.zeros(40, dtype=torch.int64), ids, ids, max_length=8, users=ids, targets=ids)
    for request in Masked(MASK, torch.Generator())(table.batch(ids[:4])):
        assert request.items.shape == (4, 8)
