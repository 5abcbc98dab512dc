"""How many of the nearest rows an approximate retriever has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sracl.retrievers.exact import Exact

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLE = 500
"""Queries that are asked again exactly."""


def recall(
    vectors: NDArray[np.float32], k: int, *, queries: NDArray[np.int64], groups: NDArray[np.int64], ids: NDArray[np.int64]
) -> dict[str, Any]:
    """The share of exact neighbours found, on 500 queries that are spread evenly.

    Args:
        vectors: As given to the retriever.
        k: Neighbours per row.
        queries: As given to the retriever.
        groups: As given to the retriever.
        ids: What it answered, int64 [Q, k].

    Returns:
        `recall`, from 0 to 1, and `recall_queries`, the number of queries that it was measured on.
    """
    sample = np.unique(np.linspace(0, len(queries) - 1, min(_SAMPLE, len(queries))).astype(np.int64))
    exact, _ = Exact()(vectors, k, queries=queries[sample], groups=groups)
    due = exact >= 0
    hits = (exact[:, :, None] == ids[sample][:, None, :]).any(axis=2) & due
    return {"recall": round(float(hits.sum() / max(1, due.sum())), 4), "recall_queries": len(sample)}
