"""Nearest rows by cosine: exactly while that is quick, from a graph beyond."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from pydantic import Field

from sracl.retrievers.exact import Exact, precisions_of
from sracl.retrievers.usearch import USearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = {"bfloat16": 200_000, "float32": 100_000, "cuda": 1_000_000}
"""Rows up to which `exact` is taken, by what it computes in on a CPU, and on a GPU."""


class Auto:
    """`exact` up to so many rows, `usearch` beyond; `exact` with a warning where that is not installed.

    | where `exact` would compute       | up to          |
    |-----------------------------------|----------------|
    | CPU that multiplies bfloat16      | 200,000 rows   |
    | any other CPU                     | 100,000 rows   |
    | GPU                               | 1,000,000 rows |

    Rows are √(Q · N) of Q rows that ask in a pool of N, since that many products are due. Seconds of one core of a Xeon with
    AMX for the ten neighbours of every sequence text, with the recall of `usearch`:

    | vectors             | rows × width  | `exact`, bfloat16 | `exact`, float32 | `usearch` | recall |
    |---------------------|---------------|-------------------|------------------|-----------|--------|
    | MiniLM, Office      | 10,000 × 384  | 0.6               |                  | 2.4       | .998   |
    | MiniLM, Office      | 38,543 × 384  | 3.8               | 10.4             | 13.7      | .996   |
    | LSA, Office         | 38,543 × 128  | 3.5               |                  | 10.5      | .997   |
    | LSA, Beauty         | 80,000 × 128  | 10.6              |                  | 21.7      | .993   |
    | LSA, Beauty         | 131,413 × 128 | 26.5              |                  | 41.8      | .989   |

    `exact` takes four times as long for twice as many rows and `usearch` a little more than twice, so they meet near 250,000
    rows, and in float32 near 60,000; up to 100,000 the exact answer is still worth the two minutes. For a GPU the figure is
    by arithmetic, not measured: 10^12 products of 384 numbers are half a minute at 10^13 a second.
    """

    def __init__(self, *, rows: Annotated[int, Field(ge=1)] | None = None, device: Literal["auto", "cpu", "cuda"] = "auto") -> None:
        """Make a retriever.

        Args:
            rows: Up to how many `exact` is taken; by default as many as the table says.
            device: Where `exact` computes; `auto` takes a GPU if there is one.
        """
        self.rows = rows
        self.device = device
        self.facts: dict[str, Any] = {}
        """Which one the last call has taken, and what that has to say: its recall, if it is an approximate one."""

    def __call__(
        self, vectors: NDArray[np.float32], k: int, *, queries: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `Exact`, or as `USearch`.

        Raises:
            DataError: k is larger than the rest of the pool, or a vector holds values that are no numbers.
        """
        due = round((len(queries) * len(vectors)) ** 0.5)
        limit = self.rows or self._limit(len(vectors))
        chosen = "exact" if due <= limit else "usearch"
        if chosen == "usearch" and find_spec("usearch") is None:
            chosen = "exact"
            warnings.warn(
                f"{due:,} rows are compared with one another exactly, which takes long; above {limit:,} 'usearch' is quicker: "
                "pip install 'sracl[usearch]'.",
                stacklevel=2,
            )
        retriever = Exact(device=self.device) if chosen == "exact" else USearch()
        found = retriever(vectors, k, queries=queries, groups=groups)
        self.facts = {"chosen": chosen, **getattr(retriever, "facts", {})}
        return found

    def _limit(self, rows: int) -> int:
        """Of the table, for this machine."""
        if self.device == "cuda" or (self.device == "auto" and torch.cuda.is_available()):
            return _ROWS["cuda"]
        first = precisions_of(torch.device("cpu"), rows)[0]
        return _ROWS["bfloat16" if first is torch.bfloat16 else "float32"]
