from __future__ import annotations

import pytest

from sracl.data.interactions import Interactions
from sracl.data.splits import Prefixes, all_prefixes, evaluation_prefixes, training_prefixes, user_prefixes
from sracl.semantics import prompts
from sracl.semantics.reach import beyond_training, reach


def rows(shop: Interactions, which: str) -> Prefixes:
    made = {
        "training": lambda: training_prefixes(shop, 20),
        "user": lambda: user_prefixes(shop, 20),
        "valid": lambda: evaluation_prefixes(shop, "valid", 20),
        "test": lambda: evaluation_prefixes(shop, "test", 20),
        "all": lambda: all_prefixes(shop, 20),
        "contexts": lambda: prompts.item_contexts(shop, 5).prefixes,
        "none": lambda: prompts.item_contexts(shop, 0).prefixes,
    }
    return made[which]()


@pytest.mark.parametrize(
    ("which", "highest", "beyond"),
    [
        # ann has six interactions, of which x_4 is the last that trains; ben has four, and x_2.
        ("training", [3, 1], -1),
        ("user", [3, 1], -1),
        ("valid", [4, 2], 0),
        ("test", [5, 3], 1),
        ("all", [5, 3], 1),
        ("contexts", [4, 2], 0),
        ("none", [0, 0], -10),
    ],
)
def test_counts_positions_of_each_user_and_from_the_last_that_trains(
    shop: Interactions, which: str, highest: list[int], beyond: int
) -> None:
    reached = reach(shop, rows(shop, which))
    assert reached.tolist() == highest
    assert beyond_training(shop, reached) == beyond
