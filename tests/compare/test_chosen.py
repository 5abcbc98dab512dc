"""Of a sweep, what validation has chosen is carried out with other seeds, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from sracl.compare.chosen import chosen
from sracl.errors import UsageError
from sracl.recipes.plan import Plan, plan
from sracl.runs.entries import register, run_id
from sracl.tracking import identity
from sracl.tracking.store import Store

RECIPE = """\
recipe = 1
extends = "methods/sasrec"
name = "tuning"
seeds = [1]

[[variant]]
name = "narrow"
set = { "backbone.hidden_size" = 8 }
[[variant]]
name = "wide"
set = { "backbone.hidden_size" = 16 }

[matrix]
"data.max_length" = [10, 20]
"""

End: TypeAlias = Callable[[Plan, dict[tuple[str, int], float]], None]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "tuning.toml"
    file.write_text(f'{RECIPE}[sweep]\nmetric = "valid.mrr@10"\n', "utf-8")
    return file


@pytest.fixture
def end(store: Store) -> End:
    """Enters the runs of a plan as completed, with a validation figure for each variant and length; without one, as failed."""

    def end(trials: Plan, valid: dict[tuple[str, int], float]) -> None:
        register(store, trials)
        for run in trials.runs:
            store.start(run_id(run), identity.current())
            value = valid.get((run.variant, run.cell["data.max_length"]))
            if value is None:
                store.finish(run_id(run), "failed", "out of memory")
                continue
            for seen_items in ("keep", "exclude"):  # where seen items are excluded, the others are the better ones
                facts: dict[str, Any] = {"seen_items": seen_items, "data": "demo"}
                figures = {"valid": value if seen_items == "keep" else 1 - value, "test": 0.5}
                for split, figure in figures.items():
                    store.metrics(run_id(run), split=split, protocol=facts, group="all", values={"mrr@10": figure}, count=9)
            store.finish(run_id(run), "completed")

    return end


def lengths(left: Plan) -> list[tuple[str, int, int]]:
    return [(run.variant, run.cell["data.max_length"], run.seed) for run in left.runs]


def test_of_each_variant_the_best_by_the_protocol_of_the_recipe_is_left(store: Store, recipe: Path, end: End) -> None:
    trials = plan(str(recipe))
    end(trials, {("narrow", 10): 0.2, ("narrow", 20): 0.1, ("wide", 10): 0.2, ("wide", 20): 0.3})
    left, notes = chosen(store, trials, plan(str(recipe), seeds=[1, 2]))
    assert lengths(left) == [("narrow", 10, 1), ("narrow", 10, 2), ("wide", 20, 1), ("wide", 20, 2)]
    assert notes == [
        f"tuning: {label} validates best on demo, by MRR@10" for label in ("narrow data.max_length=10", "wide data.max_length=20")
    ]


def test_what_failed_was_tried_and_is_told(store: Store, recipe: Path, end: End) -> None:
    trials = plan(str(recipe))
    end(trials, {("narrow", 10): 0.2, ("narrow", 20): 0.1, ("wide", 10): 0.2})
    left, notes = chosen(store, trials, trials)
    assert lengths(left) == [("narrow", 10, 1), ("wide", 10, 1)]
    assert notes[0] == "tuning · wide · data.max_length=20 · seed 1 failed and takes no part: out of memory"


def test_a_variant_of_which_every_trial_failed_is_told_and_a_recipe_of_such_alone_refused(store: Store, recipe: Path, end: End) -> None:
    trials = plan(str(recipe))
    end(trials, {("narrow", 10): 0.2})
    left, notes = chosen(store, trials, trials)
    assert lengths(left) == [("narrow", 10, 1)]
    assert notes[-1] == "tuning: nothing is chosen of wide on demo, as every trial failed"
    lost = plan(str(recipe), sets=["train.epochs=7"])
    end(lost, {})
    with pytest.raises(UsageError, match=r"Every trial of tuning failed: .* tuning · narrow · data.max_length=10 · seed 1: out of memory"):
        chosen(store, lost, lost)


def test_nothing_is_chosen_before_all_trials_are_done(store: Store, recipe: Path) -> None:
    trials = plan(str(recipe))
    for known in (None, store):
        with pytest.raises(UsageError, match="4 trials of 4 of tuning are still to be done, such as tuning · narrow"):
            chosen(known, trials, trials)
    register(store, trials)
    with pytest.raises(UsageError, match="4 trials of 4"):
        chosen(store, trials, trials)


def test_a_recipe_without_a_sweep_says_by_what_to_choose(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "grid.toml"
    file.write_text(RECIPE, "utf-8")
    trials = plan(str(file))
    with pytest.raises(UsageError, match=r"grid.toml has no \[sweep\], whose metric says by what validation chooses"):
        chosen(store, trials, trials)
