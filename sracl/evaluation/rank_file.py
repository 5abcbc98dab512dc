"""The file that keeps the rank of every user's target, so that what is asked later needs no model.

items                       how many were ranked, V, int32 [1]; runs of earlier versions lack it
head                        training interactions from which on an item is popular, int32 [1]; runs of earlier versions lack it
test.users                  who they are: numbers of users in the data, int32 [U]
test.lengths                interactions of each one, validation and test included, int32 [U]; runs of earlier versions lack it
test.seen                   distinct items that each one has had before the target, int32 [U]; runs of earlier versions lack it
test.popularity             training interactions of each one's target, int32 [U]; runs of earlier versions lack it
test.keep, test.exclude     rank of each one's target, int32 [U], from 1: seen items kept, and excluded
valid.users, …              the same for the validation split
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

RANKS = "ranks"
"""What the file is called among the artifacts of a run."""


def read(file: Path, names: Collection[str] | None = None, *, if_there: Collection[str] = ()) -> dict[str, np.ndarray]:
    """The arrays with these names and those of `if_there` that it has, or all of them by name.

    Raises:
        DataError: There is no such file, it is damaged, or it lacks one of them.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            lacking = [name for name in names or () if name not in arrays]
            wanted = sorted(arrays) if names is None else [*names, *(name for name in if_there if name in arrays)]
            found = {} if lacking else {name: arrays[name] for name in wanted}
    except FileNotFoundError:
        raise DataError(f"{file} is gone") from None
    except (
        Exception
    ) as error:  # for damage zipfile, zlib and numpy have a dozen kinds between them, EOFError and NotImplementedError among them
        raise DataError(f"{file} cannot be read: {error}") from error
    if lacking:
        raise DataError(f"{file} has no {lacking[0]}")
    for name, ranks in found.items():
        if not (isinstance(ranks, np.ndarray) and ranks.ndim == 1 and np.issubdtype(ranks.dtype, np.integer)):
            raise DataError(f"{file} holds {name}, which is no row of integers")
    return found
