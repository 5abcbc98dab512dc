"""The language models that texts are asked of, as recipes name them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sracl import paths
from sracl.recipes.plan import RunPlan, plan
from sracl.runs import stages
from tests.recipes.test_prompt import NEEDY
from tests.support.plugins import plugin_distribution, sracl

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

TABLES = '[semantics.items]\nllm = {{ use = "openai", llm = {llm} }}\n[semantics.sequences]\n' + NEEDY
CARD = (paths.shipped("registry") / "llms" / "gpt-4o-mini.toml").read_text("utf-8")


def named(run: RunPlan) -> object:
    return run.values["semantics"]["items"]["llm"]["llm"]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ('"gpt-5-nano"', "No llm is called 'gpt-5-nano'. Did you mean 'gpt-4.1-nano'? Registered: deepseek-chat, "),
        ('"./absent.toml"', "There is no file "),
        ('"small.toml"', "small.toml is no valid card: kind: should be a string, and every card has it."),
        ('"words.toml"', "words.toml is a card of kind 'prompt'; one of kind 'llm' is wanted."),
        ('"bad.toml"', "bad.toml is no valid card: input_per_million: should be US dollars for a million tokens, 0 or more, got -1."),
    ],
)
def test_a_model_that_nobody_knows_is_told_on_its_line(
    complaints: Complaints, write: Write, child: Child, value: str, complaint: str
) -> None:
    write("words.toml", (paths.shipped("registry") / "prompts" / "products.toml").read_text("utf-8"))
    write("bad.toml", CARD.replace("input_per_million = 0.15", "input_per_million = -1", 1))
    (found,) = complaints(child(TABLES.format(llm=value)))
    assert found.startswith("mine.toml:5: semantics.items.llm.llm: ")
    assert complaint in found


def test_a_file_is_taken_from_the_folder_of_the_recipe_that_names_it(write: Write, child: Child, tmp_path: Path) -> None:
    write("below/card.toml", CARD)
    write("below/mine.toml", child(TABLES.format(llm='"./card.toml"')).replace("small", "../small"))
    write("heir.toml", 'recipe = 1\nname = "heir"\nextends = "below/mine.toml"\n')
    assert named(plan("below/mine.toml").runs[0]) == named(plan("heir.toml").runs[0]) == str(tmp_path / "below" / "card.toml")


def test_neither_price_nor_place_decides_what_a_run_is(write: Write, child: Child) -> None:
    write("mine.toml", child(TABLES.format(llm='"gpt-4o-mini"')))
    write("a.toml", CARD.replace("0.15", "99"))
    write("b.toml", CARD.replace('model = "gpt-4o-mini', 'model = "gpt-5'))
    registered, a, b = (plan("mine.toml", sets=[f"semantics.items.llm.llm={name}"]).runs[0] for name in ("gpt-4o-mini", "a.toml", "b.toml"))
    assert registered.digest == a.digest != b.digest
    assert stages.planned(registered.values, "data") == stages.planned(a.values, "data") != stages.planned(b.values, "data")


PROVIDER = """
class Mine:
    \"\"\"Writes what its model says.\"\"\"

    def __init__(self, *, llm: str) -> None:
        self.llm = llm

    def __call__(self, prompts):
        return [self.llm for _ in prompts]
"""


def test_what_providers_of_others_call_their_models_is_their_own_affair(write: Write, child: Child, tmp_path: Path) -> None:
    lab = plugin_distribution(
        tmp_path / "lab", modules={"lab_llms.py": PROVIDER}, entry_points={"sracl.llm_providers": {"mine": "lab_llms:Mine"}}
    )
    recipe = write(
        "lab/mine.toml", child(TABLES.format(llm='"models/llama.toml"').replace('"openai"', '"mine"')).replace("small", "../small")
    )
    done = sracl(["show", recipe.removeprefix("lab/")], [lab])
    assert done.returncode == 0, done.stderr
    assert '"models/llama.toml"' in done.stdout
