from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sracl.errors import RecipeError, UsageError
from sracl.recipes.load import load
from sracl.recipes.plan import plan
from sracl.recipes.shipped import find, shipped_recipes, summary

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]


def test_a_recipe_is_found_by_name_and_by_path(write: Write) -> None:
    shipped = shipped_recipes()["methods/sasrec"]

    assert find("methods/sasrec") == shipped
    assert find("methods/sasrec.toml") == shipped
    assert find("recipes/methods/sasrec.toml") == shipped  # also where the current folder is not the checkout
    assert find("small.toml") == Path("small.toml")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("methods/sasre", "No recipe is called 'methods/sasre'. Did you mean 'methods/sasrec'? Shipped: "),
        ("small", "No recipe is called 'small'. Did you mean the file small.toml?"),
        ("quickstrat.toml", "There is no file quickstrat.toml. Did you mean 'quickstart'? Shipped recipes: "),
    ],
)
def test_a_recipe_that_is_not_there(write: Write, name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(name)

    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 2


def test_the_summary_is_the_first_line(write: Write) -> None:
    assert summary(Path(write("a.toml", "# What it trains.\n# More.\nrecipe = 1\n"))) == "What it trains."
    assert summary(Path(write("b.toml", "recipe = 1\n"))) == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"recipe = 1\nname = x\n", "mine.toml:2: not TOML: Invalid value: name = x   <- column 8. Text needs quotes."),
        (b"recipe = 1\n[data\n", "mine.toml:2: not TOML: Expected ']' at the end of a table declaration: [data   <- column 6."),
        (b'recipe = 1\nname = "x"\nname = "y"\n', 'mine.toml:3: not TOML: Cannot overwrite a value: name = "y"   <- column 11.'),
        (b"recipe = 1\nseeds = [1,", "mine.toml:2: not TOML: Invalid value: seeds = [1, Text needs quotes."),
        (b'recipe = 1\nname = "\xff"\n', "mine.toml:2: text: Not UTF-8, as TOML has to be."),
    ],
)
def test_a_file_that_is_no_toml_names_the_line(write: Write, tmp_path: Path, text: bytes, line: str) -> None:
    (tmp_path / "mine.toml").write_bytes(text)

    with pytest.raises(RecipeError) as caught:
        load("mine.toml")

    assert str(caught.value).splitlines() == ["mine.toml has 1 problem:", f"  {line}"]
    assert caught.value.exit_code == 3


def test_windows_line_ends_and_byte_order_marks_are_read(write: Write, tmp_path: Path, child: Child) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xef\xbb\xbf" + child("[train]\nepochs = 7\n").replace("\n", "\r\n").encode())

    run = plan("mine.toml").runs[0]

    assert run.origins["train.epochs"] == "mine.toml:5"


def test_a_child_overrides_its_parent_and_leaves_things_out(write: Write, child: Child) -> None:
    write("parent.toml", child('[train]\nepochs = 7\nearly_stopping = { metric = "valid.hr@5", patience = 3 }\n'))
    text = 'recipe = 1\nextends = "parent.toml"\nname = "grandchild"\nunset = ["train.early_stopping"]\n[train]\nbatch_size = 8\n'

    run = plan(write("mine.toml", text)).runs[0]

    assert run.values["train"]["epochs"] == 7
    assert run.values["train"]["batch_size"] == 8
    assert run.values["train"]["early_stopping"] is None
    assert run.origins["train.epochs"] == "parent.toml:5"
    assert run.origins["train.batch_size"] == "mine.toml:6"
    assert run.origins["data.name"] == "small.toml:6"


def test_objectives_merge_by_id(write: Write, child: Child) -> None:
    text = child('[[objective]]\nid = "next"\nweight = 2\n[[objective]]\nid = "again"\nuse = "next_item"\nloss = "cross_entropy"\n')

    objectives = plan(write("mine.toml", text)).runs[0].values["objective"]

    assert [(entry["id"], entry["weight"], entry["loss"]) for entry in objectives] == [
        ("next", 2.0, {"use": "cross_entropy"}),
        ("again", 1.0, {"use": "cross_entropy"}),
    ]


def test_paths_of_a_parent_start_at_its_child(write: Write, child: Child) -> None:
    write("lab/parent.toml", child("").replace("small.toml", "../small.toml"))

    assert plan(write("mine.toml", child("").replace("small.toml", "lab/parent.toml"))).runs[0].values["train"]["epochs"] == 2


def test_recipes_that_extend_one_another_in_a_ring(complaints: Complaints, write: Write, child: Child) -> None:
    write("other.toml", child("").replace("small.toml", "mine.toml"))

    assert complaints(child("").replace("small.toml", "other.toml")) == [
        "other.toml:2: extends: Recipes extend one another in a ring: mine.toml -> other.toml -> mine.toml."
    ]


def test_a_recipe_that_extends_itself(complaints: Complaints) -> None:
    assert complaints('recipe = 1\nname = "x"\nextends = "mine.toml"\n') == [
        "mine.toml:3: extends: Recipes extend one another in a ring: mine.toml -> mine.toml."
    ]


def test_eight_parents_are_the_most(write: Write, child: Child) -> None:
    write("0.toml", child(""))
    for number in range(1, 9):
        write(f"{number}.toml", child("").replace("small.toml", f"{number - 1}.toml"))

    assert plan("7.toml").runs  # 6 … 0 and small.toml: eight parents
    with pytest.raises(RecipeError, match="0.toml:2: extends: More than 8 recipes extend one another."):
        plan("8.toml")


def test_a_parent_that_is_not_there(complaints: Complaints, child: Child) -> None:
    assert complaints(child("").replace("small.toml", "smal.toml")) == ["mine.toml:2: extends: There is no recipe 'smal.toml'."]
    assert complaints(child("").replace("small.toml", "methods/srcal")) == [
        "mine.toml:2: extends: There is no recipe 'methods/srcal'. Did you mean 'methods/sracl'? "
        f"Shipped: {', '.join(shipped_recipes())}; a file of your own ends in .toml."
    ]


def test_the_head_of_a_file(complaints: Complaints) -> None:
    assert complaints('extends = "small.toml"\nunset = "data"\n') == [
        "mine.toml:1: recipe: Missing. A recipe begins with recipe = 1, the version of its format.",
        'mine.toml:1: name: Missing. It is what tables call the recipe, such as name = "my_ablation".',
        'mine.toml:2: unset: Should be an array of strings, got "data".',
    ]
    assert complaints('recipe = 2\nextends = "small.toml"\nname = ""\n') == [
        "mine.toml:1: recipe: This version of sracl reads format 1; write recipe = 1, got 2.",
        'mine.toml:3: name: Should be a string, at least 1 long, got "".',
    ]


def test_nothing_can_be_left_out_that_is_not_there(complaints: Complaints, child: Child) -> None:
    assert complaints(
        child('unset = ["train.epoch", "objective.next", "a b"]\n[[objective]]\nid = "x"\nuse = "next_item"\nloss = "cross_entropy"\n')
    ) == [
        "mine.toml:4: train.epoch: There is nothing of that name to leave out. Did you mean 'train.epochs'?",
        'mine.toml:4: unset.2: Should be a path such as objective.cross, got "a b".',
    ]


def test_nothing_can_be_left_out_without_a_parent(complaints: Complaints) -> None:
    assert complaints('recipe = 1\nname = "x"\nunset = ["train"]\n')[-1] == (
        "mine.toml:3: train: There is no parent whose values could be left out; that takes `extends`."
    )


def test_objectives_have_ids_of_their_own(complaints: Complaints, child: Child) -> None:
    text = '[[objective]]\nuse = "next_item"\n[[objective]]\nid = "a.b"\nuse = "next_item"\n'
    text += '[[objective]]\nid = "next"\n[[objective]]\nid = "next"\n[[objective]]\nid = "new"\n'

    assert complaints(child(text)) == [
        'mine.toml:4: objective.0.id: Missing. An id, such as id = "cross", makes its values addressable.',
        'mine.toml:7: objective.1.id: Should be a string, matching ^[A-Za-z0-9_-]+$, got "a.b".',
        "mine.toml:12: objective.3.id: Two objectives are called 'next'; the other stands on line 9.",
        "mine.toml:13: objective.new: There is no objective 'new'. Did you mean 'next'? There are: next. A new one needs `use`.",
    ]


def test_objectives_are_a_list(complaints: Complaints, child: Child) -> None:
    assert complaints(child("[objective]\nweight = 1\n")) == [
        "mine.toml:4: objective: Should be a list of tables, each under [[objective]]."
    ]
