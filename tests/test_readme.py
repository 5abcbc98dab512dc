"""The recipes that the README shows do resolve."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sracl.recipes.plan import plan

TEXT = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
RECIPES = [block for block in re.findall(r"^```toml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE) if block.startswith("recipe = 1")]


@pytest.mark.parametrize("text", RECIPES, ids=[re.findall(r'^name = "(\w+)"', text, re.MULTILINE)[0] for text in RECIPES])
def test_a_recipe_of_the_readme_resolves_and_takes_the_values_it_mentions(text: str, tmp_path: Path) -> None:
    (tmp_path / "shown.toml").write_text(text, "utf-8")
    assert plan(str(tmp_path / "shown.toml"), sets=re.findall(r"--set (\S+)", text)).runs


def test_recipes_are_found() -> None:
    assert len(RECIPES) == 3
