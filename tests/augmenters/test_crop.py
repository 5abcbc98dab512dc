from __future__ import annotations

import pytest
import torch

from sracl.augmenters.crop import Crop
from sracl.contracts.augmenter import AugmenterContract, numbered
from sracl.interfaces import Augmenter

LENGTHS = torch.tensor([1, 2, 3, 4, 5, 10, 20])


def crop(keep: float, seed: int = 0) -> Crop:
    return Crop(torch.Generator().manual_seed(seed), keep=keep)


class TestCrop(AugmenterContract):
    def make(self, generator: torch.Generator) -> Augmenter:
        return Crop(generator, keep=0.6)


# max(1, ⌊.6 n⌋) and max(1, ⌊.2 n⌋)
@pytest.mark.parametrize(("keep", "kept"), [(0.6, [1, 1, 1, 2, 3, 6, 12]), (0.2, [1, 1, 1, 1, 1, 2, 4]), (1.0, [1, 2, 3, 4, 5, 10, 20])])
def test_keeps_the_share_rounded_down_and_one_at_least_in_one_stretch(keep: float, kept: list[int]) -> None:
    lengths = LENGTHS.repeat(50)
    view, new_lengths = crop(keep)(numbered(lengths, 20), lengths)
    assert new_lengths.view(50, 7).tolist() == [kept] * 50
    inside = view > 0
    assert torch.equal(inside.sum(1), new_lengths)
    steps = view.diff(dim=1)[inside[:, :-1]]
    assert bool((steps == 1).all())


def test_begins_anywhere_the_latest_item_included() -> None:
    lengths = torch.full((20_000,), 5)
    view, _ = crop(0.6)(numbered(lengths, 6), lengths)
    first = view[:, 3] - 1
    # Three of five items: they begin at one of three places. Standard deviation (1/3 · 2/3 / 20000)^½ = .0033; four of them.
    torch.testing.assert_close(first.bincount() / 20_000, torch.full((3,), 1 / 3), atol=0.0134, rtol=0)
