"""Sequences of unlike length, laid end to end so that next to no padding is computed.

Rows are sorted into groups of one width each; a group of n rows is a [n, width] block of one long token axis. What works
token by token (projections, norms, feed-forward) sees the whole axis at once; attention runs group by group on views.

A GPU takes all rows as one group, padded: to sort them, the host would have to wait for their lengths, and the arithmetic
saved is less there than the kernels of many groups. All shapes are then those of the request, whatever is in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Group:
    """Rows of one width: sorted rows first_row..., tokens first_token... of the packed axis."""

    first_row: int
    rows: int
    width: int
    first_token: int
    padded: bool
    """Whether a row may be shorter than the width."""

    @property
    def tokens(self) -> int:
        """Length of the group on the packed axis."""
        return self.rows * self.width

    def of(self, tokens: Tensor) -> Tensor:
        """The group's part of a packed tensor [T, d], as a view [rows, width, d]."""
        return tokens[self.first_token : self.first_token + self.tokens].view(self.rows, self.width, *tokens.shape[1:])

    def row(self, rows: Tensor) -> Tensor:
        """The group's part of a tensor of sorted rows [N, …], as a view [rows, …]."""
        return rows[self.first_row : self.first_row + self.rows]


def widths(longest: int) -> list[int]:
    """The widths groups may have: every length up to 4, then steps of about a third, at last the longest."""
    steps = [width for width in (1, 2, 3, 4) if width < longest]
    while steps and steps[-1] >= 4 and (following := (steps[-1] * 4 + 2) // 3) < longest:
        steps.append(following)
    return [*steps, longest]


class Packing:
    """How a batch of left-padded sequences lies on the packed axis.

    Args:
        items: Ids, int64 [N, C], left-padded with 0.
        lengths: Real items per row, int64 [N], 1..C.
        whole: Keep all rows in one group of width C, padding included, as a GPU does anyway.
    """

    def __init__(self, items: Tensor, lengths: Tensor, *, whole: bool = False) -> None:
        self.columns = items.shape[1]
        self.groups: list[Group] = []
        self.order: Tensor
        """Row of the caller that stands at each sorted place, int64 [N]."""
        if items.device.type == "cpu" and not whole:
            self._sort(lengths)
        else:
            self.order = torch.arange(len(lengths), device=items.device)
            self.groups.append(Group(0, len(lengths), self.columns, 0, padded=True))
        self.lengths = lengths[self.order]
        ordered = items[self.order]
        self.items = torch.cat([ordered[g.first_row : g.first_row + g.rows, self.columns - g.width :].reshape(-1) for g in self.groups])
        """Ids along the packed axis, int64 [T]; 0 where a row is shorter than its group."""

    def _sort(self, lengths: Tensor) -> None:
        """Order and groups, rows of like length together."""
        allowed = torch.tensor(widths(self.columns))
        which = torch.bucketize(lengths, allowed)
        self.order = torch.argsort(which, stable=True)
        row = token = shorter = 0
        for width, rows in zip(allowed.tolist(), torch.bincount(which, minlength=len(allowed)).tolist(), strict=True):
            if rows:
                self.groups.append(Group(row, rows, width, token, padded=width > shorter + 1))
                row, token = row + rows, token + rows * width
            shorter = width

    def slots(self, last: int) -> Tensor:
        """Position of every token when the last column is position `last`, int64 [T]."""
        device = self.items.device
        return torch.cat([torch.arange(last + 1 - g.width, last + 1, device=device).repeat(g.rows) for g in self.groups])

    def last(self) -> Tensor:
        """Place of every sorted row's last token on the packed axis, int64 [N]."""
        device = self.items.device
        return torch.cat([torch.arange(g.first_token + g.width - 1, g.first_token + g.tokens, g.width, device=device) for g in self.groups])

    def biases(self, *, causal: bool) -> list[Tensor]:
        """Per group, what attention adds to its scores: float32 [rows or 1, width, width], -inf where it must not look.

        A real key no later than the query is seen (any real key if not causal); a token always sees itself, so that rows
        of padding stay finite. Groups without padding have one bias for all rows.
        """
        result = []
        for g in self.groups:
            place = torch.arange(g.width, device=self.items.device)
            forbidden = (place > place[:, None] if causal else torch.zeros_like(place, dtype=torch.bool).expand(g.width, -1))[None]
            if g.padded:
                padding = place < (g.width - g.row(self.lengths))[:, None]  # [rows, width]
                forbidden = (padding[:, None, :] | forbidden) & (place != place[:, None])
            result.append(torch.zeros(forbidden.shape, device=place.device).masked_fill_(forbidden, float("-inf")))
        return result

    def restore(self, rows: Tensor) -> Tensor:
        """Sorted rows [N, …] in the caller's order."""
        inverse = torch.empty_like(self.order)
        inverse[self.order] = torch.arange(len(self.order), device=rows.device)
        return rows[inverse]

    def unpack(self, tokens: Tensor) -> Tensor:
        """Packed tokens [T, d] as [N, C, d] in the caller's order, zeros at padding."""
        blocks = []
        for group in self.groups:
            real = group.of(self.items[:, None]) != 0
            blocks.append(torch.nn.functional.pad(group.of(tokens) * real, (0, 0, self.columns - group.width, 0)))
        return self.restore(torch.cat(blocks))
