"""Every key of the terminal interface has a name, by which it can be changed, and a test that presses it."""

from __future__ import annotations

import importlib
from pathlib import Path

from sracl.tui import keys


def declared() -> set[str]:
    """What the marks `presses` of all tests of this folder promise; `conftest` holds every test to its own."""
    found: set[str] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        module = importlib.import_module(f"tests.tui.{file.stem}")
        for thing in vars(module).values():
            for mark in getattr(thing, "pytestmark", ()):
                if mark.name == "presses":
                    found.update(mark.args)
    return found


def test_every_binding_has_a_test_that_presses_its_key() -> None:
    bound = {f"{kind.__name__} {binding.id}" for kind, table in keys.tables().items() for binding in table}
    assert len(bound) > 30
    promised = declared()
    assert not bound - promised, "no test presses these"
    assert not promised - bound, "there are none such"


def test_every_binding_has_an_id_and_says_what_it_does() -> None:
    for kind, table in keys.tables().items():
        for binding in table:
            assert binding.id and binding.description, f"{kind.__name__}: {binding.key}"


def test_what_has_one_id_means_the_same_everywhere() -> None:
    found: dict[str, set[str]] = {}
    for table in keys.tables().values():
        for binding in table:
            found.setdefault(binding.id or "", set()).add(binding.description)
    assert {name: told for name, told in found.items() if len(told) > 1} == {
        "filter": {"Filter", "Find", "Set or find"},
        "left": {"List", "Recipes"},
        "right": {"Read", "Values"},
    }


def test_no_key_is_one_that_terminals_take_for_another() -> None:
    for kind, table in keys.tables().items():
        for binding in table:
            for key in keys.parts(binding.key):
                assert key not in ("ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m"), kind
            assert not all(key.startswith("alt+") for key in keys.parts(binding.key)), kind
