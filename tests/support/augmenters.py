"""Augmenters whose views tell which of them made them."""

from __future__ import annotations

import torch


class All:
    """An augmenter whose views hold one item, over and over."""

    def __init__(self, item: int) -> None:
        self.item = item
        self.calls = 0

    def __call__(self, items: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.calls += 1
        return torch.where(items > 0, self.item, 0), lengths
