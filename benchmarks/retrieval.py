"""The ten nearest of each of many vectors, exactly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.harness import Options

    Neighbours = tuple[NDArray[np.int64], NDArray[np.float32]]

K = 10
FEW = 1024
"""Queries of the first, short call; between it and the second lies what a query costs."""


def cases(options: Options) -> dict[str, list[Case]]:
    """As many vectors as Beauty has prefixes, as wide as a large text encoder makes them."""
    rows, width, sample = (16_384, 256, 16_384) if options.quick else (131_413, 1_024, 8_192)
    return {
        "retrieval": [
            Case(
                "retrieval",
                f"exact top {K} of {rows:,} × {width:,} for every row",
                "s",
                "retrieval",
                peer="fp32 blocks: normalise, 1,024 rows times all, topk, drop the row itself",
                arguments={"rows": rows, "width": width, "sample": sample},
                repeats=min(options.repeats, 3),
                notes=f"Synthetic clusters. Timed for {FEW:,} and for {sample:,} queries and extrapolated in a line to all {rows:,}.",
            )
        ]
    }


def ours(*, rows: int, width: int, sample: int, folder: str) -> dict[str, Any]:
    """Seconds for all rows; `recall` of the last `FEW` sampled against the peer's answer, which must be 1."""
    import numpy as np

    from sracl.retrievers.exact import Exact

    vectors = clustered(rows, width)
    groups = np.arange(rows)
    retriever = Exact(device="cpu")
    found, seconds = _whole(lambda queries: retriever(vectors, K, queries=queries, groups=groups), rows, sample)
    last = np.arange(sample - min(FEW, sample), sample)
    return {"value": seconds, "recall": recall(vectors, last, found[0][last], plain(vectors, last)[1])}


def peer(*, rows: int, width: int, sample: int, folder: str) -> dict[str, Any]:
    """The same in the obvious way."""
    vectors = clustered(rows, width)
    _, seconds = _whole(lambda queries: plain(vectors, queries), rows, sample)
    return {"value": seconds}


def plain(vectors: NDArray[np.float32], queries: NDArray[np.int64]) -> Neighbours:
    """The K nearest by cosine, float32 throughout: ids int64 [Q, K] and similarities [Q, K]."""
    import numpy as np
    import torch
    import torch.nn.functional as F

    table = F.normalize(torch.from_numpy(vectors), dim=1)
    ids, similarities = [], []
    for block in torch.from_numpy(queries).split(1024):
        scores, found = (table[block] @ table.T).topk(K + 1, dim=1)
        itself = found == block[:, None]
        itself[~itself.any(1), K] = True  # behind K + 1 equal rows: the last one goes
        ids.append(found[~itself].view(-1, K).numpy())
        similarities.append(scores[~itself].view(-1, K).numpy())
    return np.concatenate(ids), np.concatenate(similarities)


def recall(vectors: NDArray[np.float32], queries: NDArray[np.int64], ids: NDArray[np.int64], similarities: NDArray[np.float32]) -> float:
    """Share of ids [Q, K] that are as near as the peer's farthest of K, but for float32's rounding of 2e-6.

    Ids are not compared, since rows equally near may stand in any order.
    """
    import numpy as np

    pool = vectors[ids].astype(np.float64)  # [Q, K, d]
    asking = vectors[queries].astype(np.float64)
    cosines = np.einsum("qkd,qd->qk", pool, asking) / (np.linalg.norm(pool, axis=2) * np.linalg.norm(asking, axis=1)[:, None])
    return float((cosines >= similarities[:, -1:] - 2e-6).mean())


def clustered(rows: int, width: int) -> NDArray[np.float32]:
    """Vectors in clusters of about 50, whose members are 0.5 alike on average: float32 [rows, width]."""
    import numpy as np

    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((rows, width), dtype=np.float32)
    centres = generator.standard_normal((max(1, rows // 50), width), dtype=np.float32)
    vectors += centres[generator.integers(len(centres), size=rows)]
    return vectors


def _whole(search: Callable[[NDArray[np.int64]], Neighbours], rows: int, sample: int) -> tuple[Neighbours, float]:
    """The answers to the first `sample` queries, and the seconds that all would take."""
    import numpy as np

    search(np.arange(FEW // 4))  # warms up
    before = time.perf_counter()
    search(np.arange(min(FEW, sample)))
    between = time.perf_counter()
    found = search(np.arange(sample))
    seconds = time.perf_counter() - between
    if sample < rows:
        seconds += (seconds - (between - before)) / (sample - FEW) * (rows - sample)
    return found, seconds
