"""Neighbours drawn by lot: the control that shows what nearness is worth."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from sracl.retrievers.pool import Pool, check_request

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Random:
    """Gives each asking row k rows of other groups, any k of them as likely as any others.

    A control: everything but nearness stays as it is. The pool, k and what is excluded are those of a real retriever, and a
    row keeps its neighbours throughout training. They depend on the pool's groups, on which of its rows are zero and on
    `seed`, never on what the vectors say; so they are the same ones whatever wrote and encoded the texts.
    """

    finds_nearest = False

    def __init__(self, *, seed: Annotated[int, Field(ge=0)] = 0) -> None:
        """Make a retriever.

        Args:
            seed: Another seed, other neighbours; the run's own seed plays no part, since all runs share one table.
        """
        self.seed = seed

    def __call__(
        self, vectors: NDArray[np.float32], k: int, *, queries: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `Exact`, with rows drawn by lot, which are then ordered by their cosine.

        Raises:
            DataError: k is larger than the rest of the pool, or a vector holds values that are no numbers.
        """
        check_request(vectors, k)
        pool = Pool(vectors)
        eligible = np.flatnonzero(pool.lengths > 0)
        eligible = eligible[np.argsort(groups[eligible], kind="stable")]  # a group's rows side by side
        begins, ends = (np.searchsorted(groups[eligible], groups[queries], side=side) for side in ("left", "right"))
        lots = np.random.default_rng([self.seed, *_words(groups, eligible)])
        places, rows = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        for place in np.flatnonzero(pool.lengths[queries] > 0).tolist():
            own = ends[place] - begins[place]
            others = len(eligible) - own
            drawn = lots.choice(others, min(k, others), replace=False, shuffle=False)
            rows.append(eligible[drawn + own * (drawn >= begins[place])])  # over the own group
            places.append(np.full(len(drawn), place))
        return pool.best(queries, np.concatenate(places), np.concatenate(rows), k)


def _words(groups: NDArray[np.int64], eligible: NDArray[np.int64]) -> list[int]:
    """A seed made of what is drawn from."""
    digest = hashlib.sha256(groups.tobytes() + eligible.tobytes()).digest()
    return [int(word) for word in np.frombuffer(digest, dtype="<u4")]
