"""Of what was tried only what validates best is shown, whatever its test figures are."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sracl.compare.board import Block, Row
from sracl.compare.leaderboard import leaderboard
from sracl.errors import UsageError
from sracl.tracking.store import Store
from tests.compare.conftest import Add


@pytest.fixture
def tried(store: Store, add: Add) -> Any:
    """Enters a run with its figures of both interactions."""

    def enter(variant: str, seed: int, *, valid: float, test: float, **changed: Any) -> str:
        run_id = add(variant, seed, {"mrr@10": test}, **changed)
        for seen_items in ("keep", "exclude"):
            facts = {"seen_items": seen_items, "data": changed.get("dataset", "demo")}
            store.metrics(run_id, split="valid", protocol=facts, group="all", values={"mrr@10": valid, "hr@10": 1 - valid}, count=100)
        return run_id

    return enter


def rows(block: Block) -> dict[str, Row]:
    return {row.label: row for row in block.rows}


def test_the_mean_over_seeds_chooses_and_never_the_test_figure(store: Store, tried: Any) -> None:
    for lr, valid, test in ((0.1, (0.30, 0.10), 0.9), (0.2, (0.25, 0.25), 0.4)):  # .20 and .25
        for seed, of_seed in enumerate(valid):
            tried("full", seed, valid=of_seed, test=test, cell={"lr": lr}, values={"lr": lr})
    tried("plain", 0, valid=0.9, test=0.3, values={"other": 1})
    board = leaderboard(store, tuned_by="MRR@10")
    for block in board.blocks:  # seen items kept, and excluded
        assert list(rows(block)) == ["full lr=0.2", "plain"]
        assert (block.rows[0].figures["mrr@10"].mean, block.rows[0].figures["mrr@10"].n) == (0.4, 2)
        assert block.notes == (
            "full lr=0.2 validates best of the 2 of full, by MRR@10",
            "not tried equally often, which favours what was tried more: 2 of full, 1 of plain",
        )
    assert len(leaderboard(store).blocks[0].rows) == 3


def test_variants_that_two_recipes_have_are_told_apart_where_one_was_tried_more(store: Store, tried: Any) -> None:
    for lr in (0.1, 0.2):
        tried("full", 0, valid=lr, test=0.5, cell={"lr": lr}, values={"lr": lr})
    tried("full", 0, valid=0.1, test=0.5, values={"lr": 0.3}, recipe="other")
    (note,) = (note for note in leaderboard(store, tuned_by="mrr@10").blocks[0].notes if "equally" in note)
    assert note.endswith(": 2 of ablation/full, 1 of other/full")


def test_another_metric_may_choose_another(store: Store, tried: Any) -> None:
    for lr, valid in ((0.1, 0.3), (0.2, 0.2)):
        tried("full", 0, valid=valid, test=0.5, cell={"lr": lr}, values={"lr": lr})
    assert list(rows(leaderboard(store, tuned_by="mrr@10").blocks[0])) == ["full lr=0.1"]
    assert list(rows(leaderboard(store, tuned_by="hr@10").blocks[0])) == ["full lr=0.2"]


def test_each_data_set_has_a_choice_of_its_own(store: Store, tried: Any) -> None:
    for lr in (0.1, 0.2):
        for dataset, valid in (("demo", lr), ("office", -lr)):
            cell = {"lr": lr, "data.name": dataset}
            tried("full", 0, valid=valid, test=0.5, cell=cell, values={**cell, "evaluation": {"seen_items": "keep"}}, dataset=dataset)
    chosen = {block.dataset: block.rows[0].cell["lr"] for block in leaderboard(store, tuned_by="mrr@10").blocks}
    assert chosen == {"demo": 0.2, "office": 0.1}


def test_the_baseline_is_what_was_chosen_of_it(store: Store, tried: Any) -> None:
    store.recipe("ablation", {"baseline": "base"}, "")
    for variant, best in (("full", 0.1), ("base", 0.2)):
        for lr in (0.1, 0.2):
            tried(variant, 0, valid=float(lr == best), test=lr, cell={"lr": lr}, values={"lr": lr, "v": variant})
    found = rows(leaderboard(store, tuned_by="mrr@10").blocks[0])
    assert list(found) == ["full lr=0.1", "base lr=0.2"]
    assert found["full lr=0.1"].baseline == "base lr=0.2"
    assert found["full lr=0.1"].differences["mrr@10"] == pytest.approx(-0.1)


def test_what_did_not_validate_or_diverged_is_never_chosen(store: Store, tried: Any, add: Add) -> None:
    add("full", 0, {"mrr@10": 0.9}, cell={"lr": 9}, values={"lr": 9})
    tried("full", 0, valid=math.nan, test=0.8, cell={"lr": 8}, values={"lr": 8})
    tried("full", 0, valid=0.1, test=0.1, cell={"lr": 1}, values={"lr": 1})
    assert list(rows(leaderboard(store, tuned_by="mrr@10").blocks[0])) == ["full lr=1"]


def test_an_unknown_metric_is_an_error_with_the_nearest(store: Store, tried: Any) -> None:
    tried("full", 0, valid=0.1, test=0.1)
    with pytest.raises(UsageError, match="No metric is called 'mrr@1' by which to choose. Did you mean 'mrr@10'"):
        leaderboard(store, tuned_by="mrr@1")


def test_more_seeds_of_what_was_chosen_do_not_unmake_the_choice(store: Store, tried: Any) -> None:
    for lr, valid in ((0.1, 0.3), (0.2, 0.2)):
        tried("full", 0, valid=valid, test=0.5, cell={"lr": lr}, values={"lr": lr})
    for seed in (1, 2):  # by which its mean validates worse than the other
        tried("full", seed, valid=0.01, test=0.5, cell={"lr": 0.1}, values={"lr": 0.1})
    found = rows(leaderboard(store, tuned_by="mrr@10").blocks[0])
    assert list(found) == ["full lr=0.1"]
    assert found["full lr=0.1"].seeds == (0, 1, 2)


class TestASweep:
    @pytest.fixture(autouse=True)
    def swept(self, store: Store, tried: Any) -> None:
        store.recipe("ablation", {"baseline": None, "published": (), "tuned": "mrr@10"}, "")
        for lr, valid, test in ((0.1, 0.3, 0.1), (0.2, 0.2, 0.9)):
            tried("full", 0, valid=valid, test=test, cell={"lr": lr}, values={"lr": lr})

    def test_shows_test_figures_of_what_validation_chose_alone(self, store: Store) -> None:
        block = leaderboard(store).blocks[0]
        assert list(rows(block)) == ["full lr=0.1"]
        assert block.notes == ("full lr=0.1 validates best of the 2 of full, by MRR@10",)

    def test_shows_what_all_its_trials_validated_with(self, store: Store) -> None:
        assert list(rows(leaderboard(store, split="valid").blocks[0])) == ["full lr=0.1", "full lr=0.2"]

    def test_another_metric_may_be_asked_for(self, store: Store) -> None:
        assert list(rows(leaderboard(store, tuned_by="hr@10").blocks[0])) == ["full lr=0.2"]

    def test_leaves_other_recipes_alone(self, store: Store, tried: Any) -> None:
        for lr in (0.1, 0.2):
            tried("full", 0, valid=lr, test=lr, cell={"lr": lr}, values={"lr": lr}, recipe="grid")
        shown = [(row.recipe, row.cell["lr"]) for row in leaderboard(store).blocks[0].rows]
        assert shown == [("ablation", 0.1), ("grid", 0.1), ("grid", 0.2)]
