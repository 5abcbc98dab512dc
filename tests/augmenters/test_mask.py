from __future__ import annotations

import pytest
import torch

from sracl.augmenters.mask import Mask
from sracl.contracts.augmenter import AugmenterContract, left_padded, numbered
from sracl.interfaces import Augmenter

LENGTHS = torch.tensor([1, 2, 3, 4, 5, 10, 20])
MASK = 31


def mask(ratio: float, seed: int = 0) -> Mask:
    return Mask(MASK, torch.Generator().manual_seed(seed), ratio=ratio)


class TestMask(AugmenterContract):
    num_items = 13  # twelve items, and MASK

    def make(self, generator: torch.Generator) -> Augmenter:
        return Mask(13, generator, ratio=0.3)

    def items(self, lengths: torch.Tensor) -> torch.Tensor:
        return left_padded(lengths, self.max_length, 12)


# ⌊.3 n⌋ and ⌊.7 n⌋
@pytest.mark.parametrize(("ratio", "hidden"), [(0.3, [0, 0, 0, 1, 1, 3, 6]), (0.7, [0, 1, 2, 2, 3, 7, 14]), (1.0, [1, 2, 3, 4, 5, 10, 20])])
def test_hides_the_share_rounded_down(ratio: float, hidden: list[int]) -> None:
    lengths = LENGTHS.repeat(50)
    items = numbered(lengths, 20)
    view, new_lengths = mask(ratio)(items, lengths)
    assert (view == MASK).sum(1).view(50, 7).tolist() == [hidden] * 50
    assert torch.equal(view[view != MASK], items[view != MASK])
    assert torch.equal(new_lengths, lengths)


def test_takes_positions_alike() -> None:
    lengths = torch.full((20_000,), 5)
    view, _ = mask(0.3)(numbered(lengths, 6), lengths)
    share = (view == MASK).double().mean(0)
    assert share[0] == 0
    # One of five: standard deviation (.2 · .8 / 20000)^½ = .0028; four of them.
    torch.testing.assert_close(share[1:], torch.full((5,), 0.2, dtype=torch.float64), atol=0.0115, rtol=0)
