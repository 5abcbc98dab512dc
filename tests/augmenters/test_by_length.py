from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from sracl.augmenters.by_length import ByLength
from sracl.augmenters.crop import Crop
from sracl.augmenters.reorder import Reorder
from sracl.contracts.augmenter import AugmenterContract, left_padded, numbered
from sracl.interfaces import Augmenter
from sracl.recipes.plan import plan
from sracl.registry.catalog import catalog
from sracl.registry.parameters import build
from tests.support.similarities import histories_of, random_histories, spec_of


class TestByLength(AugmenterContract):
    def make(self, generator: torch.Generator) -> Augmenter:
        return ByLength(threshold=4, short=Crop(generator), long=Reorder(generator))


def test_a_sequence_as_long_as_the_threshold_is_short() -> None:
    lengths = torch.arange(1, 9)
    items = numbered(lengths, 8)
    generator = torch.Generator().manual_seed(0)
    view, new_lengths = ByLength(threshold=4, short=Crop(generator, keep=0.25), long=Crop(generator, keep=0.5))(items, lengths)
    # max(1, ⌊n / 4⌋) up to four items, ⌊n / 2⌋ from five
    assert new_lengths.tolist() == [1, 1, 1, 1, 2, 3, 3, 4]
    assert torch.equal((view > 0).sum(1), new_lengths)


def test_short_sequences_may_be_left_as_they_are() -> None:
    lengths = torch.arange(1, 9)
    items = numbered(lengths, 8)
    view, new_lengths = ByLength(threshold=2, long=Crop(torch.Generator().manual_seed(0), keep=0.2))(items, lengths)
    assert torch.equal(view[:2], items[:2])
    assert new_lengths.tolist() == [1, 2, 1, 1, 1, 1, 1, 1]


def coserec(generator: torch.Generator, num_items: int, histories: list[list[int]]) -> Augmenter:
    """What `methods/coserec` makes views with: three operators of up to four items, five of more."""
    given: dict[str, Any] = {
        "generator": generator,
        "spec": spec_of(num_items),
        "histories": histories_of(histories),
        "mask_item": num_items + 1,
    }
    (run,) = plan("methods/coserec", seeds=[1]).runs
    table = next(entry for entry in run.values["objective"] if entry["id"] == "views")["views"]["augmenter"]
    made: Augmenter = build(catalog(), "augmenter", table, lambda name, path: given[name], "views")
    return made


class TestCoSeRec(AugmenterContract):
    num_items = 13  # twelve items, and MASK

    def make(self, generator: torch.Generator) -> Augmenter:
        return coserec(generator, 12, random_histories(10))  # items 11 and 12 have no neighbour

    def items(self, lengths: Tensor) -> Tensor:
        return left_padded(lengths, self.max_length, 12)


MASK, NEAREST = 201, 100
"""Of items 1 to 20 the nearest of i is i + 100, which nothing else is."""


def operators(items: Tensor, lengths: Tensor, augmenter: Augmenter) -> list[str]:
    """Which operator made each view, told by what only it does to that many items."""
    view, new_lengths = augmenter(items, lengths)
    nearest, masks = ((view > NEAREST) & (view < MASK)).sum(1), (view == MASK).sum(1)
    names = []
    for before, after, near, hidden in zip(*(count.tolist() for count in (lengths, new_lengths, nearest, masks)), strict=True):
        match (after - before, near, hidden):
            case (0, 0, 0):
                names.append("reorder")
            case (0, 0, _):
                names.append("mask")
            case (0, _, 0):
                names.append("substitute")
            case (more, _, 0) if more == near:
                names.append("insert")
            case (_, 0, 0):
                names.append("crop")
    assert len(names) == len(lengths)
    return names


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (2, ["insert", "mask", "substitute"]),
        (4, ["insert", "mask", "substitute"]),
        (5, ["crop", "insert", "mask", "reorder", "substitute"]),
        (20, ["crop", "insert", "mask", "reorder", "substitute"]),
    ],
)
def test_each_length_class_draws_from_its_own_operators_alike_for_either_view(length: int, expected: list[str]) -> None:
    draws = 9_000
    lengths = torch.full((draws,), length)
    augmenter = coserec(torch.Generator().manual_seed(0), MASK - 1, [[item, item + NEAREST, item] for item in range(1, 21)])
    first, second = (operators(numbered(lengths, 40), lengths, augmenter) for _ in range(2))
    assert sorted(set(first)) == sorted(set(second)) == expected
    pairs = torch.zeros(len(expected), len(expected))
    for one, other in zip(first, second, strict=True):
        pairs[expected.index(one), expected.index(other)] += 1
    share = 1 / len(expected) ** 2
    # of one of nine or twenty-five pairs; four standard deviations
    tolerance = 4 * (share * (1 - share) / draws) ** 0.5
    torch.testing.assert_close(pairs / draws, torch.full_like(pairs, share), atol=tolerance, rtol=0)
