"""What substitution would do to a sequence, drawn without torch."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def substituted(
    items: Sequence[int], neighbours: Mapping[int, Sequence[int]], *, ratio: float, count: Literal["bernoulli", "exact"], seed: int
) -> list[int]:
    """One draw by the rule of the augmenter `semantic_substitute`; its numbers are others than those of the training.

    Args:
        items: A sequence.
        neighbours: Item -> its semantic neighbours; an item that has none stays.
        ratio: Share of the items to replace.
        count: `bernoulli` decides for each item on its own; `exact` replaces max(1, round(ratio · n)) of them.
        seed: Another one gives another draw.

    Returns:
        As many items.
    """
    rng = Random(seed)
    replaceable = [place for place, item in enumerate(items) if neighbours.get(item)]
    if count == "bernoulli":
        chosen = {place for place in replaceable if rng.random() < ratio}
    else:
        chosen = set(rng.sample(replaceable, min(len(replaceable), max(1, round(ratio * len(items))))))
    return [rng.choice(neighbours[item]) if place in chosen else item for place, item in enumerate(items)]
