"""The words that texts are asked for with, as recipes name them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from sracl import paths
from sracl.recipes.plan import RunPlan, plan

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

NEEDY = """\
[[objective]]
id = "cross"
use = "cross_sequence"
synthesizer = "attention"
loss = "nt_xent"
[[objective]]
id = "intra"
use = "intra_sequence"
augmenter = "semantic_substitute"
loss = "nt_xent"
"""
BOTH = "[semantics.items]\n[semantics.sequences]\n" + NEEDY
MINE = (paths.shipped("registry") / "prompts" / "products.toml").read_text("utf-8")


def only(run: RunPlan) -> dict[str, Any]:
    return {kind: table["prompt"] for kind, table in run.values["semantics"].items()}


def test_a_recipe_that_names_none_has_the_usual_ones(write: Write, child: Child) -> None:
    (run,) = plan(write("mine.toml", child(BOTH))).runs
    assert only(run) == {"items": "products", "sequences": "purchases"}
    assert run.origins["semantics.items.prompt"] == "default of semantics.items"


def test_a_data_set_may_have_its_own(write: Write, child: Child) -> None:
    (run,) = plan(write("mine.toml", child(BOTH)), sets=['data={name = "yelp", max_length = 10}']).runs
    assert only(run) == {"items": "places", "sequences": "visits"}
    (run,) = plan("mine.toml", sets=['data={name = "yelp", max_length = 10}', "semantics.items.prompt=products"]).runs
    assert only(run) == {"items": "products", "sequences": "visits"}


def test_a_file_is_taken_from_the_folder_of_the_recipe_that_names_it(write: Write, child: Child, tmp_path: Path) -> None:
    write("below/words.toml", MINE)
    write("words.toml", MINE.replace("80", "81"))
    parent = child('[semantics.items]\nprompt = "words.toml"\n[semantics.sequences]\n' + NEEDY).replace("small", "../small")
    write("below/mine.toml", parent)
    write("heir.toml", 'recipe = 1\nname = "heir"\nextends = "below/mine.toml"\n')
    below, here = str(tmp_path / "below" / "words.toml"), str(tmp_path / "words.toml")
    assert only(plan("below/mine.toml").runs[0])["items"] == below
    assert only(plan("heir.toml").runs[0])["items"] == below
    assert only(plan("below/mine.toml", sets=["semantics.items.prompt=words.toml"]).runs[0])["items"] == here


def test_variants_the_matrix_and_variables_name_files_of_their_recipe_too(write: Write, child: Child, tmp_path: Path) -> None:
    below = str(tmp_path / "below" / "words.toml")
    write("below/words.toml", MINE)
    start = child(BOTH).replace("small", "../small")
    write("below/one.toml", start + '[[variant]]\nname = "A"\nset = { "semantics.items.prompt" = "words.toml" }\n')
    assert only(plan("below/one.toml").runs[0])["items"] == below
    write("below/two.toml", start + '[matrix]\n"semantics.items.prompt" = ["words.toml", "products"]\n')
    assert [only(run)["items"] for run in plan("below/two.toml").runs] == [below, "products"]
    named = start.replace("[semantics.items]", '[semantics.items]\nprompt = "${vars.words}"') + '[vars]\nwords = "words.toml"\n'
    write("below/three.toml", named)
    assert only(plan("below/three.toml").runs[0])["items"] == below


def test_a_run_is_known_by_the_words_and_not_by_where_they_lie(write: Write, child: Child) -> None:
    write("mine.toml", child(BOTH))
    write("a.toml", MINE)
    write("b.toml", MINE.replace('"products"', '"mine"'))
    write("c.toml", MINE.replace("words = 80", "words = 81"))
    shipped, a, b, c = (
        plan("mine.toml", sets=[f"semantics.items.prompt={name}"]).runs[0].digest for name in ("products", "a.toml", "b.toml", "c.toml")
    )
    assert shipped == a == b != c
    write("a.toml", MINE.replace("words = 80", "words = 81"))
    assert plan("mine.toml", sets=["semantics.items.prompt=a.toml"]).runs[0].digest == c


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ('"product"', "No prompt is called 'product'. Did you mean 'products'? Registered: places, products, purchases, visits."),
        ('"visits"', '"visits" describes sequences. Of items there are: places, products.'),
        ('""', "Should be"),
        ("3", "Should be"),
        ('"absent.toml"', "There is no file "),
        ('"small.toml"', "small.toml is no valid card: kind: should be a string, and every card has it."),
        ('"words.toml"', "words.toml is no valid card: item: there is no placeholder {titel}. Did you mean '{title}'? There are: {title},"),
    ],
)
def test_what_is_wrong_is_said_on_its_line(complaints: Complaints, write: Write, child: Child, value: str, complaint: str) -> None:
    write("words.toml", MINE.replace("title: {title}", "title: {titel}"))
    (found,) = complaints(child(BOTH.replace("[semantics.items]", f"[semantics.items]\nprompt = {value}")))
    assert found.startswith("mine.toml:5: semantics.items.prompt: ")
    assert complaint in found
