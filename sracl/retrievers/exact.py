"""Nearest rows by cosine, all pairs compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from sracl.processor import multiplies_bf16
from sracl.retrievers.pool import Members, Pool, check_request, nothing_found

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEW = 2048
"""Rows up to which float32 is as fast as bfloat16 with its longer look at candidates; at 4,096 it takes 1.3 times as long."""

_CHUNK = 256
"""Rows scaled to length 1 at once: few enough to stay in the cache."""


class Exact:
    """Compares each asking row with the whole pool, in blocks, so that no N × N matrix ever exists.

    Low-precision products only choose candidates: every row that could be among the k best, whatever they round off.
    Candidates are compared and ordered by cosines in float64, rounded to float32. So equal vectors tie exactly, ties go
    to the smaller id, and neither the block size, nor the device, nor the precision of the products matters.

    Products are bfloat16 on a CPU that multiplies it natively (x86 with AVX512-BF16 or AMX-BF16) and float32 on all
    other CPUs, which is several times slower there, and on a GPU. Rows with so many near neighbours that bfloat16 hardly
    tells them apart are asked again in float32.
    """

    def __init__(self, *, device: Literal["auto", "cpu", "cuda"] = "auto", block_mb: Annotated[int, Field(ge=1)] = 128) -> None:
        """Make a retriever.

        Args:
            device: Where products are computed; `auto` takes a GPU if there is one.
            block_mb: Memory of a block of similarities, in MiB.
        """
        self.device = device
        self.block_mb = block_mb

    def __call__(
        self, vectors: NDArray[np.float32], k: int, *, queries: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k nearest rows of other groups for each query row.

        Args:
            vectors: float32 [N, d], the pool; zero rows are never neighbours and have none.
            k: Neighbours per row, 1..N-1.
            queries: int64 [Q], rows of the pool that ask.
            groups: int64 [N]; a row never gets a neighbour of its own group.

        Returns:
            ids int64 [Q, k], by falling similarity and then id, -1 where there is none; similarities float32 [Q, k],
            -inf where there is none. O(Q · N · d) time, O(N · d + block) memory.

        Raises:
            DataError: k is larger than the rest of the pool, or a vector holds values that are no numbers.
        """
        check_request(vectors, k)
        device = torch.device("cuda" if self.device == "auto" and torch.cuda.is_available() else self.device.replace("auto", "cpu"))
        ids, similarities = nothing_found(len(queries), k)
        pool = Pool(vectors)
        eligible = np.flatnonzero(pool.lengths > 0)
        members = Members(groups[eligible])
        asking = np.flatnonzero(pool.lengths[queries] > 0)
        precisions = precisions_of(device, len(eligible))
        for dtype in precisions:
            if not len(asking):
                break
            table = _Table(pool, eligible, k, dtype=dtype, device=device)
            size = max(1, self.block_mb * 2**20 // (dtype.itemsize * len(table.rows)))
            scores = torch.empty(min(size, len(asking)), len(table.rows), dtype=dtype, device=device)
            left_over = []
            for begin in range(0, len(asking), size):
                block = asking[begin : begin + size]
                rows = np.searchsorted(eligible, queries[block])  # among the eligible
                place, found, crowded = table.candidates(rows, members.of(rows), out=scores[: len(block)], patient=dtype is precisions[-1])
                ids[block], similarities[block] = pool.best(queries[block], place, eligible[found], k)
                left_over.append(block[crowded])
            asking = np.concatenate(left_over)
        return ids, similarities


def precisions_of(device: torch.device, rows: int) -> tuple[torch.dtype, ...]:
    """In what `Exact` computes products of so many rows: first for all, then for those left over."""
    if device.type == "cpu" and rows > _FEW and multiplies_bf16():
        return torch.bfloat16, torch.float32
    return (torch.float32,)


class _Table:
    """Rows of length 1, dealt to stripes whose highest score tells whether a look at its members is worth while."""

    def __init__(self, pool: Pool, eligible: NDArray[np.int64], k: int, *, dtype: torch.dtype, device: torch.device) -> None:
        self.k = k
        self.count = len(eligible)
        depth = max(1, min(64, self.count // (32 * k)))  # members of a stripe; two of the k best seldom share one of 32 k
        self.stripes = -(-self.count // depth)
        self.rows = torch.zeros(depth * self.stripes, pool.vectors.shape[1], dtype=dtype, device=device)  # [M, d], zeros at the end
        residual = 0.0
        for begin in range(0, self.count, _CHUNK):
            unit = torch.from_numpy(pool.unit(eligible[begin : begin + _CHUNK]))
            rounded = unit.to(dtype)
            residual = max(residual, float((unit - rounded.float()).norm(dim=1).max()))
            self.rows[begin : begin + len(unit)] = rounded
        self.error = residual * (2 + residual) + (pool.vectors.shape[1] + 8) * 2.0**-24
        """Most by which a product differs from the cosine before it is rounded to `dtype`.

        |a·b - â·b̂| <= |a - â| |b| + |â| |b - b̂|, and float32 sums of d products in any order are off by d · 2^-24. The
        other 8 · 2^-24 are for lengths that are 1 but for rounding, and for cosines that tie once they are float32.
        """

    def candidates(
        self, rows: NDArray[np.int64], excluded: tuple[NDArray[np.int64], NDArray[np.int64]], *, out: Tensor, patient: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """All that may be among the k best of these rows.

        Args:
            rows: int64 [B].
            excluded: Pairs (place in `rows`, row) that are out of the question.
            out: Where scores are written, [B, M].
            patient: Whether all rows are answered, however many candidates they have.

        Returns:
            Pairs (place in `rows`, candidate), int64 [C] each, and which of `rows` were left out, bool [B]: those with
            very many candidates, or with candidates of cosine 0 and below.
        """
        device = self.rows.device
        torch.mm(self.rows[torch.from_numpy(rows).to(device)], self.rows.T, out=out)
        out[:, self.count :] = -torch.inf
        out[tuple(torch.from_numpy(part).to(device) for part in excluded)] = -torch.inf
        striped = out.view(len(rows), -1, self.stripes)  # [B, depth, stripes]; row r is in stripe r mod stripes
        peaks = _peaks(striped)
        # At least k rows score as much as the k-th peak, so the k-th cosine is no lower than that less the peak's own
        # rounding and an error. Rounding keeps order, so no row of such a cosine scores below the bound.
        kth = peaks.topk(min(self.k, self.stripes), dim=1).values[:, -1:].float()
        bound = (kth - kth.abs() * torch.finfo(out.dtype).eps / 2 - 2 * self.error).to(out.dtype)  # [B, 1]
        high = (peaks >= bound) & peaks.isfinite()
        if patient:
            crowded = torch.zeros(len(rows), dtype=torch.bool, device=device)
        else:
            crowded = (bound[:, 0] <= 0) | (high.sum(dim=1) > 4 * self.k + self.stripes // 8)
        place, stripe = (high & ~crowded[:, None]).nonzero(as_tuple=True)
        members = striped[place, :, stripe]  # [stripes looked into, depth]
        which, depth = ((members >= bound[place]) & members.isfinite()).nonzero(as_tuple=True)
        found = depth * self.stripes + stripe[which]
        return place[which].cpu().numpy(), found.cpu().numpy(), crowded.cpu().numpy()


def _peaks(striped: Tensor) -> Tensor:
    """Highest score of each stripe, [B, depth, stripes] -> [B, stripes]; of bfloat16, some negative one if none is positive.

    The bits of positive numbers order as integers, of which torch finds the highest three times as fast as of bfloat16.
    """
    if striped.dtype == torch.bfloat16:
        return striped.view(torch.int16).amax(dim=1).view(torch.bfloat16)
    return striped.amax(dim=1)
