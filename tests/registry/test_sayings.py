from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sracl.registry.card import Card
from sracl.registry.sayings import Untold, said, takes

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
import functools

import torch_that_is_not_here

RATE = 2


class Base:
    predicts: str = "next"
    wants: str

    def __call__(self, states, bias=None): ...


class Plain(Base):
    trains_bias = True


class Other(Plain):
    predicts = "mask"


class Foreign(torch_that_is_not_here.Base):
    trains_bias = True


class Made:
    def __init__(self):
        self.depends = 1


class Property:
    @property
    def predicts(self):
        return "next"


class Sometimes:
    if RATE:
        predicts = "next"


class Named:
    rate = RATE


@functools.cache
class Wrapped:
    predicts = "next"


class Silent(torch_that_is_not_here.nn.Module):
    def forward(self, states): ...


def function(states, *, bias): ...


def bare(states): ...


@functools.cache
def cached(states): ...
"""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "sayings_of_mine.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda name: Card(kind="objective", name=name, summary="", entry=f"sayings_of_mine:{name}")


@pytest.mark.parametrize(
    ("name", "attribute", "value"),
    [
        ("Plain", "predicts", "next"),
        ("Plain", "trains_bias", True),
        ("Plain", "wants", None),
        ("Other", "predicts", "mask"),
        ("Foreign", "trains_bias", True),
        ("function", "predicts", None),
    ],
)
def test_constants_of_a_class_and_its_bases(card: Any, name: str, attribute: str, value: Any) -> None:
    assert said(card(name), attribute) == value


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("Foreign", "predicts"),
        ("Made", "depends"),
        ("Property", "predicts"),
        ("Sometimes", "predicts"),
        ("Named", "rate"),
        ("Wrapped", "predicts"),
    ],
)
def test_what_only_the_component_could_tell(card: Any, name: str, attribute: str) -> None:
    with pytest.raises(Untold):
        said(card(name), attribute)


def test_arguments_of_a_call(card: Any) -> None:
    assert takes(card("Other"), "bias")
    assert takes(card("function"), "bias")
    assert not takes(card("bare"), "bias")
    for name in ("Silent", "cached", "Wrapped"):
        with pytest.raises(Untold):
            takes(card(name), "bias")
