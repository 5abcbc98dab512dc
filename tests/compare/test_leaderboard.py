from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from sracl.compare import published
from sracl.compare.leaderboard import leaderboard
from sracl.compare.published import read
from sracl.errors import UsageError

if TYPE_CHECKING:
    from sracl.compare.board import Block, Row
    from sracl.tracking.store import Store

TABLE = read(
    "paper-table3",
    "One method without its parts.",
    {
        "table": "Table 3",
        "source": "a page",
        "protocol": {"split": "leave-one-out", "candidates": "all", "seen_items": "keep"},
        "row": [
            {"system": "Full", "dataset": "office", "values": {"hr@20": 0.17, "ndcg@20": 0.07}},
            {"system": "w/o CL", "dataset": "office", "values": {"hr@20": 0.15}},
        ],
    },
)


@pytest.fixture
def _paper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "tables", lambda names: ([TABLE] if "paper-table3" in set(names) else [], []))


def rows(block: Block) -> dict[str, Row]:
    return {row.label: row for row in block.rows}


def test_mean_standard_deviation_and_count_over_seeds(store: Store, add: Any) -> None:
    for seed, value in ((1, 0.10), (2, 0.14), (3, 0.18)):
        add("full", seed, {"hr@10": value})
    block = leaderboard(store).blocks[0]
    figure = block.rows[0].figures["hr@10"]
    # mean (.10 + .14 + .18) / 3; deviations -.04, 0, .04: sqrt((.0016 + .0016) / (3 - 1)) = .04
    assert figure.mean == pytest.approx(0.14)
    assert figure.std == pytest.approx(0.04)
    assert figure.n == 3
    assert block.rows[0].seeds == (1, 2, 3)


def test_one_seed_has_no_deviation(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.1})
    assert leaderboard(store).blocks[0].rows[0].figures["hr@10"].std is None


def test_a_seed_that_is_not_a_number_makes_the_row_none(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.1})
    add("full", 2, {"hr@10": math.nan})
    figure = leaderboard(store).blocks[0].rows[0].figures["hr@10"]
    assert math.isnan(figure.mean)
    assert figure.std is not None
    assert math.isnan(figure.std)
    assert figure.n == 2


def test_seeds_of_one_row_with_texts_made_by_other_words_are_told(store: Store, add: Any) -> None:
    for seed, digest in {1: "aa", 2: "bb", 3: "bb"}.items():
        store.artifact(add("full", seed, {"hr@10": 0.1}), name="retrieve.items", path="", digest=digest, size=1, facts={})
        store.artifact(add("base", seed, {"hr@10": 0.1}), name="retrieve.items", path="", digest="aa", size=1, facts={})
    assert leaderboard(store).blocks[0].notes == (
        "full averages seeds whose texts or neighbours were made by other words, files or versions: 1; 2, 3",
    )


def test_seeds_whose_neighbours_came_out_the_same_belong_together_whatever_they_were_made_by(store: Store, add: Any) -> None:
    # digest, vectors and neighbours of each seed: 1 and 2 share contents, 2 and 3 a digest, 4 only vectors; of 5 no contents are known
    made = {1: ("aa", "v", "n"), 2: ("bb", "v", "n"), 3: ("bb", "w", "m"), 4: ("cc", "v", "k"), 5: ("dd", "", "")}
    for seed, (digest, vectors, neighbours) in made.items():
        run_id = add("full", seed, {"hr@10": 0.1})
        for stage, contents in {"embed": vectors, "retrieve": neighbours}.items():
            facts = {"contents": contents} if contents else {}
            store.artifact(run_id, name=f"{stage}.items", path="", digest=f"{stage} {digest}", size=1, facts=facts)
    (note,) = leaderboard(store).blocks[0].notes
    assert note == "full averages seeds whose texts or neighbours were made by other words, files or versions: 1, 2, 3; 4; 5"


def test_seeds_of_one_row_that_different_code_trained_are_told(store: Store, add: Any) -> None:
    before, after = ({"sracl": "1", "code": {"my_lab.util": f"source {content}"}} for content in ("aa", "bb"))
    for seed, environment in {1: after, 2: before, 3: before}.items():
        add("full", seed, {"hr@10": 0.1}, environment=environment)
        add("base", seed, {"hr@10": 0.1}, environment={**before, "device": f"cuda:{seed}"})
    assert leaderboard(store).blocks[0].notes == ("full averages seeds that were trained by different code, as sracl diff tells: 1; 2, 3",)


def test_variants_keep_the_order_of_the_recipe(store: Store, add: Any) -> None:
    add("second", 1, {"hr@10": 0.1}, ordinal=1)
    add("first", 1, {"hr@10": 0.1}, ordinal=0)
    add("first", 2, {"hr@10": 0.1}, ordinal=2)
    assert [row.variant for row in leaderboard(store).blocks[0].rows] == ["first", "second"]


def test_protocols_are_never_mixed_and_the_recipes_own_comes_first(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.10}, excluded={"hr@10": 0.20})
    kept, excluded = leaderboard(store).blocks
    assert "seen items kept" in kept.heading
    assert "seen items excluded" in excluded.heading
    assert kept.fingerprint != excluded.fingerprint
    assert kept.rows[0].figures["hr@10"].mean == 0.10
    assert excluded.rows[0].figures["hr@10"].mean == 0.20


def test_a_recipe_that_excludes_seen_items_shows_that_first(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.10}, values={"evaluation": {"seen_items": "exclude"}})
    assert [block.protocol["seen_items"] for block in leaderboard(store).blocks] == ["exclude", "keep"]


def test_data_sets_have_blocks_of_their_own_in_the_order_they_were_run(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.1}, dataset="office", ordinal=5)
    add("full", 1, {"hr@10": 0.2}, dataset="demo", ordinal=1)
    assert [(block.dataset, block.rows[0].figures["hr@10"].mean) for block in leaderboard(store).blocks[::2]] == [
        ("office", 0.1),
        ("demo", 0.2),
    ]


def test_a_setting_of_the_command_line_stands_beside_the_recipes_own(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.10}, values={"train": {"lr": 0.001}, "evaluation": {"seen_items": "keep"}}, ordinal=0)
    add("full", 1, {"hr@10": 0.20}, values={"train": {"lr": 0.002}, "evaluation": {"seen_items": "keep"}}, ordinal=0)
    labels = {row.label: row.figures["hr@10"].mean for row in leaderboard(store, "ablation").blocks[0].rows}
    assert labels == {"full train.lr=0.001": pytest.approx(0.10), "full train.lr=0.002": pytest.approx(0.20)}


def test_a_seed_counts_once_where_two_versions_trained_the_same_values(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.10}, ordinal=0)
    later = add("full", 1, {"hr@10": 0.30}, ordinal=0)
    (row,) = leaderboard(store, "ablation").blocks[0].rows
    assert row.runs == (later,)
    assert row.figures["hr@10"].mean == pytest.approx(0.30)


def test_a_row_has_the_runs_of_its_own_data_alone(store: Store, add: Any) -> None:
    old = [add("full", seed, {"hr@10": value}, ordinal=0) for seed, value in ((1, 0.1), (2, 0.2))]
    new = [add("full", seed, {"hr@10": value}, ordinal=0, data="changed") for seed, value in ((2, 0.5), (3, 0.7))]
    found = {row.runs: row for block in leaderboard(store, "ablation").blocks for row in block.rows}
    assert set(found) == {tuple(old), tuple(new)}
    assert [(row.seeds, row.figures["hr@10"].n) for row in found.values()] == [((1, 2), 2), ((2, 3), 2)]
    assert [row.figures["hr@10"].mean for row in found.values()] == pytest.approx([0.15, 0.6])


def test_runs_with_other_values_are_never_averaged_and_say_what_differs(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.1}, values={"train": {"lr": 0.001}, "objective": [{"id": "next", "weight": 1.0}]})
    add("full", 2, {"hr@10": 0.2}, values={"train": {"lr": 0.002}, "objective": [{"id": "next", "weight": 1.0}]})
    block = leaderboard(store).blocks[0]
    assert {row.label: row.figures["hr@10"].mean for row in block.rows} == {"full train.lr=0.001": 0.1, "full train.lr=0.002": 0.2}


def test_a_term_of_one_alternative_only_is_named_too(store: Store, add: Any) -> None:
    add("full", 1, {"hr@10": 0.1}, values={"objective": [{"id": "next", "use": "n"}, {"id": "cross", "use": "c"}]})
    add("full", 2, {"hr@10": 0.2}, values={"objective": [{"id": "next", "use": "n"}]})
    assert [row.label for row in leaderboard(store).blocks[0].rows] == [
        "full objective.cross.use=c",
        "full objective.cross.use=unset",
    ]


def test_a_baseline_that_an_edit_of_the_recipe_did_not_reach_yet_is_told(store: Store, add: Any) -> None:
    for epochs in (4, 5):
        add("full", 1, {"hr@10": 0.1}, values={"train": {"epochs": epochs}})
    add("base", 1, {"hr@10": 0.1}, values={"train": {"epochs": 4}})
    store.recipe("ablation", {"baseline": "base"}, "")
    assert leaderboard(store).blocks[0].notes == ("full train.epochs=5 is set beside base, which has train.epochs=4",)

    add("base", 1, {"hr@10": 0.1}, values={"train": {"epochs": 5}})
    assert leaderboard(store).blocks[0].notes == ()


def test_a_cell_of_the_matrix_is_a_row(store: Store, add: Any) -> None:
    for k in (5, 10):
        add("full", 1, {"hr@10": 0.1 + k / 100}, cell={"vars.k": k}, values={"k": k})
        add("base", 1, {"hr@10": 0.1}, cell={"vars.k": k}, values={"k": k})
    store.recipe("ablation", {"baseline": "base"}, "")
    found = rows(leaderboard(store).blocks[0])
    assert list(found) == ["full vars.k=5", "base vars.k=5", "full vars.k=10", "base vars.k=10"]
    assert found["full vars.k=10"].baseline == "base vars.k=10"
    assert found["full vars.k=10"].differences["hr@10"] == pytest.approx(0.10)


class TestBaseline:
    def test_the_recipes_baseline_is_subtracted(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"baseline": "w/o CL"}, "recipes/ablation.toml")
        add("full", 1, {"hr@10": 0.18, "hr@20": 0.2})
        add("w/o CL", 1, {"hr@10": 0.15})
        found = rows(leaderboard(store).blocks[0])
        assert found["full"].baseline == "w/o CL"
        assert found["full"].differences == {"hr@10": pytest.approx(0.03)}  # hr@20 was not measured for the baseline
        assert found["w/o CL"].baseline is None

    def test_another_may_be_asked_for(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"baseline": "w/o CL"}, "")
        add("full", 1, {"hr@10": 0.18})
        add("w/o CL", 1, {"hr@10": 0.15})
        found = rows(leaderboard(store, baseline="full").blocks[0])
        assert found["w/o CL"].differences == {"hr@10": pytest.approx(-0.03)}

    def test_an_unknown_one_is_an_error_with_the_nearest_name(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.18})
        with pytest.raises(UsageError, match="Did you mean 'full'"):
            leaderboard(store, baseline="fool")

    def test_a_row_alone_may_be_its_own(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.18})
        assert leaderboard(store, baseline="full").blocks[0].rows[0].baseline is None

    def test_of_several_that_differ_in_a_value_the_one_with_the_rows_own_is_meant(self, store: Store, add: Any) -> None:
        for lr, gain in ((0.001, 0.0), (0.002, 0.01)):
            values = {"train": {"lr": lr}, "evaluation": {"seen_items": "keep"}}
            add("full", 1, {"hr@10": 0.15 + 2 * gain}, values=values, ordinal=0)
            add("base", 1, {"hr@10": 0.10 + gain}, values=values, ordinal=1)
        add("", 1, {"hr@10": 0.12}, recipe="sasrec")
        block = leaderboard(store, baseline="base").blocks[0]
        found = rows(block)
        assert found["full train.lr=0.001"].differences == {"hr@10": pytest.approx(0.05)}
        assert found["full train.lr=0.002"].differences == {"hr@10": pytest.approx(0.06)}
        assert found["sasrec"].baseline is None
        assert block.notes == (
            "sasrec: set beside no baseline, since 'base' names several rows. --baseline takes one of "
            "'base train.lr=0.001', 'base train.lr=0.002'",
        )
        found = rows(leaderboard(store, baseline="base train.lr=0.002").blocks[0])
        assert found["sasrec"].differences == {"hr@10": pytest.approx(0.01)}

    def test_a_recipe_without_variants_is_compared_with_another_recipe(self, store: Store, add: Any) -> None:
        add("", 1, {"hr@10": 0.12}, recipe="sasrec")
        add("", 1, {"hr@10": 0.18}, recipe="sracl")
        found = rows(leaderboard(store, baseline="sasrec").blocks[0])
        assert found["sracl"].differences == {"hr@10": pytest.approx(0.06)}


@pytest.mark.usefixtures("_paper")
class TestPublished:
    def test_figures_of_the_same_system_data_and_protocol_stand_beside_ours(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"published": ["paper-table3"]}, "")
        add("FULL", 1, {"hr@20": 0.19, "ndcg@20": 0.08, "hr@10": 0.1}, dataset="office")
        add("mine", 1, {"hr@20": 0.19}, dataset="office")
        board = leaderboard(store, metrics=["hr@20", "hr@10"])
        found = rows(board.blocks[0])
        (beside,) = found["FULL"].published
        assert (beside.source, beside.title, beside.values) == ("paper-table3", "Table 3", {"hr@20": 0.17})
        assert beside.differences == {"hr@20": pytest.approx(0.02)}
        assert found["mine"].published == ()
        assert board.sources == ("Table 3 is paper-table3: One method without its parts. (a page)",)

    def test_another_protocol_is_refused_and_the_fact_named(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"published": ["paper-table3"]}, "")
        add("full", 1, {"hr@20": 0.19}, dataset="office")
        excluded = leaderboard(store).blocks[1]
        assert excluded.rows[0].published == ()
        assert excluded.notes == ("paper-table3 is not comparable: seen_items is keep there and exclude here",)

    def test_a_data_set_without_figures_is_said(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"published": ["paper-table3"]}, "")
        add("full", 1, {"hr@20": 0.19}, dataset="demo")
        assert leaderboard(store).blocks[0].notes == ("paper-table3 has no figures for demo, only for office",)

    def test_a_table_that_knows_no_row_is_said_with_the_rows_it_has(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"published": ["paper-table3"]}, "")
        add("my full", 1, {"hr@20": 0.19}, dataset="office")
        add("other", 1, {"hr@20": 0.18}, dataset="office")
        add("full", 1, {"hr@20": 0.18}, dataset="office", recipe="unasking")
        kept, excluded = leaderboard(store).blocks
        assert kept.notes == ("paper-table3 has no row called my full (nearest: Full), other; for office it has Full, w/o CL",)
        assert excluded.notes == ("paper-table3 is not comparable: seen_items is keep there and exclude here",)

    def test_nothing_is_said_of_rows_beside_one_that_it_knows(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"published": ["paper-table3"]}, "")
        add("full", 1, {"hr@10": 0.19}, dataset="office")  # though no metric is in both
        add("other", 1, {"hr@10": 0.18}, dataset="office")
        assert leaderboard(store).blocks[0].notes == ()

    def test_they_can_be_left_out(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"published": ["paper-table3"]}, "")
        add("full", 1, {"hr@20": 0.19}, dataset="office")
        board = leaderboard(store, with_published=False)
        assert board.blocks[0].rows[0].published == ()
        assert board.blocks[1].notes == ()

    def test_only_tables_that_the_recipe_names_are_shown(self, store: Store, add: Any) -> None:
        store.recipe("ablation", {"published": ["paper-table3"]}, "")
        add("full", 1, {"hr@20": 0.19}, dataset="office")
        add("full", 1, {"hr@20": 0.19}, dataset="office", recipe="other")
        ours, others = leaderboard(store).blocks[0].rows
        assert len(ours.published) == 1
        assert others.published == ()


class TestWhatIsInIt:
    def test_unfinished_runs_are_counted_and_left_out(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.1})
        add("full", 2, {"hr@10": 0.9}, state="failed")
        add("full", 3, {"hr@10": 0.9}, state="running")
        board = leaderboard(store)
        assert board.blocks[0].rows[0].figures["hr@10"].n == 1
        assert board.notes == ("2 of 3 runs are not in it: 1 failed, 1 running",)

    def test_a_single_one_is_counted_as_one(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.1})
        add("full", 2, {"hr@10": 0.9}, state="failed")
        assert leaderboard(store).notes == ("1 of 2 runs is not in it: 1 failed",)

    def test_without_any_finished_run_that_is_said(self, store: Store, add: Any) -> None:
        add("full", 1, {}, state="failed")
        assert leaderboard(store).notes == ("No run finished: 1 failed.",)

    def test_leaky_runs_are_marked_and_never_best(self, store: Store, add: Any) -> None:
        add("clean", 1, {"hr@10": 0.1})
        add("official", 1, {"hr@10": 0.9}, leaky=("semantics.sequences.pool = all",))
        block = leaderboard(store).blocks[0]
        assert rows(block)["official"].leaky == ("semantics.sequences.pool = all",)
        assert block.highest("hr@10") == [0.1]
        assert block.notes == ("official is leaky, it sees more than training data: semantics.sequences.pool = all",)

    def test_not_a_number_is_never_best(self, store: Store, add: Any) -> None:
        add("broken", 1, {"hr@10": math.nan})
        add("clean", 1, {"hr@10": 0.1})
        assert leaderboard(store).blocks[0].highest("hr@10") == [0.1]

    def test_only_some_runs(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.1})
        second = add("full", 2, {"hr@10": 0.3})
        assert leaderboard(store, run_ids=[second]).blocks[0].rows[0].figures["hr@10"].mean == 0.3

    def test_the_validation_split_is_apart(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.1})
        add("full", 2, {"hr@10": 0.3}, split="valid")
        assert leaderboard(store, split="valid").blocks[0].rows[0].figures["hr@10"].mean == 0.3
        assert leaderboard(store).blocks[0].rows[0].figures["hr@10"].mean == 0.1

    def test_an_empty_store(self, store: Store) -> None:
        assert leaderboard(store).blocks == ()


class TestChoosing:
    def test_default_metrics_are_those_that_were_measured(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@5": 0.1, "hr@10": 0.1, "mrr@10": 0.1})
        assert leaderboard(store).blocks[0].metrics == ("hr@10", "mrr@10")

    def test_without_any_of_them_the_first_are_shown(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@3": 0.1, "hr@7": 0.2})
        assert leaderboard(store).blocks[0].metrics == ("hr@3", "hr@7")

    def test_an_unknown_metric_is_an_error_with_the_nearest_name(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.1, "ndcg@10": 0.1})
        with pytest.raises(UsageError, match="Did you mean 'ndcg@10'"):
            leaderboard(store, metrics=["ncdg@10"])

    def test_groups_one_or_a_kind(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.3}, groups={"history<7": {"hr@10": 0.1}, "history>10": {"hr@10": 0.5}})
        kept = [block for block in leaderboard(store, group="history").blocks if block.protocol["seen_items"] == "keep"]
        assert [(block.group, block.rows[0].figures["hr@10"].mean) for block in kept] == [("history<7", 0.1), ("history>10", 0.5)]
        assert "users with <7 interactions, 100 users" in kept[0].heading
        assert {block.group for block in leaderboard(store, group="history>10").blocks} == {"history>10"}
        with pytest.raises(UsageError, match="Groups: all, history<7, history>10"):
            leaderboard(store, group="popularity")

    @pytest.mark.parametrize("asked", ["sracl", "/somewhere/recipes/methods/sracl.toml", "methods/sracl", "sracl.toml"])
    def test_a_recipe_goes_by_name_and_file(self, store: Store, add: Any, asked: str) -> None:
        store.recipe("sracl", {}, "/somewhere/recipes/methods/sracl.toml")
        add("", 1, {"hr@10": 0.3}, recipe="sracl")
        add("", 1, {"hr@10": 0.3}, recipe="sasrec")
        assert leaderboard(store, asked).blocks[0].recipes == ("sracl",)

    def test_an_unknown_recipe_is_an_error_with_the_nearest_name(self, store: Store, add: Any) -> None:
        add("full", 1, {"hr@10": 0.3})
        with pytest.raises(UsageError, match="Did you mean 'ablation'"):
            leaderboard(store, "ablatoin")

    def test_several_recipes_meet_in_one_block(self, store: Store, add: Any) -> None:
        add("", 1, {"hr@10": 0.3}, recipe="sracl")
        add("", 1, {"hr@10": 0.3}, recipe="sasrec")
        assert leaderboard(store, ["sasrec", "sracl"]).blocks[0].recipes == ("sasrec", "sracl")


def test_splits_are_no_part_of_a_label_since_their_figures_are_never_in_one_table(store: Store, add: Any) -> None:
    by_time = {"by": "time", "valid": 0.8, "test": 0.9, "target": "last"}
    for seed, split in enumerate(("leave-one-out", by_time)):
        values = {"evaluation": {"seen_items": "keep", "split": split}, "train": {"epochs": 3 + seed}}
        add("full", seed, {"hr@10": 0.1}, values=values)
    assert [row.label for row in leaderboard(store).blocks[0].rows] == ["full train.epochs=3", "full train.epochs=4"]
