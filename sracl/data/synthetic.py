"""Data sets that are generated, so that the best possible result is known.

`demo` is a shop: items with titles, brands, categories and descriptions; users with a few interests each, whose next
item depends on what the texts tell. `markov` is a chain of items with one knob, for tests of learning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from sracl.data import vocabulary
from sracl.data.catalogue import Catalogue
from sracl.data.interactions import Interactions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sracl.interfaces import ItemText

VERSION = 2
"""Part of the generated data sets' fingerprints; raised when the same parameters come to give other data."""

CUTOFFS = (1, 5, 10, 20)

_SHORTEST, _LONGEST = 5, 50

_OPENING = 1_577_836_800.0  # 2020-01-01, in seconds since 1970
_YEARS = 2 * 365 * 86_400.0
_GAP = 10 * 86_400.0  # median time between two choices of a user

# How well an item fits an interest (category, style), in nats below a perfect fit.
_OTHER_STYLE = 2.0
_OTHER_CATEGORY = 2.5
_OTHER_DEPARTMENT = 4.5
_OTHER_DEPARTMENT_AND_STYLE = 6.0

# How one item calls for the next, in nats.
_NEXT_PRODUCT = 1.5
_SAME_PRODUCT = -1.0
_SAME_BRAND = 0.7


@dataclass(frozen=True)
class _Shop:
    """A generated catalogue, its users' sequences, and what an oracle knew before each user's last item."""

    texts: tuple[ItemText, ...]
    sequences: list[list[int]]
    times: list[list[float]]
    """When each was chosen, seconds since 1970."""
    foreseen: NDArray[np.float64]
    """Probabilities of the likeliest items, falling, float [U, max(CUTOFFS)]."""


def demo(
    *,
    num_users: Annotated[int, Field(ge=1)] = 600,
    num_items: Annotated[int, Field(ge=60)] = 720,
    mean_length: Annotated[float, Field(gt=5, le=20)] = 8.0,
    persistence: Annotated[float, Field(ge=0, le=1)] = 0.8,
    focus: Annotated[float, Field(ge=0)] = 1.0,
    seed: Annotated[int, Field(ge=0)] = 0,
) -> Interactions:
    """A generated shop whose texts tell what its users like.

    Items belong to a category within a department and to a style; titles, brands and descriptions show both, the
    style only through words that stand for it. A user has one to three interests, each a (category, style), keeps to
    the present one with probability `persistence`, and draws the next item with probability proportional to

        popularity(item) · exp(focus · (fit(item, interest) + call(last item of this interest, item)))

    among the items not chosen before. The fit falls from items of both the category and the style to those of one
    and of neither; the product that usually follows the last one, and the same brand, are called for.
    Popularity is log-normal, cut off below, so that it has a long tail. Times are drawn apart, and nothing depends on them.

    Args:
        num_users: U.
        num_items: Size of the catalogue; an item that nobody chooses is left out.
        mean_length: Mean interactions per user, all of them at least 5.
        persistence: Probability of staying with the present interest, where there are others.
        focus: Sharpness of interests; 0 leaves popularity alone.
        seed: Of everything that is drawn.

    Returns:
        The data set, with external item names in the order of the catalogue.
    """
    shop = _shop(num_users, num_items, mean_length, persistence, focus, seed)
    chosen = sorted({item for sequence in shop.sequences for item in sequence})
    users = [f"user-{u + 1:04d}" for u in range(num_users)]
    return Interactions.of(
        "demo",
        {user: [_name(item) for item in sequence] for user, sequence in zip(users, shop.sequences, strict=True)},
        {_name(item): shop.texts[item] for item in chosen},
        times=dict(zip(users, shop.times, strict=True)),
    )


def demo_ceiling(
    *,
    num_users: int = 600,
    num_items: int = 720,
    mean_length: float = 8.0,
    persistence: float = 0.8,
    focus: float = 1.0,
    seed: int = 0,
) -> dict[str, float]:
    """The best result to be expected on `demo` with these parameters, test split.

    An oracle that knows each user's interests and the present one ranks items by their true probability of being
    next; its hit rate is the mean over users of the k largest probabilities' sum. A model sees the history only, so
    it stays below.

    Returns:
        `hr@k` and `ndcg@k` for k in 1, 5, 10, 20.
    """
    foreseen = _shop(num_users, num_items, mean_length, persistence, focus, seed).foreseen
    gains = foreseen / np.log2(np.arange(foreseen.shape[1]) + 2)
    return {
        **{f"hr@{k}": float(foreseen[:, :k].sum(axis=1).mean()) for k in CUTOFFS},
        **{f"ndcg@{k}": float(gains[:, :k].sum(axis=1).mean()) for k in CUTOFFS},
    }


def markov(
    *,
    num_items: Annotated[int, Field(ge=2)] = 50,
    num_users: Annotated[int, Field(ge=1)] = 200,
    length: Annotated[int, Field(ge=3)] = 12,
    sharpness: Annotated[float, Field(ge=0, le=1)] = 0.9,
    seed: Annotated[int, Field(ge=0)] = 0,
) -> Interactions:
    """A first-order Markov chain over items: each has one successor, on one cycle through all of them.

    The next item is the last one's successor with probability `sharpness`, otherwise any item, all equally likely.
    With sharpness 1 the next item is certain; with 0 nothing can be learned. `markov_ceiling` is the best possible
    Recall@1. Users repeat items. Neighbours on the cycle share a category, so texts say roughly where an item stands.

    Args:
        num_items: V.
        num_users: U.
        length: Interactions of every user.
        sharpness: Probability that the successor is forced, in [0, 1].
        seed: Of everything that is drawn.
    """
    generator = np.random.default_rng([seed, VERSION])
    # Places on the cycle; the successor of place p is p + 1. Interactions.of numbers the items at random.
    places = np.empty((num_users, length), dtype=np.int64)
    places[:, 0] = generator.integers(num_items, size=num_users)
    for step in range(1, length):
        forced = generator.random(num_users) < sharpness
        places[:, step] = np.where(forced, (places[:, step - 1] + 1) % num_items, generator.integers(num_items, size=num_users))
    catalogue = Catalogue.drawn(num_items, generator)
    return Interactions.of(
        "markov",
        {f"user-{u + 1:04d}": [_name(place) for place in row] for u, row in enumerate(places)},
        {_name(place): text for place, text in enumerate(catalogue.texts)},
    )


def markov_ceiling(sharpness: float, num_items: int) -> float:
    """Best possible Recall@1 on `markov`, that of predicting the successor: sharpness + (1 - sharpness) / num_items."""
    return sharpness + (1 - sharpness) / num_items


def _name(item: int) -> str:
    return f"item-{item + 1:04d}"


def _shop(num_users: int, num_items: int, mean_length: float, persistence: float, focus: float, seed: int) -> _Shop:
    generator = np.random.default_rng([seed, VERSION])
    catalogue = Catalogue.drawn(num_items, generator)
    fit, call = _fit(catalogue, focus), _call(catalogue, focus)
    num_clusters = len(fit)
    sequences, foreseen = [], []
    for _ in range(num_users):
        interests = generator.permutation(num_clusters)[: 1 + generator.integers(3)]
        length = min(_SHORTEST - 1 + generator.geometric(1 / (mean_length - _SHORTEST + 1)), _LONGEST, num_items)
        sequence, probabilities = _walk(fit[interests], call, int(length), persistence, generator)
        sequences.append(sequence)
        foreseen.append(np.sort(probabilities)[::-1][: max(CUTOFFS)])
    return _Shop(catalogue.texts, sequences, _times(sequences, seed), np.array(foreseen))


def _times(sequences: list[list[int]], seed: int) -> list[list[float]]:
    """When each item was chosen: users come one by one over two years, and come again after a day to some months."""
    generator = np.random.default_rng([seed, VERSION, 1])  # its own, so that the items are the same with times as without
    found = []
    for sequence in sequences:
        first = _OPENING + generator.uniform(0, _YEARS)
        gaps = np.exp(generator.normal(np.log(_GAP), 1.0, size=len(sequence) - 1))
        found.append(np.floor(first + np.concatenate([[0.0], np.cumsum(gaps)])).tolist())
    return found


def _walk(
    fit: NDArray[np.float64], call: NDArray[np.float64], length: int, persistence: float, generator: np.random.Generator
) -> tuple[list[int], NDArray[np.float64]]:
    """One user's items, and the probability of every item just before the last was drawn.

    Args:
        fit: Popularity times fit, float [interests, V].
        call: float [V, V].
        length: Items to draw.
        persistence: As in `demo`.
        generator: Source of the draws.
    """
    num_interests, num_items = fit.shape
    present = int(generator.integers(num_interests))
    weights = fit.copy()  # [interests, V]: those of the next item under each interest
    seen = np.zeros(num_items, dtype=bool)
    sequence: list[int] = []
    outlook = np.empty(num_items)
    for _ in range(length):
        turn = np.full(num_interests, (1 - persistence) / max(num_interests - 1, 1))
        turn[present] = persistence if num_interests > 1 else 1.0
        open_weights = np.where(seen, 0.0, weights)
        chances = open_weights / open_weights.sum(axis=1, keepdims=True)
        outlook = turn @ chances
        present = _draw(turn, generator)
        item = _draw(chances[present], generator)
        weights[present] = fit[present] * call[item]
        seen[item] = True
        sequence.append(item)
    return sequence, outlook


def _draw(probabilities: NDArray[np.float64], generator: np.random.Generator) -> int:
    """An index with these probabilities, never one of probability 0."""
    total = np.cumsum(probabilities)
    return int(np.searchsorted(total, generator.random() * total[-1], side="right"))


def _fit(catalogue: Catalogue, focus: float) -> NDArray[np.float64]:
    """Popularity times fit of every item with every interest, float [categories · styles, V]."""
    num_styles = len(vocabulary.STYLES)
    department_of = np.array([d for d, categories in enumerate(vocabulary.DEPARTMENTS.values()) for _ in categories])
    cluster_category, cluster_style = np.divmod(np.arange(len(department_of) * num_styles), num_styles)
    same_category = cluster_category[:, None] == catalogue.categories
    same_department = department_of[cluster_category][:, None] == catalogue.departments
    same_style = cluster_style[:, None] == catalogue.styles
    distance = np.select(
        [same_category & same_style, same_category, same_department & same_style, same_department, same_style],
        [0.0, _OTHER_STYLE, _OTHER_CATEGORY, _OTHER_STYLE + _OTHER_CATEGORY, _OTHER_DEPARTMENT],
        default=_OTHER_DEPARTMENT_AND_STYLE,
    )
    return catalogue.popularity * np.exp(-focus * distance)


def _call(catalogue: Catalogue, focus: float) -> NDArray[np.float64]:
    """How strongly each item (row) calls for each other, as factors, float [V, V]."""
    products = catalogue.products
    same_category = catalogue.categories[:, None] == catalogue.categories
    num_products = int(products.max()) + 1
    follows = same_category & ((products[:, None] + 1) % num_products == products)
    same_product = same_category & (products[:, None] == products)
    same_brand = catalogue.brands[:, None] == catalogue.brands
    return np.asarray(np.exp(focus * (_NEXT_PRODUCT * follows + _SAME_PRODUCT * same_product + _SAME_BRAND * same_brand)))
