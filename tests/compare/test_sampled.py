from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sracl.compare import render
from sracl.compare.board import Block, Leaderboard, Row
from sracl.compare.leaderboard import leaderboard
from sracl.compare.sampled import as_sampled
from sracl.compare.wide import side_by_side
from sracl.data import datasets
from sracl.errors import UsageError
from sracl.evaluation.sampled import expected
from sracl.tracking.store import Store

if TYPE_CHECKING:
    from tests.compare.conftest import Add, Train

RANKS = (1, 2, 7, 11)
"""Of four users who have had three of ten items each, so that six are left beside the target; the last has had the target, too."""
TOLD = {"items": [10], "seen": [3] * 4, "cutoffs": [1, 2]}


def board(store: Store, sampled: int = 3, **asked: Any) -> Leaderboard:
    return as_sampled(store, leaderboard(store, **asked), sampled)


def rows(block: Block) -> dict[str, Row]:
    return {row.label: row for row in block.rows}


class TestFigures:
    def test_four_users_by_hand(self, store: Store, train: Train) -> None:
        train("full", 1, [1] * 4, excluded=RANKS, **TOLD)
        (block,) = board(store, metrics=["hr@1", "mrr@2"]).blocks
        # three of six are drawn. Rank 2: half of the draws have the one before it, C(5, 2) / C(6, 3) = 10/20, and rank it second;
        # rank 7: all drawn are before it. HR@1 (1 + .5 + 0 + 0) / 4, MRR@2 (1 + (.5 + .5 / 2) + 0 + 0) / 4
        assert {metric: figure.mean for metric, figure in rows(block)["full"].figures.items()} == pytest.approx(
            {"hr@1": 0.375, "mrr@2": 0.4375}
        )
        assert block.users == 100  # as the store has it

    def test_seeds_are_averaged_and_rows_set_beside_their_baseline(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, RANKS, **TOLD)
        train("full", 2, (1, 1, 7, 11), **TOLD)
        train("base", 1, (7, 7, 7, 2), **TOLD)
        full = rows(board(store, metrics=["hr@1"]).blocks[0])["full"]
        # (1 + .5) / 4 and 2 / 4; the baseline .5 / 4
        assert full.figures["hr@1"].mean == pytest.approx(0.4375)
        assert full.figures["hr@1"].std == pytest.approx(0.125 / 2**0.5)
        assert full.figures["hr@1"].n == 2
        assert full.differences["hr@1"] == pytest.approx(0.4375 - 0.125)

    def test_a_group_is_measured_over_its_users(self, store: Store, train: Train) -> None:
        train("full", 1, RANKS, lengths=[5, 5, 12, 12], groups={"history<7": {"hr@1": 0.5}}, **TOLD)
        (block,) = board(store, group="history<7").blocks
        assert rows(block)["full"].figures["hr@1"].mean == pytest.approx(0.75)

    def test_one_run_that_tells_how_many_items_were_seen_tells_for_all(self, store: Store, train: Train) -> None:
        train("old", 1, RANKS, cutoffs=[1])
        train("new", 1, RANKS, **TOLD)
        found = rows(board(store, metrics=["hr@1"]).blocks[0])
        assert found["old"].figures == found["new"].figures

    def test_the_data_set_at_hand_tells_where_no_run_does(self, store: Store, train: Train) -> None:
        data = datasets.load("demo")
        ranks = np.random.default_rng(0).integers(1, 60, data.num_users)
        values = {"data": {"name": "demo", "max_length": 50}, "evaluation": {"seen_items": "keep", "split": "leave-one-out"}}
        train("old", 1, ranks.tolist(), data=data.fingerprint, values=values)
        (block,) = board(store, 20).blocks
        others = [data.num_items - 1 - len(set(data.sequence(user)[:-1].tolist())) for user in range(data.num_users)]
        assert len(set(others)) > 1
        wanted = expected(ranks, np.asarray(others), [10], sampled=20)["ndcg@10"].mean()
        assert rows(block)["old"].figures["ndcg@10"].mean == pytest.approx(wanted, rel=1e-12)
        assert len(block.notes) == 1  # the stamp


class TestStamp:
    def test_no_table_is_mixed_with_full_rankings(self, store: Store, train: Train) -> None:
        train("full", 1, RANKS, **TOLD)
        whole = leaderboard(store)
        found = as_sampled(store, whole, 3)
        (block,) = found.blocks
        assert block.fingerprint not in {other.fingerprint for other in whole.blocks}
        assert block.heading.startswith("demo: test, leave-one-out, candidates: 3 sampled uniformly, seen items excluded, ")
        assert found.notes == ("Tables with seen items kept are left out: sampled are items that a user has not had.",)

    def test_every_form_says_so(self, store: Store, train: Train) -> None:
        train("full", 1, RANKS, **TOLD)
        found = board(store)
        for form in ("table", "markdown", "latex"):
            text = render.render(found, form)
            assert "candidates: 3 sampled uniformly" in text
            assert "SAMPLED: each target is ranked among itself and 3 of the items that its user has not had, drawn uniformly" in text
            assert "not for choosing among methods" in text
            assert "Krichene and Rendle 2020" in text
        block = json.loads(render.as_json(found))["data"][0]
        assert block["protocol"]["candidates"] == "3 sampled uniformly"
        assert block["notes"][0].startswith("SAMPLED")
        (line, *_) = csv.DictReader(render.render(found, "csv").splitlines())
        assert line["candidates"] == "3 sampled uniformly"
        assert line["protocol"] == block["protocol"]["fingerprint"]

    def test_data_sets_side_by_side_are_stamped_once(self, store: Store, train: Train) -> None:
        for dataset in ("office", "beauty"):
            train("full", 1, RANKS, dataset=dataset, **TOLD)
        (block,) = side_by_side(board(store)).blocks
        assert sum(note.startswith("SAMPLED") for note in block.notes) == 1

    def test_published_figures_are_left_out(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"published": ["sracl-table3"]}, "")
        train("full", 1, RANKS, **TOLD)
        found = as_sampled(store, leaderboard(store, with_published=False), 3)
        assert found.blocks[0].rows[0].published == ()
        assert found.sources == ()
        assert "Published figures are left out: they are of other rankings." in found.notes


class TestWhatCannotBeHad:
    def test_metrics_of_lists(self, store: Store, train: Train) -> None:
        figures = {"hr@1": 0.5, "coverage@1": 0.2}
        run_id = train("full", 1, RANKS, figures=figures, **TOLD)
        store.metrics(run_id, split="test", protocol={"seen_items": "exclude", "data": "demo"}, group="all", values=figures, count=4)
        found = board(store, metrics=["hr@1", "coverage@1"])
        assert found.blocks[0].metrics == ("hr@1",)
        assert "Not of sampled items: COVERAGE@1." in found.notes
        with pytest.raises(UsageError, match="Of sampled items HR, NDCG and MRR can be had, not COVERAGE@1"):
            board(store, metrics=["coverage@1"])

    def test_runs_without_ranks(self, store: Store, train: Train, add: Add) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, RANKS, **TOLD)
        add("base", 1, {"hr@1": 0.5})
        (block,) = board(store).blocks
        assert [(row.label, row.baseline, row.differences) for row in block.rows] == [("full", None, {})]
        assert "base: left out, no ranks of users are kept" in block.notes

    def test_more_than_users_have_left(self, store: Store, train: Train) -> None:
        train("full", 1, RANKS, **TOLD)
        (block,) = board(store, 7).blocks
        assert block.rows == ()
        assert "full: left out, 7 items cannot be drawn from the 6 others that a user has not had" in block.notes

    def test_ranks_beyond_what_users_have_left(self, store: Store, train: Train) -> None:
        train("full", 1, (1, 2, 8, 11), **TOLD)
        assert "full: left out, its ranks are beyond the items that users have not had" in board(store).blocks[0].notes

    def test_other_users(self, store: Store, train: Train) -> None:
        train("full", 1, RANKS, **TOLD)
        train("other", 1, RANKS, users=[0, 1, 2, 9], cutoffs=[1, 2])
        assert "other: left out, its users are not those of the data set" in board(store).blocks[0].notes

    def test_what_nobody_knows_of_items_seen_is_told_with_how_much_it_matters(self, store: Store, train: Train) -> None:
        train("full", 1, (1, 3, 101), items=[100], cutoffs=[1])
        (block,) = board(store, 1, metrics=["hr@1"]).blocks
        # one of 99 is drawn, two of which stand before a target of rank 3: HR@1 = (1 + 97/99) / 3; of 98 it would be (1 + 96/98) / 3
        assert rows(block)["full"].figures["hr@1"].mean == pytest.approx((1 + 97 / 99) / 3)
        assert block.notes[-1].startswith("How many items each user has had is not kept of these runs, and the data set is not at hand")
        assert block.notes[-1].endswith("if users have had 1% of all items by up to .0001 (HR@1)")

    def test_how_many_items_there_were(self, store: Store, train: Train) -> None:
        train("full", 1, RANKS)
        (block,) = board(store).blocks
        assert block.rows == ()
        assert block.notes[-1].startswith("Nothing can be told of sampled items: the runs do not say how many items there were")

    def test_only_seen_items_kept(self, store: Store, train: Train) -> None:
        train("full", 1, RANKS, **TOLD)
        whole = leaderboard(store)
        with pytest.raises(UsageError, match="no figures are here with seen items excluded"):
            as_sampled(store, Leaderboard(whole.blocks[:1]), 3)

    def test_an_empty_store(self, store: Store) -> None:
        assert board(store).blocks == ()
