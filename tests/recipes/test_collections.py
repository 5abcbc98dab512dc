"""Recipes whose variants extend recipes of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from sracl.errors import RecipeError
from sracl.recipes.plan import plan
from sracl.recipes.shipped import shipped_recipes

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

TWO = """\
recipe = 1
name = "two"
seeds = [3]

[train]
epochs = 7

[[variant]]
name = "small"
extends = "small.toml"
[[variant]]
name = "wide"
extends = "wide.toml"
set = { "backbone.dropout" = 0.5 }
"""


@pytest.fixture
def two(write: Write, child: Child) -> str:
    write("wide.toml", child("[backbone]\nhidden_size = 16\ndropout = 0.1\n[train]\nepochs = 3\n"))
    return write("two.toml", TWO)


def test_a_variant_is_a_run_of_the_recipe_that_it_extends(two: str) -> None:
    small, wide = plan(two).runs

    assert (small.recipe, small.variant, wide.variant, small.seed) == ("two", "small", "wide", 3)
    assert (small.values["backbone"]["hidden_size"], wide.values["backbone"]["hidden_size"]) == (8, 16)
    assert (small.values["train"]["epochs"], wide.values["train"]["epochs"]) == (7, 7)  # of the recipe itself, over both
    assert wide.values["backbone"]["dropout"] == 0.5  # of the variant, over all
    assert wide.origins["backbone.hidden_size"] == "wide.toml:5"
    assert wide.origins["train.epochs"] == "two.toml:6"


def test_it_is_the_same_run_as_by_that_recipe_itself(two: str) -> None:
    (alone,) = plan("wide.toml", sets=["train.epochs=7", "backbone.dropout=0.5"], seeds=[3]).runs

    assert plan(two).runs[1].digest == alone.digest


def test_the_matrix_and_the_command_line_reach_all_of_them(two: str, write: Write) -> None:
    write("more.toml", TWO + '[matrix]\n"data.max_length" = [5, 6]\n')

    runs = plan("more.toml", sets=["train.batch_size=9"]).runs

    assert [(run.variant, run.values["data"]["max_length"]) for run in runs] == [("small", 5), ("small", 6), ("wide", 5), ("wide", 6)]
    assert {run.values["train"]["batch_size"] for run in runs} == {9}


def test_variants_are_found_from_the_folder_of_who_names_them(two: str, write: Write) -> None:
    write("deep/child.toml", 'recipe = 1\nname = "c"\nextends = "../two.toml"\n[train]\nepochs = 8\n')

    runs = plan("deep/child.toml").runs

    assert [(run.variant, run.values["train"]["epochs"], run.values["backbone"]["hidden_size"]) for run in runs] == [
        ("small", 8, 8),
        ("wide", 8, 16),
    ]


def test_all_their_problems_at_once(complaints: Complaints, two: str) -> None:
    text = TWO.replace("epochs = 7", "epoch = 7").replace("backbone.dropout", "backbone.dropot")

    assert complaints(text) == [
        "mine.toml:6: train.epoch: There is no such key. Did you mean 'epochs'? "
        "[train] takes: batch_size, epochs, optimizer, precision, early_stopping, phase.",
        "mine.toml:14: backbone.dropot: SASRec takes no such parameter. Did you mean 'dropout'? It takes: hidden_size, "
        "num_layers, num_heads, inner_size, dropout, attention_dropout, sparse_gradients. (In variant 'wide'.)",
    ]


def test_a_recipe_that_is_not_there(complaints: Complaints, two: str) -> None:
    assert complaints(TWO.replace("wide.toml", "wid.toml")) == ["mine.toml:13: variant.1.extends: There is no recipe 'wid.toml'."]
    assert complaints(TWO.replace("wide.toml", "methods/sasre"))[0].startswith(
        "mine.toml:13: variant.1.extends: There is no recipe 'methods/sasre'. Did you mean 'methods/sasrec'? "
    )


def test_all_recipes_that_are_not_there_at_once(complaints: Complaints, two: str) -> None:
    assert complaints(TWO.replace("small.toml", "smal.toml").replace("wide.toml", "wid.toml")) == [
        "mine.toml:10: variant.0.extends: There is no recipe 'smal.toml'.",
        "mine.toml:13: variant.1.extends: There is no recipe 'wid.toml'.",
    ]


def test_a_ring(complaints: Complaints, two: str, write: Write) -> None:
    write("back.toml", 'recipe = 1\nname = "back"\nextends = "mine.toml"\n')

    assert complaints(TWO.replace("wide.toml", "back.toml")) == [
        "back.toml:3: extends: Recipes extend one another in a ring: mine.toml -> back.toml -> mine.toml."
    ]


def test_a_parent_that_would_hide_what_variants_extend(complaints: Complaints, two: str, write: Write) -> None:
    text = TWO.replace('name = "two"', 'name = "two"\nextends = "wide.toml"')
    hidden = (
        "The recipe itself extends wide.toml, whose method would hide what this variant extends. "
        "Leave that out, and let every variant extend what it is a run of."
    )

    wanted = [f"mine.toml:11: variant.0.extends: {hidden}", f"mine.toml:14: variant.1.extends: {hidden}"]
    assert complaints(text) == wanted

    write("hidden.toml", text)
    assert complaints('recipe = 1\nname = "x"\nextends = "hidden.toml"\n') == [line.replace("mine", "hidden") for line in wanted]


def test_a_parent_of_no_method_is_common_to_what_variants_extend(two: str, write: Write) -> None:
    write("common.toml", 'recipe = 1\nname = "common"\n[train]\nbatch_size = 33\n')
    write("mine.toml", TWO.replace('name = "two"', 'name = "two"\nextends = "common.toml"'))

    runs, apart = plan("mine.toml").runs, plan(two).runs
    assert [run.values["backbone"] for run in runs] == [run.values["backbone"] for run in apart]
    assert {run.values["train"]["batch_size"] for run in runs} == {33}


def test_an_entry_may_be_completed_by_what_every_variant_extends(two: str, write: Write) -> None:
    write("weighted.toml", TWO + '[[objective]]\nid = "next"\nweight = 0.5\n')

    assert [run.values["objective"][0]["weight"] for run in plan("weighted.toml").runs] == [0.5, 0.5]


def test_a_variant_that_extends_nothing_beside_others_is_incomplete(two: str, write: Write) -> None:
    write("one.toml", TWO.replace('extends = "small.toml"\n', ""))

    with pytest.raises(RecipeError, match=r"Missing\. .*\(In variant 'small'\.\)"):
        plan("one.toml")


def test_the_recipes_of_the_paper_have_the_runs_of_its_tables() -> None:
    names = [name for name in shipped_recipes() if name.startswith("paper/")]

    assert {name: len(plan(name).runs) for name in names} == {
        "paper/figure4": 6 * 4 * 5,
        "paper/figure5_alpha": 7 * 4 * 5,
        "paper/figure5_beta": 7 * 4 * 5,
        "paper/figure6": 7 * 4 * 5,
        "paper/figure7": 3 * 2 * 5,
        "paper/table2": 14 * 4 * 5,
        "paper/table3": 5 * 4 * 5,
    }
