"""Draws tokens so that each row's come of its own seed, whoever shares its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import LogitsProcessor

if TYPE_CHECKING:
    from collections.abc import Sequence


class SeededDraws(LogitsProcessor):
    """Leaves the token that was drawn as the likeliest one, so that a greedy search takes it.

    A number in [0, 1) per row and token is fixed by the row's seed, on whatever device, and names the token in whose part of
    the cumulated probabilities it falls. A draw from the library's own generator would depend on the rows beside it.
    """

    def __init__(self, seeds: Sequence[int], *, temperature: float, top_p: float, begin: int, steps: int) -> None:
        """Fix all numbers.

        Args:
            seeds: Of each row.
            temperature: Logits are divided by it, > 0.
            top_p: Part of the probability, the likeliest tokens first, that is drawn from.
            begin: Tokens of the prompts, padding included.
            steps: Tokens drawn at most.
        """
        rows = [torch.rand(steps, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in seeds]
        self._numbers = torch.stack(rows)  # [N, steps]
        self._temperature = temperature
        self._top_p = top_p
        self._begin = begin

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Logits, float [N, V], as 0 for the token drawn and minus infinity for all others."""
        probabilities = torch.softmax(scores.double() / self._temperature, dim=-1)
        if self._top_p < 1:
            ordered, order = probabilities.sort(dim=-1, descending=True)
            before = ordered.cumsum(dim=-1) - ordered
            probabilities = torch.zeros_like(ordered).scatter(-1, order, ordered.where(before < self._top_p, 0.0))
        cumulated = probabilities.cumsum(dim=-1)
        numbers = self._numbers[:, input_ids.shape[1] - self._begin].to(scores.device).unsqueeze(-1)  # [N, 1]
        drawn = torch.searchsorted(cumulated, numbers * cumulated[:, -1:], right=True)
        return torch.full_like(scores, -torch.inf).scatter(-1, drawn.clamp(max=scores.shape[-1] - 1), 0.0)  # type: ignore[return-value]
