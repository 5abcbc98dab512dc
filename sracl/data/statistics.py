"""What a data set looks like, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sracl.data.by_time import moment
from sracl.data.splits import training_prefixes, trains

if TYPE_CHECKING:
    from sracl.data.interactions import Interactions


def statistics(interactions: Interactions, *, max_length: int = 20) -> dict[str, Any]:
    """Counts, lengths and coverage of texts.

    Args:
        interactions: The data set.
        max_length: Items a model reads at most.

    Returns:
        Counts as int, shares as float in [0, 1], lengths in interactions. `trained_after_tested` is the share of what trains under
        leave-one-out that is later than a user's test interaction, on average over users. It and `times` are None where there are none.
    """
    lengths = interactions.lengths
    samples = training_prefixes(interactions, max_length)
    read = samples.stops - samples.starts
    choices = np.bincount(interactions.items, minlength=interactions.num_items + 1)[1:]
    texts = interactions.texts
    return {
        "users": interactions.num_users,
        "items": interactions.num_items,
        "interactions": interactions.num_interactions,
        "density": interactions.num_interactions / (interactions.num_users * interactions.num_items),
        "training_samples": len(samples),
        "mean_training_length": float(read.mean()) if len(read) else 0.0,
        "user_length": _spread(lengths),
        "item_choices": _spread(choices),
        "users_by_length": {
            "<7": int((lengths < 7).sum()),
            "7-10": int(((lengths >= 7) & (lengths <= 10)).sum()),
            ">10": int((lengths > 10).sum()),
        },
        "times": None if interactions.times is None else f"{moment(interactions.times.min())} to {moment(interactions.times.max())}",
        "trained_after_tested": _trained_after_tested(interactions),
        "users_with_repeats": sum(len(np.unique(sequence)) < len(sequence) for sequence in map(interactions.sequence, range(len(lengths)))),
        "items_with": {
            "title": float(np.mean([bool(text.title) for text in texts])),
            "brand": float(np.mean([bool(text.brand) for text in texts])),
            "categories": float(np.mean([bool(text.categories) for text in texts])),
            "description": float(np.mean([bool(text.description) for text in texts])),
            "attributes": float(np.mean([bool(text.attributes) for text in texts])),
        },
    }


def _trained_after_tested(interactions: Interactions) -> float | None:
    if interactions.times is None:
        return None
    trained, tested = np.sort(interactions.times[trains(interactions)]), interactions.times[interactions.offsets[1:] - 1]
    return float(1 - np.searchsorted(trained, tested, side="right").mean() / len(trained)) if len(trained) else 0.0


def _spread(values: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, float]:
    """Mean, smallest, median and largest."""
    return {"mean": float(values.mean()), "min": int(values.min()), "median": float(np.median(values)), "max": int(values.max())}
