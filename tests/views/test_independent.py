from __future__ import annotations

import torch

from sracl.augmenters.choice import Choice
from sracl.augmenters.crop import Crop
from sracl.augmenters.reorder import Reorder
from sracl.contracts.augmenter import numbered
from sracl.contracts.view import ViewContract
from sracl.data.samples import SequenceTable
from sracl.interfaces import Batch, ViewPair
from sracl.views.independent import Independent
from tests.support.augmenters import All


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=rows % 12 + 1)


class TestIndependent(ViewContract):
    def make(self, samples: SequenceTable, generator: torch.Generator) -> ViewPair:
        return Independent(augmenter=Choice(generator, augmenters=(Crop(generator), Reorder(generator))))


def test_draws_of_operators_may_coincide() -> None:
    operators, draws = [All(1), All(2), All(3)], 12_000
    views = Independent(augmenter=Choice(torch.Generator().manual_seed(0), augmenters=tuple(operators)))
    first, second = (request.items[:, -1] - 1 for request in views(batch_of([2] * draws, width=2)))
    shares = (3 * first + second).bincount(minlength=9).view(3, 3) / draws
    # One of nine pairs: standard deviation (1/9 · 8/9 / 12000)^½ = .0029; four of them.
    torch.testing.assert_close(shares, torch.full((3, 3), 1 / 9), atol=0.0115, rtol=0)
    assert [operator.calls for operator in operators] == [2, 2, 2]


def test_one_operator_drawn_twice_makes_two_different_views() -> None:
    first, second = Independent(augmenter=Crop(torch.Generator().manual_seed(0)))(batch_of([8] * 20))
    assert (first.key, second.key) == ("first", "second")
    assert not torch.equal(first.items, second.items)


def test_either_view_is_what_the_augmenter_makes_in_turn() -> None:
    batch = batch_of([8, 3, 5, 1])
    views = Independent(augmenter=Crop(torch.Generator().manual_seed(4)))(batch)
    augmenter = Crop(torch.Generator().manual_seed(4))
    for request in views:
        items, lengths = augmenter(batch.inputs, batch.lengths)
        assert torch.equal(request.items, items)
        assert torch.equal(request.lengths, lengths)
