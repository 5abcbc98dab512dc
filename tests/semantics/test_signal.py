from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from sracl.data.datasets import load
from sracl.data.interactions import Interactions
from sracl.data.splits import Prefixes
from sracl.semantics import signal


def along_an_arc(count: int) -> NDArray[np.float32]:
    """Vectors of items 1 … count, a hundredth of a radian apart, after that of padding: |i - j| tells who is nearer."""
    angles = 0.01 * np.arange(count)
    return np.concatenate([[[0, 0]], np.stack([np.cos(angles), np.sin(angles)], axis=1)]).astype(np.float32)


def of(*sequences: list[int], items: int = 100) -> Interactions:
    """Sequences of item numbers as they stand."""
    names = tuple(str(number) for number in range(1, items + 1))
    made = Interactions.of("arc", {"x": ["1", "2", "3"]}, {})
    return dataclasses.replace(
        made,
        items=np.concatenate([np.array(sequence) for sequence in sequences]),
        offsets=np.cumsum([0, *map(len, sequences)]),
        users=tuple(f"user {number}" for number in range(len(sequences))),
        item_ids=names,
        texts=made.texts[:1] * items,
    )


def test_cosines_along_training_transitions_and_of_items_without_a_vector_none(shop: Interactions) -> None:
    # ann's x_1 … x_4 are pen, ink, box, lamp and ben's x_1 x_2 ink, pad. Without a vector for the box two transitions count:
    # pen → ink of cosine 1 and ink → pad of 0. Dealt anew they are those, or pen → pad and ink → ink.
    said = {"pen": [1.0, 0.0], "ink": [2.0, 0.0], "pad": [0.0, 1.0], "lamp": [1.0, 1.0], "box": [0.0, 0.0]}
    vectors = np.array([[0, 0], *(said[name] for name in shop.item_ids)], dtype=np.float32)
    found = signal.transitions(shop, vectors)
    assert found == signal.Transitions(count=2, adjacent=0.5, random=0.5)


@pytest.mark.parametrize(("target", "hit"), [(21, 1.0), (22, 0.0)])
def test_twenty_items_are_looked_at_beside_the_last_one(target: int, hit: float) -> None:
    # From item 1 the nearest is 2 and the twentieth is 21.
    found = signal.next_item(of([1, target, 50, 51]), along_an_arc(100))
    assert (found.users, found.by_text, found.by_chance) == (1, hit, 20 / 99)


def test_an_item_without_a_vector_is_not_found_and_finds_nothing() -> None:
    vectors = along_an_arc(100)
    vectors[2] = 0
    found = signal.next_item(of([1, 2, 50, 51], [2, 3, 50, 51], [1, 22, 50, 51], [1, 2, 3]), vectors)
    # of three users with four items the third is found: with item 2 out of the way, item 22 is the twentieth
    assert found.users == 3
    assert found.by_text == pytest.approx(1 / 3)


def test_popularity_does_not_know_what_is_asked_for() -> None:
    # Item 90 stands in two histories, and item 1 where it is asked for alone, three times; 19 others stand there once.
    history = list(range(41, 60))
    data = of([*history, 90, 1, 9, 9], [90, 5, 1, 9, 9], [6, 1, 9, 9], [7, 90, 9, 9], items=200)
    found = signal.next_item(data, along_an_arc(200))
    assert found.by_popularity == pytest.approx(1 / 4)  # the fourth's; the twenty are 90, then those of lowest number: 5, 6, 7, 41 …


def test_what_neighbours_share() -> None:
    # Rows of users 0, 0, 1, 2 with targets 5, 5, 6, 5. Of four neighbours (2 none) those of rows 0 and 3 share the target,
    # and that of row 0 the user. By chance: 2 of 3 others for each 5, none for the 6.
    nothing = np.zeros(4, dtype=np.int64)
    pool = Prefixes(np.array([0, 0, 1, 2]), nothing, nothing, nothing, np.array([5, 5, 6, 5]))
    ids = np.array([[1, -1], [2, -1], [0, 3], [0, -1]])
    found = signal.alike(pool, np.arange(4), ids, pool.targets, 0.25)
    assert found == signal.Alike(same_user=1 / 5, same_target=2 / 5, same_target_by_chance=0.5, similarity=0.25)


def test_rows_without_a_vector_and_rows_that_share_theirs() -> None:
    vectors = np.array([[0, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert signal.coverage(vectors) == signal.Coverage(rows=4, zero=1, shared=2)


def test_what_validates_and_tests_plays_no_part() -> None:
    demo = load("demo")
    items = demo.items.copy()
    for back in (1, 2):
        items[demo.offsets[1:] - back] = items[demo.offsets[1:] - back] % demo.num_items + 1
    changed = dataclasses.replace(demo, items=items)
    vectors = np.random.default_rng(0).normal(size=(demo.num_items + 1, 8)).astype(np.float32)
    assert signal.transitions(demo, vectors) == signal.transitions(changed, vectors)
    assert signal.next_item(demo, vectors) == signal.next_item(changed, vectors)
