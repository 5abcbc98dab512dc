from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from sracl.registry.wording import choices, describe, discreet, holds_key, in_toml, set_to


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        (int, "an integer"),
        (float | None, "a number"),
        (Annotated[int, Field(ge=1)], "an integer of at least 1"),
        (Annotated[float, Field(lt=2.5)], "a number below 2.5"),
        (Annotated[float, Field(le=1)], "a number of at most 1"),
        (Annotated[float, Field(ge=0, lt=1)], "a number in [0, 1)"),
        (Annotated[int, Field(multiple_of=8)], "an integer, a multiple of 8"),
        (Annotated[str, Field(min_length=1, max_length=3)], "a string, 1 to 3 long"),
        (Annotated[str, Field(pattern="[a-z]+")], "a string, matching [a-z]+"),
        (Literal["a"], '"a"'),
        (Literal["a", "b", 3], '"a", "b" or 3'),
        (list[int], "an array of integers"),
        (list[list[str]], "an array of arrays of strings"),
        (tuple[Annotated[float, Field(gt=0)], ...], "an array of numbers above 0"),
        (dict[str, bool], "a table of true or false each"),
    ],
)
def test_types_in_tomls_words(accepted: Any, words: str) -> None:
    assert describe(accepted) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1e-3, "0.001"),
        ('a "b"', r'"a \"b\""'),
        ([1, "x"], '[1, "x"]'),
        ({"use": "crop", "ratio": 0.5}, '{ use = "crop", ratio = 0.5 }'),
        ({}, "{}"),
        (None, "nothing"),
    ],
)
def test_values_as_a_recipe_writes_them(value: object, text: str) -> None:
    assert in_toml(value) == text


def test_choices_are_found_behind_unions_and_annotations() -> None:
    assert choices(Annotated[Literal["a", "b"] | None, Field()]) == ["a", "b"]
    assert choices(int) == []


def test_what_reads_like_a_key_is_not_told() -> None:
    assert discreet('"http://me:secret@host:1/v1"') == '"http://…@host:1/v1"'
    assert discreet('"https://host/v1?key=secret"') == '"https://host/v1?…"'
    assert discreet('"sk-secret-0123456789"') == '"sk-…"'
    assert holds_key("sk-secret-0123456789")
    assert holds_key("http://me:secret@host/v1")
    assert not any(map(holds_key, ("https://host/v1", "models/token-classification-large", "sk-learn", "a@b.org")))
    assert discreet('"https://host/v1"') == '"https://host/v1"'


def test_settings_as_the_command_line_takes_them() -> None:
    assert set_to({}) == []
    assert set_to({"a.b": True, "c": 0.5, "d": "cosine", "e": [1, 2], "f": {"x": "y"}}) == [
        "a.b=true", "c=0.5", "d=cosine", "e=[1, 2]", 'f={ x = "y" }',
    ]  # fmt: skip
