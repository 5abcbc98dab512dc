from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sracl import paths
from sracl.errors import RecipeError
from sracl.recipes.plan import plan

SMALL = """\
recipe = 1
name = "small"
seeds = [1]

[data]
name = "demo"
max_length = 10

[backbone]
use = "sasrec"
hidden_size = 8

[[objective]]
id = "next"
use = "next_item"
loss = { use = "cross_entropy" }

[train]
batch_size = 32
epochs = 2

[evaluation]
seen_items = "keep"
cutoffs = [5, 10]
"""
"""The least that a recipe can be; `small.toml` of every test here."""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Writes a recipe into an empty current folder, where `small.toml` stands already."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "user_data", lambda: tmp_path / "data")  # errors list the data sets there are
    (tmp_path / "small.toml").write_text(SMALL, "utf-8")

    def write(name: str, text: str) -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
        return name

    return write


@pytest.fixture
def complaints(write: Callable[[str, str], str]) -> Callable[..., list[str]]:
    """What a user reads of a recipe: one line per problem."""

    def complaints(text: str, *sets: str, seeds: list[int] | None = None) -> list[str]:
        recipe = write("mine.toml", text) if text else "small.toml"
        with pytest.raises(RecipeError) as caught:
            plan(recipe, sets=sets, seeds=seeds)
        first, *lines = str(caught.value).splitlines()
        count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
        assert first == f"{recipe} has {count}:"
        return [line.removeprefix("  ") for line in lines]

    return complaints


@pytest.fixture
def child() -> Callable[[str], str]:
    """A recipe that extends `small.toml`; what follows begins on line 4."""
    return lambda text: f'recipe = 1\nextends = "small.toml"\nname = "mine"\n{text}'
