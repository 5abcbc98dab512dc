"""What recipes come to as they stand now, of all that was run of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sracl.compare.current import current
from sracl.compare.leaderboard import leaderboard
from sracl.errors import RecipeError, UsageError
from sracl.recipes.plan import Plan, plan
from sracl.runs import entries
from sracl.tracking import identity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sracl.tracking.store import Store

RECIPE = """
recipe = 1
name = "mine"
extends = "methods/sasrec"
seeds = [1]

[data]
name = "demo"

[[variant]]
name = "plain"

[[variant]]
name = "wide"
set = { "backbone.hidden_size" = 128 }

[report]
baseline = "plain"
"""


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(RECIPE)
    return file


def finish(store: Store, planned: Plan) -> None:
    """Enter a plan's runs, and figures of those that are not done, as if they had been trained."""
    entries.register(store, planned)
    for run in (run for run in planned.runs if not entries.is_done(store, run)):
        store.start(entries.run_id(run), identity.current())
        facts = {"seen_items": "keep", "data": run.values["data"]["name"]}
        store.metrics(entries.run_id(run), split="test", protocol=facts, group="all", values={"hr@10": 0.1})
        store.finish(entries.run_id(run), "completed")


def labels(store: Store, recipes: Sequence[str], **asked: Any) -> list[str]:
    board = leaderboard(store, recipes, places=current(store, recipes).places, **asked)
    return [f"{block.dataset}: {row.label}" for block in board.blocks for row in block.rows]


def test_rows_of_values_that_the_recipe_had_before_are_left_out_and_counted(store: Store, recipe: Path) -> None:
    finish(store, plan(str(recipe), seeds=[1, 2]))
    recipe.write_text(RECIPE.replace("128", "96"))
    finish(store, plan(str(recipe)))
    every = [row.label for row in leaderboard(store, "mine").blocks[0].rows]
    assert sorted(every) == ["plain", "wide backbone.hidden_size=128", "wide backbone.hidden_size=96"]
    found = current(store, [str(recipe)])
    assert labels(store, [str(recipe)]) == ["demo: plain", "demo: wide"]
    assert {(place.variant, place.seed) for place in found.places} == {("plain", 1), ("plain", 2), ("wide", 1)}
    assert found.notes == ("2 finished runs of mine left out: the recipe does not come to them as it stands.",)


def test_a_name_means_the_file_that_it_was_last_read_from(store: Store, recipe: Path) -> None:
    finish(store, plan(str(recipe)))
    assert labels(store, ["mine"]) == ["demo: plain", "demo: wide"]
    recipe.unlink()
    with pytest.raises(UsageError, match="There is no file"):
        current(store, ["mine"])


def test_a_variant_of_another_name_is_left_out_where_the_values_are_the_same(store: Store, recipe: Path) -> None:
    finish(store, plan(str(recipe)))
    recipe.write_text(RECIPE.replace('name = "wide"', 'name = "wider"'))
    entries.register(store, plan(str(recipe)))
    assert labels(store, ["mine"]) == ["demo: plain", "demo: wider"]
    assert current(store, ["mine"]).notes == ()  # the run is shown


def test_other_data_sets_count_as_far_as_the_recipe_can_be_run_on_them(store: Store, recipe: Path) -> None:
    finish(store, plan(str(recipe), sets=["data.name=markov"]))
    finish(store, plan(str(recipe), sets=["data.name=markov", "backbone.num_layers=3"]))
    assert labels(store, ["mine"]) == ["markov: plain", "markov: wide"]
    recipe.write_text(RECIPE.replace('name = "demo"', 'name = "demo"\nfocus = 2.0'))  # which `markov` does not take
    finish(store, plan(str(recipe)))
    assert labels(store, ["mine"]) == ["demo: plain", "demo: wide"]
    left, refused = current(store, ["mine"]).notes
    assert left.startswith("4 finished runs of mine left out")
    assert refused.startswith("mine cannot be run on markov as it stands: ")
    assert "focus" in refused


def test_runs_of_earlier_versions_that_tell_less_are_known_by_their_digest(store: Store, recipe: Path) -> None:
    whole = plan(str(recipe))
    less = [
        replace(run, values={**run.values, "train": {key: value for key, value in run.values["train"].items() if key != "precision"}})
        for run in whole.runs
    ]
    finish(store, replace(whole, runs=tuple(less)))
    assert labels(store, ["mine"]) == ["demo: plain", "demo: wide"]


def test_a_recipe_that_is_wrong_says_so(store: Store, recipe: Path) -> None:
    finish(store, plan(str(recipe)))
    recipe.write_text(RECIPE.replace("hidden_size", "hiden_size"))
    with pytest.raises(RecipeError, match="hidden_size"):
        current(store, ["mine"])
