from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from sracl.compare import render
from sracl.compare.board import Block, Leaderboard, Row
from sracl.compare.leaderboard import leaderboard
from sracl.compare.significance import with_tests
from sracl.errors import UsageError
from sracl.evaluation.metrics import metrics, per_user
from sracl.evaluation.user_test import UserTest
from sracl.tracking.store import Store
from tests.support.recipes import called, project, sracl_recipe

if TYPE_CHECKING:
    from tests.compare.conftest import Train

FEW = (*[20] * 190, *[1] * 10)
"""200 users, of whom ten are hit."""
MORE = (*[20] * 150, *[1] * 50)
"""Forty more of them."""


def board(store: Store, *, alpha: float = 0.05, test: UserTest = "ttest", **asked: Any) -> Leaderboard:
    return with_tests(store, leaderboard(store, **asked), alpha=alpha, test=test)


def elsewhere(store: Store, run_id: str, variant: str) -> None:
    """Give a run a place in another recipe too."""
    store.register(
        run_id=f"{run_id} again", digest=f"digest of {run_id}", recipe="other", variant=variant, cell={}, seed=1, label="", dataset="demo",
        values={"evaluation": {"seen_items": "keep"}}, origins={}, leaky=(), folder="", environment={},
    )  # fmt: skip


def rows(block: Block) -> dict[str, Row]:
    return {row.label: row for row in block.rows}


def marked(board: Leaderboard) -> list[str]:
    """Lines of the first block with a mark."""
    return [line for line in render.as_table(board).split("\n\n")[0].splitlines() if "†" in line or "‡" in line]


class TestPairs:
    def test_rows_are_tested_against_their_baseline(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, MORE)
        train("base", 1, FEW)
        kept, _ = board(store).blocks
        test = rows(kept)["full"].tests["hr@10"]
        expected = stats.ttest_rel((np.asarray(MORE) <= 10) * 1.0, (np.asarray(FEW) <= 10) * 1.0).pvalue
        assert (test.against, test.users, test.over_seeds) == ("base", 200, None)
        assert test.over_users.raw == test.over_users.corrected == pytest.approx(expected)
        assert rows(kept)["base"].tests == {}

    def test_without_a_baseline_the_best_is_tested_against_the_second_best(self, store: Store, train: Train) -> None:
        for variant, ranks in {"worst": FEW, "best": MORE, "second": (*FEW[1:], 1), "leaky": [1] * 200}.items():
            train(variant, 1, ranks, leaky=("pool",) if variant == "leaky" else ())
        found = rows(board(store).blocks[0])
        assert found["best"].tests["hr@10"].against == "second"
        assert [row.label for row in found.values() if row.tests] == ["best"]

    def test_a_run_that_fills_two_places_is_no_second_best(self, store: Store, train: Train) -> None:
        best = train("best", 1, MORE)
        train("second", 1, FEW)
        elsewhere(store, best, "the same")
        found = rows(board(store).blocks[0])
        assert found["the same"].runs == (best,)
        assert found["best"].tests["hr@10"].against == "second"

    def test_protocols_are_tested_apart(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, MORE, excluded=FEW)
        train("base", 1, FEW, excluded=FEW)
        kept, excluded = board(store).blocks
        assert rows(kept)["full"].tests["hr@10"].over_users.raw < 1e-6
        assert rows(excluded)["full"].tests["hr@10"].over_users.raw == 1.0

    def test_what_cannot_be_recommended_counts_for_nothing_where_a_cutoff_is_above_all_items(self, store: Store, train: Train) -> None:
        # nine items: a target of rank 10 is one that the user has had before, and no hit among the first 10
        store.recipe("ablation", {"baseline": "base"}, "")
        ours, theirs = (*[1] * 120, *[10] * 80), (*[2] * 120, *[10] * 80)
        for variant, ranks in {"full": ours, "base": theirs}.items():
            train(variant, 1, ranks, figures=metrics(np.asarray(ranks), [10], num_items=9))
        kept, excluded = board(store).blocks  # of the second the figures are those of ten items or more
        test = rows(kept)["full"].tests["mrr@10"]
        expected = stats.ttest_1samp(np.asarray([0.5] * 120 + [0.0] * 80), 0.0).pvalue
        assert test.users == 200
        assert test.over_users.raw == pytest.approx(expected)
        assert rows(kept)["full"].tests["hr@10"].over_users.raw == 1.0
        assert rows(excluded)["full"].figures["hr@10"].mean == 1.0
        assert (kept.notes, excluded.notes) == ((), ())

    def test_what_cannot_be_recommended_is_known_by_the_number_of_items_where_it_is_told(self, store: Store, train: Train) -> None:
        # seven items: nobody at rank 8 is hit, and of seen items excluded the figures are those of eight items or more
        store.recipe("ablation", {"baseline": "base"}, "")
        for variant, ranks in {"full": [1] * 120 + [8] * 80, "base": [2] * 120 + [7] * 80}.items():
            train(variant, 1, ranks, figures=metrics(np.asarray(ranks), [10], num_items=7), items=[7])
        kept, excluded = board(store).blocks
        # d = 1 - 1/2 for 120 users, 0 - 1/7 for 80
        expected = stats.ttest_1samp(np.asarray([0.5] * 120 + [-1 / 7] * 80), 0.0).pvalue
        assert rows(kept)["full"].tests["mrr@10"].over_users.raw == pytest.approx(expected)
        assert excluded.notes[0].endswith(".npz does not give the figures that are kept of its run")

    def test_users_are_met_by_who_they_are_and_not_by_their_place(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        rng = np.random.default_rng(0)
        ours, theirs, order = rng.integers(1, 30, 200), rng.integers(1, 30, 200), rng.permutation(200)
        train("full", 1, ours[order].tolist(), users=order.tolist())
        train("base", 1, theirs.tolist())
        test = rows(board(store).blocks[0])["full"].tests["mrr@10"]
        expected = stats.ttest_rel(per_user(ours, [10])["mrr@10"], per_user(theirs, [10])["mrr@10"]).pvalue
        assert test.over_users.raw == pytest.approx(expected)


def test_a_group_is_tested_over_its_users(store: Store, train: Train) -> None:
    lengths = [5] * 170 + [12] * 30
    for variant, ranks in {"full": MORE, "base": FEW}.items():
        short = metrics(np.asarray(ranks[:170], np.int32), [10])
        train(variant, 1, ranks, lengths=lengths, groups={"history<7": short})
    test = rows(board(store, group="history<7").blocks[0])["full"].tests["hr@10"]
    # of the first 170 users, full hits the last 20 and base nobody
    assert test.users == 170
    assert test.over_users.raw == pytest.approx(stats.ttest_1samp([1.0] * 20 + [0.0] * 150, 0).pvalue)


def test_users_are_grouped_by_how_popular_their_targets_are(store: Store, train: Train) -> None:
    popularity = [9] * 30 + [3] * 170
    for variant, ranks in {"full": MORE, "base": FEW}.items():
        tail = metrics(np.asarray(ranks[30:], np.int32), [10])
        train(variant, 1, ranks, popularity=popularity, head=[9], groups={"target-tail": tail})
    (block,) = [block for block in board(store, group="target").blocks if block.protocol["seen_items"] == "keep"]
    assert "users whose target is not among the most popular fifth of items" in block.heading
    assert rows(block)["full"].tests["hr@10"].users == 170


class TestSeeds:
    def test_a_user_counts_with_the_mean_over_seeds(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        # users hit by (both, one, no) of full's two seeds: d = 1, 1/2, 0, 0 against a baseline that hits nobody
        train("full", 1, [1, 1, 20, 20])
        train("full", 2, [1, 20, 20, 20])
        train("base", 1, [20, 20, 20, 20])
        test = rows(board(store).blocks[0])["full"].tests["hr@10"]
        assert test.over_users.raw == pytest.approx(stats.ttest_1samp([1, 0.5, 0, 0], 0).pvalue)
        assert test.over_seeds is None

    def test_three_seeds_of_both_are_tested_too_and_marked_otherwise(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        hits = {"full": (50, 51, 52), "base": (10, 11, 12)}
        for variant, counts in hits.items():
            for seed, count in enumerate(counts):
                train(variant, seed, [1] * count + [20] * (200 - count))
        found = board(store, metrics=["hr@10"])
        test = rows(found.blocks[0])["full"].tests["hr@10"]
        expected = stats.ttest_ind(np.asarray(hits["full"]) / 200, np.asarray(hits["base"]) / 200, equal_var=False).pvalue
        assert test.over_seeds is not None
        assert test.over_seeds.raw == pytest.approx(expected)
        assert test.range_over_seeds is not None
        # standard error √(.005² · 2 / 3) = .004082 of .2, t.975 = 2.776445 with 4 degrees of freedom
        assert (test.range_over_seeds.low, test.range_over_seeds.high) == pytest.approx((0.2 - 0.011335, 0.2 + 0.011335), abs=1e-6)
        assert [line.split()[-1] for line in marked(found)] == ["+364%‡"]  # 51 hits over 11: +40 / 11
        assert "‡ over seeds as well: Welch's t-test, p < 0.05" in render.as_table(found)

    def test_seeds_that_differ_more_than_the_rows_take_the_second_mark_away(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        for variant, counts in {"full": (0, 100, 110), "base": (10, 11, 12)}.items():
            for seed, count in enumerate(counts):
                train(variant, seed, [1] * count + [20] * (200 - count))
        assert [line[-1] for line in marked(board(store, metrics=["hr@10"]))] == ["†"]

    def test_what_one_seed_does_not_say_is_said(self, store: Store, train: Train) -> None:
        train("full", 1, MORE)
        train("base", 1, FEW)
        text = render.as_table(board(store))
        assert "no two rows tested have 3 seeds each. A row with n = 1 is one training." in text
        assert "the best row is tested against the second best" in text

    def test_what_one_seed_of_the_other_row_does_not_say_is_said_too(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        for seed in (1, 2):
            train("full", seed, MORE)
        train("base", 1, FEW)
        assert "A row with n = 1 is one training." in render.as_table(board(store))


def test_holm_corrects_for_the_rows_of_a_table(store: Store, train: Train) -> None:
    store.recipe("ablation", {"baseline": "base"}, "")
    train("base", 1, FEW)
    for variant, hits in {"a": 16, "b": 50, "c": 11}.items():
        train(variant, 1, [20] * (200 - hits) + [1] * hits)
    found = {label: row.tests["hr@10"].over_users for label, row in rows(board(store).blocks[0]).items() if row.tests}
    assert found["b"].raw < found["a"].raw < found["c"].raw
    assert found["b"].corrected == pytest.approx(3 * found["b"].raw)
    assert found["a"].corrected == pytest.approx(2 * found["a"].raw)
    assert found["c"].corrected == pytest.approx(found["c"].raw)


def test_holm_counts_a_test_once_whatever_its_rows_are_called(store: Store, train: Train) -> None:
    base = train("base", 1, FEW)
    runs = {variant: train(variant, 1, [20] * (200 - hits) + [1] * hits) for variant, hits in {"a": 16, "b": 50}.items()}
    alone = {label: row.tests["hr@10"].over_users for label, row in rows(board(store, baseline="base").blocks[0]).items() if row.tests}
    elsewhere(store, runs["b"], "b again")
    elsewhere(store, base, "base again")
    found = {label: row.tests["hr@10"].over_users for label, row in rows(board(store, baseline="base").blocks[0]).items() if row.tests}
    assert {label: found[label] for label in runs} == alone
    assert found["b again"] == alone["b"]
    assert found["base again"].corrected == 1.0


class TestMarks:
    def test_beside_the_difference_with_figures_still_aligned(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, MORE)
        train("base", 1, FEW)
        assert render.as_table(board(store, metrics=["hr@10"])).splitlines()[1:5] == [
            "           n         HR@10",
            "full       1         .2500",
            "  vs base     +.2000 +400%†",
            "base       1         .0500",
        ]

    def test_beside_the_best_figure_where_there_is_no_baseline(self, store: Store, train: Train) -> None:
        train("full", 1, MORE)
        train("base", 1, FEW)
        found = board(store, metrics=["hr@10"])
        assert marked(found) == ["full  1  .2500†"]
        assert "| full | 1 | **.2500**† |" in render.as_markdown(found)

    def test_equal_rows_have_p_1_and_no_mark(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, MORE)
        train("base", 1, MORE)
        found = board(store)
        assert {test.over_users.raw for test in rows(found.blocks[0])["full"].tests.values()} == {1.0}
        assert marked(found) == []
        assert "No difference that was tested is more than noise." in render.as_table(found)

    def test_alpha_decides(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, [20] * 184 + [1] * 16)
        train("base", 1, FEW)  # six users of 200 more: p = .014
        assert len(marked(board(store, metrics=["hr@10"]))) == 1
        assert marked(board(store, metrics=["hr@10"], alpha=0.01)) == []
        for alpha in (0.0, 1.0, 5.0):
            with pytest.raises(UsageError, match="between 0 and 1"):
                board(store, alpha=alpha)

    def test_without_being_asked_nothing_is_said(self, store: Store, train: Train) -> None:
        train("full", 1, MORE)
        train("base", 1, FEW)
        found = leaderboard(store)
        assert "noise" not in render.as_table(found)
        assert json.loads(render.as_json(found))["data"][0]["significance"] is None

    def test_programs_get_the_p_values(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, MORE)
        train("base", 1, FEW)
        found = board(store, metrics=["hr@10"])
        p = rows(found.blocks[0])["full"].tests["hr@10"].over_users.raw
        block = json.loads(render.as_json(found))["data"][0]
        assert block["significance"] == {
            "alpha": 0.05,
            "over_users": "paired t-test",
            "over_seeds": "Welch's t-test",
            "fewest_seeds": 3,
            "intervals_over_users": "Student's t",
            "relative_intervals": "Fieller",
            "correction": "Holm",
        }
        (test,) = block["rows"][0]["tests"].values()
        low, high = test["over_users"].pop("interval")
        less, more = test["over_users"].pop("relative_interval")
        assert test == {
            "against": "base",
            "users": 200,
            "seeds": [1, 1],
            "difference": pytest.approx(0.2),
            "relative": pytest.approx(4.0),
            "over_users": {"p": p, "corrected": p},
            "over_seeds": None,
        }
        # 40 of 200 users are hit besides: standard error √(.2 · .8 / 199) = .0283552, t.975 = 1.971957
        assert (low, high) == pytest.approx((0.2 - 0.055915, 0.2 + 0.055915), abs=2e-6)
        assert 0 < less < 4 < more
        header, full, base = (line.split(",")[-16:] for line in render.render(found, "csv").splitlines()[:3])
        assert header[:5] == ["tested_against", "p_users", "p_users_corrected", "p_seeds", "p_seeds_corrected"]
        ends = ("low", "high", "relative_low", "relative_high")
        within = [f"{end}_{over}" for over in ("users", "seeds") for end in ends]
        assert header[5:] == ["tested_difference", "relative_difference", *within, "test_over_users"]
        assert full[:5] == ["base", str(p), str(p), "", ""]
        assert [float(field) for field in full[5:11]] == [test["difference"], test["relative"], low, high, less, more]
        assert full[11:] == [*[""] * 4, "paired t-test"]
        assert base == [""] * 16


class TestChoice:
    """Of the test over users: 40 of 200 gain a hit and nobody loses one."""

    def chosen(self, store: Store, train: Train, test: UserTest) -> Leaderboard:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, MORE)
        train("base", 1, FEW)
        return board(store, metrics=["hr@10"], test=test)

    def test_wilcoxon_ranks_and_borrows_the_interval_of_the_mean(self, store: Store, train: Train) -> None:
        found = self.chosen(store, train, "wilcoxon")
        test = rows(found.blocks[0])["full"].tests["hr@10"]
        assert test.over_users.raw == pytest.approx(2 * stats.norm.sf(40**0.5))  # z = 40 / √40, as of the sign test
        assert test.range_over_users is not None
        assert test.range_over_users.low == pytest.approx(0.2 - 0.055915, abs=2e-6)  # of the t-test, as in `TestMarks`
        text = render.as_table(found)
        assert "† more than noise over users: Wilcoxon's signed-rank test on each user's mean over seeds, p < 0.05 after Holm's" in text
        assert "it does not ask whether the mean differs" in text
        assert text.endswith("Over users they are of the mean difference: Student's t.")

    def test_the_bootstrap_has_an_interval_of_its_own(self, store: Store, train: Train) -> None:
        found = self.chosen(store, train, "bootstrap")
        test = rows(found.blocks[0])["full"].tests["hr@10"]
        assert test.over_users.raw == 2 / 10_000  # no resample has none of the 40
        assert test.range_over_users is not None
        # hits of a resample: .025 and .975 of Binomial(200, .2) are 29 and 51, where its shares allow for one more or less
        assert (test.range_over_users.low, test.range_over_users.high) == pytest.approx((29 / 200, 51 / 200), abs=1.01 / 200)
        # hits are 50 over 10 and more: from about a half to twice as far off on a logarithmic scale, skewed to the right
        assert test.range_over_users.relative is not None
        low, high = test.range_over_users.relative
        assert 1.5 < low < 4 < high < 15
        assert high - 4 > 4 - low
        text = render.as_table(found)
        assert "† more than noise over users: paired bootstrap on each user's mean over seeds" in text
        assert "Of 9,999 resamples no p is below .0002, uncorrected." in text
        assert text.endswith("Over users they are of the mean difference: percentile bootstrap.")
        assert render.as_table(board(store, metrics=["hr@10"], test="bootstrap")) == text

    @pytest.mark.parametrize(
        ("test", "name"), [("ttest", "paired t-test"), ("wilcoxon", "Wilcoxon's signed-rank test"), ("bootstrap", "paired bootstrap")]
    )
    def test_every_form_names_it(self, store: Store, train: Train, test: UserTest, name: str) -> None:
        found = self.chosen(store, train, test)
        for form in ("markdown", "latex"):
            assert f"{name} on each user's mean over seeds" in render.render(found, form)
        assert json.loads(render.as_json(found))["data"][0]["significance"]["over_users"] == name
        header, full, *_ = (line.split(",") for line in render.render(found, "csv").splitlines())
        assert full[header.index("test_over_users")] == name
        assert test == "ttest" or "t-test" not in render.as_table(found)

    def test_rows_of_other_users_are_resampled_apart(self, store: Store, train: Train) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("full", 1, MORE)
        train("base", 1, FEW)
        train("other", 1, MORE[:-1])
        found = board(store, metrics=["hr@10"], test="bootstrap")
        assert [row.label for row in found.blocks[0].rows if row.tests] == ["full"]

    def test_a_level_below_what_resamples_tell(self, store: Store, train: Train) -> None:
        with pytest.raises(UsageError, match=r"tell nothing of a level below 0\.001, such as 0\.0001"):
            board(store, alpha=0.0001, test="bootstrap")


class TestWhatCannotBeTested:
    def notes(self, store: Store, **asked: Any) -> tuple[str, ...]:
        found = board(store, **asked)
        assert marked(found) == []
        assert all(not row.tests for row in found.blocks[0].rows)
        return found.blocks[0].notes

    def test_a_row_alone(self, store: Store, train: Train) -> None:
        train("full", 1, MORE)
        assert self.notes(store) == ("Nothing is tested: that takes a baseline, or two rows that are not leaky.",)

    def test_runs_without_ranks(self, store: Store, train: Train, add: Any) -> None:
        train("full", 1, MORE)
        add("base", 1, {"hr@10": 0.05})
        assert self.notes(store) == ("Nothing is tested that involves base: no ranks of users are kept",)

    @pytest.mark.parametrize("left", [None, b"", b"PK"], ids=["gone", "empty", "cut"])
    def test_ranks_that_are_gone_or_damaged(self, store: Store, train: Train, tmp_path: Path, left: bytes | None) -> None:
        train("full", 1, MORE)
        file = tmp_path / f"{train('base', 1, FEW)}.npz"
        if left is None:
            file.unlink()
        else:
            file.write_bytes(left)
        (note,) = self.notes(store)
        assert note.startswith(f"Nothing is tested that involves base: {file} ")

    def test_ranks_that_do_not_give_the_figures(self, store: Store, train: Train) -> None:
        train("full", 1, MORE)
        train("base", 1, FEW, figures={"hr@10": 0.06})
        (note,) = self.notes(store)
        assert note.endswith(".npz does not give the figures that are kept of its run")

    def test_ranks_above_the_number_of_items(self, store: Store, train: Train) -> None:
        train("full", 1, MORE, items=[20])
        train("base", 1, FEW, items=[18])
        (note,) = self.notes(store)
        assert note.endswith(".npz holds ranks among more than the 18 items that it tells of")

    def test_rows_of_different_users(self, store: Store, train: Train) -> None:
        train("full", 1, MORE)
        train("base", 1, FEW, users=range(1, 201))
        assert self.notes(store, metrics=["hr@10", "mrr@10"]) == ("Nothing is tested that involves full: the users are not those of base",)

    def test_seeds_of_different_users(self, store: Store, train: Train) -> None:
        train("full", 1, MORE)
        train("full", 2, MORE[:-1])
        train("base", 1, FEW)
        assert self.notes(store) == ("Nothing is tested that involves full: seeds were tested on different users",)

    def test_the_other_rows_are_tested_still(self, store: Store, train: Train, add: Any) -> None:
        store.recipe("ablation", {"baseline": "base"}, "")
        train("base", 1, FEW)
        train("full", 1, MORE)
        add("other", 1, {"hr@10": 0.05})
        found = board(store)
        assert [row.label for row in found.blocks[0].rows if row.tests] == ["full"]
        assert found.blocks[0].notes == ("Nothing is tested that involves other: no ranks of users are kept",)

    def test_a_group_of_users_whose_histories_are_not_known(self, store: Store, train: Train) -> None:
        for variant, ranks in {"full": MORE, "base": FEW}.items():
            train(variant, 1, ranks, groups={"history<7": {"hr@10": 0.1}})
        (note,) = self.notes(store, group="history<7")
        assert note.startswith("Nothing is tested that involves full, base: the ranks do not say who belongs to this group")

    def test_an_empty_store(self, store: Store) -> None:
        assert board(store).blocks == ()


def test_trainings_that_differ_and_one_that_is_the_same(tmp_path: Path) -> None:
    """Three seeds each of SASRec on a Markov source, trained and hardly trained; a third variant has the runs of the second."""
    hardly = '{ "train.optimizer.lr" = 1e-9 }'
    variants = f"""
[[variant]]
name = "trained"
set = {{ "train.optimizer.lr" = 1e-2 }}
[[variant]]
name = "hardly"
set = {hardly}
[[variant]]
name = "as hardly"
set = {hardly}
[report]
baseline = "hardly"
"""
    recipe = sracl_recipe(tmp_path, users=120, epochs=2, extra=variants)
    environment = project(tmp_path)
    plain = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu", "--seeds", "1,2,3")
    done = called("run", str(recipe), *plain, environment=environment)
    assert done.returncode == 0, done.stderr

    found = json.loads(called("compare", "--significance", "--json", environment=environment).stdout)
    rows = {row["label"]: row for row in found["data"][0]["rows"]}
    assert rows["trained"]["tests"]["hr@10"]["users"] == 120
    assert rows["trained"]["tests"]["hr@10"]["over_users"]["corrected"] < 1e-6
    assert rows["trained"]["tests"]["hr@10"]["over_seeds"]["corrected"] < 0.05
    assert {test["over_users"]["p"] for test in rows["as hardly"]["tests"].values()} == {1.0}
    assert {test["over_seeds"]["p"] for test in rows["as hardly"]["tests"].values()} == {1.0}

    # all users of this source have ten interactions
    table = called("compare", "--significance", "--metrics", "hr@10", "--group", "history", environment=environment).stdout
    first = table.split("\n\n")[0].splitlines()
    assert "users with 7-10 interactions, 120 users" in first[0]
    assert [line.rstrip()[-1] for line in first if "vs hardly" in line] == ["‡", "%"]
    assert "p < 0.05 after Holm's correction" in table
