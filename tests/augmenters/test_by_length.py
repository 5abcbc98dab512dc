from __future__ import annotations

import pytest
import torch

from sracl.augmenters.by_length import ByLength
from sracl.augmenters.crop import Crop
from sracl.augmenters.reorder import Reorder
from tests.contracts.augmenter import AugmenterContract, Make, numbered


class TestByLength(AugmenterContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda generator: ByLength(threshold=4, short=Crop(generator), long=Reorder(generator))


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
