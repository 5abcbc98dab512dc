"""Items of a shop that is generated, with texts that tell what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.data import vocabulary
from sracl.interfaces import ItemText

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORDS_SHOWN = 3
_TRUE_TO_STYLE = 0.85
_HOUSE_BRAND = 0.9
_POPULARITY_SPREAD = 0.8
_LEAST_POPULAR = -1.25


@dataclass(frozen=True)
class Catalogue:
    """Items 0..V-1; categories and brands are numbered across departments."""

    texts: tuple[ItemText, ...]
    departments: NDArray[np.int64]
    categories: NDArray[np.int64]
    styles: NDArray[np.int64]
    products: NDArray[np.int64]
    """Place of the item's product within its category."""
    brands: NDArray[np.int64]
    popularity: NDArray[np.float64]

    @classmethod
    def drawn(cls, num_items: int, generator: np.random.Generator) -> Catalogue:
        """Items spread evenly over categories, and within a category over styles and products."""
        shelves = [(d, department, category) for d, (department, rows) in enumerate(vocabulary.DEPARTMENTS.items()) for category in rows]
        styles = list(vocabulary.STYLES)
        texts: list[ItemText] = []
        facts = np.empty((num_items, 5), dtype=np.int64)
        for i in range(num_items):
            c = i * len(shelves) // num_items
            d, department, category = shelves[c]
            rank = i - -(-c * num_items // len(shelves))  # place of the item within its category, from 0
            products = vocabulary.DEPARTMENTS[department][category]
            style, product = rank % len(styles), rank // len(styles) % len(products)
            brands = vocabulary.BRANDS[department]
            # Every style has a house brand in its department that makes most of its items.
            brand = style % len(brands) if generator.random() < _HOUSE_BRAND else int(generator.integers(len(brands)))
            facts[i] = d, c, style, product, d * len(brands) + brand
            texts.append(_text(generator, department, category, products[product], brands[brand], vocabulary.STYLES[styles[style]]))
        # A long tail, but no item so unpopular that nobody would ever choose it.
        popularity = np.exp(_POPULARITY_SPREAD * np.maximum(generator.standard_normal(num_items), _LEAST_POPULAR))
        return cls(
            texts=tuple(texts),
            departments=facts[:, 0],
            categories=facts[:, 1],
            styles=facts[:, 2],
            products=facts[:, 3],
            brands=facts[:, 4],
            popularity=popularity,
        )


def _text(generator: np.random.Generator, department: str, category: str, product: str, brand: str, style: vocabulary.Style) -> ItemText:
    words = [style.words[i] for i in generator.permutation(len(style.words))[:_WORDS_SHOWN]]
    every = list(vocabulary.STYLES.values())
    material_style, colour_style = (
        style if generator.random() < _TRUE_TO_STYLE else every[int(generator.integers(len(every)))] for _ in range(2)
    )
    colour, material, tier, sentence = (
        choices[int(generator.integers(len(choices)))]
        for choices in (colour_style.colours, material_style.materials, vocabulary.TIERS, vocabulary.SENTENCES)
    )
    written = sentence.format(
        word=words[-1].lower(), product=product.lower(), colour=colour.lower(), material=material.lower(), category=category.lower()
    )
    return ItemText(
        title=f"{brand} {' '.join(words[:-1])} {product}, {material}, {colour}",
        brand=brand,
        categories=(department, category),
        description=written[0].upper() + written[1:],
        attributes={"colour": colour, "material": material, "range": tier},
    )
