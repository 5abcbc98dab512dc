from __future__ import annotations

from typing import Any

import pytest

from sracl.recipes.settings import Setting, in_order, overlap, parse, touched


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("1e-3", 0.001),
        ("true", True),
        ("True", "True"),  # not TOML's true; the type check of the parameter will say so
        ("office", "office"),
        ('"office"', "office"),
        ("my_lab.models:Mine", "my_lab.models:Mine"),
        ("valid.mrr@10", "valid.mrr@10"),
        ("models/minilm", "models/minilm"),
        ("w/o CL", "w/o CL"),
        ("[1, 2]", [1, 2]),
        ('{use = "adamw", lr = 1e-3}', {"use": "adamw", "lr": 0.001}),
        ("a = b", "a = b"),
        ("1\nother = 2", "1\nother = 2"),  # one value, not two keys
        ('""', ""),
    ],
)
def test_values_are_toml_and_bare_words_strings(written: str, value: Any) -> None:
    settings, problems = parse([f"some.path={written}"])

    assert problems == []
    assert settings == [Setting(("some", "path"), value)]
    assert type(settings[0].value) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.epochs", "--set: train.epochs: Should be path=value, such as train.epochs=5."),
        ("=5", "--set: =5: '' is no path; one reads train.epochs or objective.cross.weight."),
        ("train epochs=5", "--set: train epochs=5: 'train epochs' is no path; one reads train.epochs or objective.cross.weight."),
        ("data.name=", '--set: data.name: No value; an empty string is written "".'),
        ('data.name="demo', '--set: data.name: "demo is not TOML: Unterminated string.'),
        ("evaluation.cutoffs=[5, 10", "--set: evaluation.cutoffs: [5, 10 is not TOML: Unclosed array."),
    ],
)
def test_what_cannot_be_read_is_reported(text: str, message: str) -> None:
    settings, problems = parse([text])

    assert settings == []
    assert [str(problem) for problem in problems] == [message]


def test_a_path_is_given_once() -> None:
    settings, problems = parse(["train.epochs=1", "train.epochs=2"])

    assert settings == [Setting(("train", "epochs"), 1)]
    assert [str(problem) for problem in problems] == ["--set: train.epochs: Given twice."]


def test_a_component_is_chosen_before_its_parameters_are_set() -> None:
    settings, _ = parse(["backbone.hidden_size=32", "backbone.use=gru4rec", "train={epochs = 5}"])

    assert [setting.path for setting in in_order(settings)] == [("backbone", "use"), ("train",), ("backbone", "hidden_size")]


def test_a_table_decides_the_paths_of_its_entries_and_a_component_its_own() -> None:
    assert touched(("train",), {"epochs": 5, "early_stopping": {"patience": 3}}) == [
        ("train", "epochs"),
        ("train", "early_stopping", "patience"),
    ]
    assert touched(("backbone",), {"use": "sasrec", "dropout": 0.1}) == [("backbone",)]
    assert touched(("backbone", "use"), "sasrec") == [("backbone",)]


def test_paths_overlap_if_one_holds_the_other() -> None:
    assert overlap(("backbone",), ("backbone", "dropout"))
    assert overlap(("backbone", "dropout"), ("backbone",))
    assert not overlap(("backbone", "dropout"), ("backbone", "hidden_size"))
