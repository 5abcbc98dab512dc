from __future__ import annotations

from typing import Any

import pytest
import torch

from sracl.augmenters.crop import Crop
from sracl.augmenters.mask import Mask
from sracl.augmenters.reorder import Reorder
from sracl.contracts.augmenter import numbered
from sracl.contracts.view import ViewContract
from sracl.data.samples import SequenceTable
from sracl.interfaces import Batch, ViewPair
from sracl.views.distinct import Distinct
from tests.support import meta
from tests.support.augmenters import All

MASK = 13


def cl4srec(generator: torch.Generator, mask_item: int = MASK, **parameters: Any) -> Distinct:
    """CL4SRec's three operators over twelve items."""
    operators = (Crop(generator, keep=0.6), Mask(mask_item, generator, ratio=0.3), Reorder(generator, ratio=0.6))
    return Distinct(generator, augmenters=operators, **parameters)


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=rows % 12 + 1)


class TestDistinct(ViewContract):
    def make(self, samples: SequenceTable, generator: torch.Generator) -> ViewPair:
        return cl4srec(generator, self.mask_item)


def test_two_different_augmenters_in_every_order_alike() -> None:
    operators, draws = [All(1), All(2), All(3)], 12_000
    views = Distinct(torch.Generator().manual_seed(0), augmenters=tuple(operators))
    first, second = (request.items[:, -1] - 1 for request in views(batch_of([2] * draws, width=2)))
    counts = (3 * first + second).bincount(minlength=9).view(3, 3)
    assert counts.diagonal().tolist() == [0, 0, 0]
    # One of six pairs: standard deviation (1/6 · 5/6 / 12000)^½ = .0034; four of them.
    torch.testing.assert_close(counts / draws, (1 - torch.eye(3)) / 6, atol=0.0136, rtol=0)
    # Chi-square of six pairs of 2,000 each has five degrees of freedom; 20.5 is passed once in a thousand times.
    expected = draws / 6
    assert ((counts[counts > 0] - expected).square() / expected).sum() < 20.5
    assert [operator.calls for operator in operators] == [1, 1, 1]


def test_two_augmenters_take_either_side_alike() -> None:
    views = Distinct(torch.Generator().manual_seed(0), augmenters=(All(1), All(2)))
    first, second = (request.items[:, -1] for request in views(batch_of([2] * 4000, width=2)))
    assert torch.equal(first + second, torch.full((4000,), 3))
    # a half: standard deviation (1/4 / 4000)^½ = .0079; four of them
    assert abs((first == 1).float().mean().item() - 0.5) < 0.032


def test_sequences_of_one_item_are_both_views_as_they_are() -> None:
    batch = batch_of([1] * 60)
    for request in cl4srec(torch.Generator().manual_seed(0))(batch):
        assert torch.equal(request.items, batch.inputs)
        assert torch.equal(request.lengths, batch.lengths)


@pytest.mark.parametrize(("shortest", "whole"), [(1, 0), (2, 1), (4, 3)])
def test_sequences_below_the_shortest_are_both_views_as_they_are(shortest: int, whole: int) -> None:
    batch = batch_of(list(range(1, 9)))
    views = Distinct(torch.Generator().manual_seed(0), augmenters=(All(11), All(12)), shortest=shortest)
    for request in views(batch):
        assert (request.items == batch.inputs).all(dim=1).tolist() == [True] * whole + [False] * (8 - whole)


def test_the_names_of_the_views_are_those_of_its_keys() -> None:
    first, second = cl4srec(torch.Generator().manual_seed(0))(batch_of([5, 3]))
    assert (first.key, second.key) == ("first", "second")
    assert (first.mask, first.want, first.grad) == (second.mask, second.want, second.grad) == ("causal", "last", True)


def test_fewer_augmenters_than_are_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2, got 1"):
        Distinct(torch.Generator(), augmenters=(All(1),))
    with pytest.raises(ValueError, match="at least 2, got 0"):
        Distinct(torch.Generator(), augmenters=())


def test_a_draw_makes_no_host_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    table = meta.samples(monkeypatch)
    for request in cl4srec(torch.Generator())(table.batch(table.users[:4])):
        assert request.items.device.type == "meta"
        assert request.items.shape == (4, 8)
