"""The recipes that the README shows do resolve, and its backbone is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sracl.backbones.base import Backbone
from sracl.interfaces import SequenceSpec
from sracl.recipes.plan import plan
from tests.contracts.backbone import BackboneContract

TEXT = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
RECIPES = [block for block in re.findall(r"^```toml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE) if block.startswith("recipe = 1")]
(PROMPT,) = re.findall(r'^```toml\n(kind = "prompt".*?)^```', TEXT, re.DOTALL | re.MULTILINE)
(BACKBONE,) = re.findall(r"^```python\n# my_lab/models.py\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", RECIPES, ids=[re.findall(r'^name = "(\w+)"', text, re.MULTILINE)[0] for text in RECIPES])
def test_a_recipe_of_the_readme_resolves_and_takes_the_values_it_mentions(text: str, tmp_path: Path) -> None:
    (tmp_path / "shown.toml").write_text(text, "utf-8")
    assert plan(str(tmp_path / "shown.toml"), sets=re.findall(r"--set (\S+)", text)).runs


def test_recipes_are_found() -> None:
    assert len(RECIPES) == 5


def test_a_recipe_takes_the_prompt_of_the_readme(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(PROMPT, "utf-8")
    recipe = 'recipe = 1\nname = "mine"\nextends = "methods/sracl"\n[semantics.items]\nprompt = "short.toml"\n'
    (tmp_path / "mine.toml").write_text(recipe, "utf-8")
    (run, *_) = plan(str(tmp_path / "mine.toml")).runs
    assert run.values["semantics"]["items"]["prompt"] == str(tmp_path / "short.toml")


class TestTheBackboneOfTheReadme(BackboneContract):
    def make(self, spec: SequenceSpec) -> Backbone:
        shown: dict[str, Any] = {}
        exec(BACKBONE, shown)
        backbone: Backbone = shown["FadingMean"](spec)
        return backbone


def test_a_recipe_takes_the_backbone_of_the_readme_without_registration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_lab").mkdir()
    (tmp_path / "my_lab" / "models.py").write_text(BACKBONE, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    (setting,) = re.findall(r"--set backbone='(.*?)'", TEXT)
    (run,) = plan("methods/sasrec", sets=[f"backbone={setting}"], seeds=[1]).runs
    assert run.values["backbone"] == {"use": "my_lab.models:FadingMean", "hidden_size": 64, "fade": 0.8, "dropout": 0.2}
