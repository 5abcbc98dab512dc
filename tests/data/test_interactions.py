"""Numbering of items, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from sracl.data.interactions import Interactions
from sracl.errors import DataError
from sracl.interfaces import ItemText

SEQUENCES = {"ann": ["a", "b", "c", "a"], "ben": ["c", "d", "b"], "cy": ["e", "a"]}
TEXTS = {item: ItemText(title=f"Title of {item}") for item in "abcdef"}


def test_sequences_and_texts_come_back_by_number() -> None:
    made = Interactions.of("toy", SEQUENCES, TEXTS)
    for row, user in enumerate(made.users):
        assert [made.item_ids[i - 1] for i in made.sequence(row)] == SEQUENCES[user]
    assert [made.text(i).title for i in range(1, made.num_items + 1)] == [f"Title of {item}" for item in made.item_ids]
    assert made.offsets.tolist() == [0, 4, 7]
    assert (made.num_users, made.num_items, made.num_interactions) == (2, 4, 7)


def test_a_text_is_asked_for_by_numbers_from_one() -> None:
    made = Interactions.of("toy", SEQUENCES, TEXTS)
    with pytest.raises(IndexError, match=r"1\.\.4, got 0"):
        made.text(0)


def test_short_users_and_items_of_nobody_are_left_out_and_noted() -> None:
    made = Interactions.of("toy", SEQUENCES, TEXTS)
    # cy has two interactions; e was chosen by cy alone and f by nobody
    assert "cy" not in made.users
    assert {"e", "f"}.isdisjoint(made.item_ids)
    assert made.notes == (
        "1 user with fewer than 3 interactions: left out",
        "2 items that no user left has chosen: left out",
    )


def test_items_without_text_are_kept_and_noted() -> None:
    made = Interactions.of("toy", SEQUENCES, {"a": TEXTS["a"], "b": ItemText()})
    # b's text is empty, c and d have none
    assert "3 items without a text: kept" in made.notes
    assert made.num_items == 4


def test_nobody_left_is_an_error() -> None:
    with pytest.raises(DataError, match="no user has 3 interactions"):
        Interactions.of("toy", {"ann": ["a", "b"]}, TEXTS)


def test_numbers_depend_on_the_name_and_the_items_alone() -> None:
    many = {f"u{u}": [f"i{(u * 7 + step) % 60}" for step in range(5)] for u in range(60)}
    backwards = dict(reversed(many.items()))
    first = Interactions.of("one", many, {})
    assert first.item_ids == Interactions.of("one", backwards, {}).item_ids
    assert first.item_ids != Interactions.of("two", many, {}).item_ids
    assert sorted(first.item_ids) == sorted({item for sequence in many.values() for item in sequence})


def test_contents_have_a_fingerprint() -> None:
    made = Interactions.of("toy", SEQUENCES, TEXTS)
    other = Interactions.of("toy", SEQUENCES, {**TEXTS, "a": ItemText(title="Another")})
    assert made.fingerprint == Interactions.of("toy", SEQUENCES, TEXTS).fingerprint
    assert made.fingerprint != other.fingerprint


def test_numbers_do_not_tell_the_next_item(real_or_demo: Interactions) -> None:
    """Numbered by first appearance, "last number + 1" is the test item of 3.5 % (beauty) and 3.0 % (office) of users."""
    ends = real_or_demo.offsets[1:]
    last, target = real_or_demo.items[ends - 2], real_or_demo.items[ends - 1]
    hits = float(np.mean(target == last + 1))
    chance = 1 / real_or_demo.num_items
    # Five standard errors of a binomial share above chance: .0056 (demo), .0036 (office), .0004 (beauty).
    assert hits <= chance + 5 * np.sqrt(chance / real_or_demo.num_users)
