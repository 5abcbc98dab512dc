"""One item or one user as the texts see it: the text, and the neighbours with theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.errors import UsageError, did_you_mean
from sracl.runs import stages
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.recipes.plan import RunPlan
    from sracl.runs.workshop import Workshop


@dataclass(frozen=True)
class Row:
    """An item, or a sequence of a user's."""

    name: str
    """As in the data files: an item, or a user with the position that the sequence ends at."""
    title: str
    """Of the item, or of the sequence's last one."""
    text: str
    similarity: float | None = None
    """Cosine to the row that was asked for; None for itself."""


@dataclass(frozen=True)
class SemanticView:
    """A row and its neighbours, the nearest first."""

    row: Row
    neighbours: tuple[Row, ...]
    read: tuple[str, ...] = ()
    """Titles of the items of a sequence, oldest first; none for an item."""


def item_view(run: RunPlan, shop: Workshop, name: str) -> SemanticView:
    """An item by its name in the data files.

    Raises:
        UsageError: There is no such item, or the recipe puts none into words.
        DataError: The data set is absent.
    """
    data = _data(run, shop, "items")
    item = 1 + _place(data.item_ids, name, f"the data set '{data.name}' has no item")
    found, made = shop.neighbours("items", run, data)
    texts = stages.texts(made)

    def row(of: int, similarity: float | None = None) -> Row:
        return Row(data.item_ids[of - 1], title(data, of), texts[of - 1], similarity)

    near = found.neighbours[item][found.neighbours[item] > 0]
    similar = cosines(found.vectors, item, near)
    return SemanticView(row(item), tuple(row(int(other), cosine) for other, cosine in zip(near, similar, strict=True)))


def user_view(run: RunPlan, shop: Workshop, name: str) -> SemanticView:
    """A user by their name in the data files, by the longest of their training sequences.

    Raises:
        UsageError: There is no such user, or none of their sequences trains, or the recipe puts no sequence into words.
        DataError: The data set is absent.
    """
    data = _data(run, shop, "sequences")
    user = _place(data.users, name, f"the data set '{data.name}' has no user")
    if data.trained[user] < 2:
        raise UsageError(
            f"of user '{name}', who has {data.lengths[user]} interactions, {how_many(int(data.trained[user]), 'interaction')} "
            f"{'trains' if data.trained[user] == 1 else 'train'}; a sequence to show takes 2."
        )
    found, made = shop.neighbours("sequences", run, data)
    texts = stages.texts(made)
    sample = int(np.flatnonzero(found.pool.users[found.rows] == user)[-1])

    def row(of: int, similarity: float | None = None) -> Row:
        place = f"{data.users[found.pool.users[of]]} up to {found.pool.visible[of]}"
        return Row(place, title(data, int(data.items[found.pool.stops[of] - 1])), texts[of], similarity)

    itself = int(found.rows[sample])
    near = found.ids[sample][found.ids[sample] >= 0]
    similar = cosines(found.vectors, itself, near)
    return SemanticView(
        row(itself),
        tuple(row(int(other), cosine) for other, cosine in zip(near, similar, strict=True)),
        tuple(title(data, int(item)) for item in data.items[found.pool.starts[itself] : found.pool.stops[itself]]),
    )


def _data(run: RunPlan, shop: Workshop, kind: str) -> Interactions:
    if kind not in run.values["semantics"]:
        raise UsageError(f"this recipe puts no {kind} into words: it has no [semantics.{kind}].")
    return shop.interactions(run)


def _place(names: Sequence[str], name: str, problem: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        raise UsageError(f"{problem} '{name}'.{did_you_mean(name, names)}") from None


def title(data: Interactions, item: int) -> str:
    """Title of an item; its name in the data files where it has none."""
    return data.text(item).title or f"(no title; item {data.item_ids[item - 1]})"


def cosines(vectors: NDArray[np.float32], row: int, others: NDArray[np.int64]) -> list[float]:
    """Cosines of a row of vectors [R, e] to others of them, [k], in float64."""
    if not len(others):
        return []
    products = vectors[others].astype(np.float64) @ vectors[row].astype(np.float64)
    return [float(cosine) for cosine in products / (np.linalg.norm(vectors[others], axis=1) * np.linalg.norm(vectors[row]))]
