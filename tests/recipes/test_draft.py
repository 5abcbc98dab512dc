from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sracl.recipes.draft import Draft, Misplaced, Origin
from sracl.recipes.lines import Path


def at(text: str) -> Callable[[Path], Origin]:
    return lambda _: Origin(text)


def draft() -> Draft:
    made = Draft()
    made.merge(("backbone",), {"use": "sasrec", "hidden_size": 64, "dropout": 0.5}, at("parent"))
    made.merge(("objective", "cross"), {"use": "cross_sequence", "weight": 0.1, "synthesizer": "attention"}, at("parent"))
    made.merge(("evaluation", "cutoffs"), [5, 10], at("parent"))
    return made


def test_tables_merge_by_key() -> None:
    made = draft()
    made.merge(("backbone",), {"hidden_size": 32}, at("child"))

    assert made.values["backbone"] == {"use": "sasrec", "hidden_size": 32, "dropout": 0.5}
    assert made.origins["backbone", "hidden_size"].text == "child"
    assert made.origins["backbone", "dropout"].text == "parent"


def test_lists_are_replaced() -> None:
    made = draft()
    made.merge(("evaluation",), {"cutoffs": [20]}, at("child"))

    assert made.values["evaluation"] == {"cutoffs": [20]}
    assert ("evaluation", "cutoffs", "1") not in made.origins


def test_a_table_of_another_component_replaces_it_whole() -> None:
    made = draft()
    made.merge(("backbone",), {"use": "gru4rec", "layers": 1}, at("child"))

    assert made.values["backbone"] == {"use": "gru4rec", "layers": 1}
    assert ("backbone", "dropout") not in made.origins


def test_a_changed_use_alone_replaces_the_table_too() -> None:
    made = draft()
    made.merge(("backbone", "use"), "gru4rec", at("child"))

    assert made.values["backbone"] == {"use": "gru4rec"}


def test_the_same_use_merges() -> None:
    made = draft()
    made.merge(("backbone",), {"use": "sasrec", "dropout": 0.1}, at("child"))

    assert made.values["backbone"] == {"use": "sasrec", "hidden_size": 64, "dropout": 0.1}


def test_a_string_swaps_a_component_for_its_defaults() -> None:
    made = draft()
    made.merge(("backbone",), "sasrec", at("child"))

    assert made.values["backbone"] == "sasrec"
    assert ("backbone", "hidden_size") not in made.origins


def test_a_component_given_by_name_takes_parameters() -> None:
    made = draft()
    made.merge(("objective", "cross", "synthesizer", "dropout"), 0.2, at("child"))

    assert made.values["objective"]["cross"]["synthesizer"] == {"use": "attention", "dropout": 0.2}
    assert made.origins["objective", "cross", "synthesizer", "use"].text == "parent"


def test_nothing_is_set_inside_a_value() -> None:
    with pytest.raises(Misplaced, match="^backbone.dropout is no table, so nothing can be set in it.$"):
        draft().merge(("backbone", "dropout", "first"), 1, at("child"))


@pytest.mark.parametrize(
    ("below", "value", "whole"),
    [
        (("0", "keep"), 0.1, '[{ use = "crop", keep = 0.1 }, "reorder"]'),
        (("1",), "mask", '[{ use = "crop", keep = 0.6 }, "mask"]'),
        (("2",), "mask", '[{ use = "crop", keep = 0.6 }, "reorder"]'),
        (("1", "ratio"), 0.1, '[{ use = "crop", keep = 0.6 }, "reorder"]'),
        (("first",), "mask", '[{ use = "crop", keep = 0.6 }, "reorder"]'),
    ],
)
def test_a_list_is_set_whole_and_the_refusal_says_how(below: tuple[str, ...], value: Any, whole: str) -> None:
    made = draft()
    made.merge(("objective", "cross", "augmenters"), [{"use": "crop", "keep": 0.6}, "reorder"], at("parent"))
    with pytest.raises(Misplaced) as refused:
        made.merge(("objective", "cross", "augmenters", *below), value, at("child"))
    asked = "objective.cross.augmenters"
    assert str(refused.value) == f"{asked} is a list, and a list is set whole, as in {asked}={whole}."


def test_an_unknown_objective_is_not_begun_by_accident() -> None:
    with pytest.raises(Misplaced, match="There is no objective 'crss'. Did you mean 'cross'\\? There are: cross."):
        draft().merge(("objective", "crss", "weight"), 1.0, at("child"))


def test_a_new_objective_names_its_component() -> None:
    made = draft()
    made.merge(("objective", "next"), {"use": "next_item"}, at("child"))

    assert list(made.values["objective"]) == ["cross", "next"]


def test_removing_takes_values_and_origins() -> None:
    made = draft()
    made.remove(("objective", "cross"))

    assert made.values["objective"] == {}
    assert not [path for path in made.origins if path[:2] == ("objective", "cross")]


def test_removing_what_is_not_there_suggests_what_is() -> None:
    with pytest.raises(Misplaced, match="There is nothing of that name to leave out. Did you mean 'backbone.dropout'?"):
        draft().remove(("backbone", "droput"))


def test_copies_do_not_share_values() -> None:
    made = draft()
    other = made.copy()
    other.merge(("backbone", "dropout"), 0.9, at("child"))

    assert made.get(("backbone", "dropout")) == 0.5


def test_the_origin_of_what_was_not_written_is_that_of_the_table_around_it() -> None:
    made = draft()

    assert made.origin(("backbone", "num_heads")).text == "parent"
    assert made.origin(("train", "epochs")) is made.home
