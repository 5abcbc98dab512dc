"""What is known of items in single words: categories and brands, numbered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.interfaces import ItemText

RELATIONS = ("category", "brand")
"""What a value may be of an item."""

NOTHING = frozenset({"unknown", "missing", "none", "null", "nan", "n/a"})
"""What data sets write into a field that nothing is known of, as `sracl.semantics.prompts` has it: no value that two items share."""


@dataclass(frozen=True, eq=False)
class ItemAttributes:
    """Attribute values of every item, from 1; 0 is none."""

    names: tuple[str, ...]
    """Every value as `category: …` or `brand: …`, [A]; value a is at a - 1."""
    sets: NDArray[np.int64]
    """All values of each item, int64 [V + 1, M], 0 where there are fewer; row 0 is empty."""
    single: NDArray[np.int64]
    """The one value of each item in each of `RELATIONS` (the last, most specific category), int64 [V + 1, 2], 0 where there is none."""

    @property
    def num_values(self) -> int:
        """A."""
        return len(self.names)


def item_attributes(interactions: Interactions, *, least: int = 2) -> ItemAttributes:
    """Number the categories and brands of a data set's items.

    Args:
        interactions: The data; only the texts of its items are read.
        least: Items that must share a value for it to count: a value of one item tells nothing of others.
    """
    found = [list(dict.fromkeys(_values(text))) for text in interactions.texts]
    counts = Counter(value for values in found for value in values)
    names = tuple(sorted(value for value, count in counts.items() if count >= least))
    number = {name: i for i, name in enumerate(names, start=1)}
    kept = [[number[value] for value in values if value in number] for values in found]
    sets = np.zeros((len(kept) + 1, max([1, *map(len, kept)])), dtype=np.int64)
    single = np.zeros((len(kept) + 1, len(RELATIONS)), dtype=np.int64)
    for item, values in enumerate(kept, start=1):
        sets[item, : len(values)] = values
        for value in values:  # of several categories the last stays
            single[item, RELATIONS.index(names[value - 1].partition(":")[0])] = value
    return ItemAttributes(names, sets, single)


def _values(text: ItemText) -> list[str]:
    """Categories, general before specific, then the brand."""
    categories = [f"category: {name}" for name in map(_plain, text.categories) if name]
    return [*categories, f"brand: {brand}"] if (brand := _plain(text.brand)) else categories


def _plain(name: str) -> str:
    """A name without differences in case and white space; empty where it says that nothing is known."""
    plain = " ".join(name.split()).casefold()
    return "" if plain in NOTHING else plain
