"""Data sets side by side: every figure under its own data set, and none where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sracl.compare import render
from sracl.compare.board import Beside, Leaderboard, PValue, sorted_by
from sracl.compare.leaderboard import leaderboard
from sracl.compare.wide import side_by_side
from tests.compare.test_render import PROTOCOL, board, comparison, row

if TYPE_CHECKING:
    from sracl.tracking.store import Store
    from tests.compare.conftest import Add

ONE, TWO = ("hr@20",), ("hr@20", "ndcg@20")


def figures(hr: float) -> dict[str, float]:
    return {"hr@20": hr, "ndcg@20": hr / 2}


@pytest.fixture
def filled(store: Store, add: Add) -> Store:
    """Two methods on two data sets, a third on the second alone; one seed more on the second."""
    for dataset, more in (("office", 0.0), ("beauty", 0.1)):
        for seed in (1, 2) if dataset == "office" else (1, 2, 3):
            add("SASRec", seed, figures(0.1 + more), dataset=dataset, cell={"data.name": dataset}, excluded=figures(0.5 + more))
            add("SRA-CL", seed, figures(0.2 + more), dataset=dataset, cell={"data.name": dataset}, excluded=figures(0.6 + more))
    add("LRD", 1, figures(0.05), dataset="beauty", cell={"data.name": "beauty"})
    return store


def test_a_row_has_the_figures_of_each_data_set_under_each_protocol(filled: Store) -> None:
    kept, excluded = render.as_table(side_by_side(leaderboard(filled, metrics=["hr@20"]))).split("\n\n")[:2]
    assert kept.splitlines()[0].startswith("office, beauty: test, leave-one-out, all items ranked, seen items kept [")
    assert [line.split() for line in kept.splitlines()[1:]] == [
        ["n", "office", "HR@20", "beauty", "HR@20"],
        ["SASRec", "2,", "3", ".1000", "±.0000", ".2000", "±.0000"],
        ["SRA-CL", "2,", "3", ".2000", "±.0000", ".3000", "±.0000"],
        ["LRD", "1", ".0500"],
        ["100", "users", "of", "office,", "100", "users", "of", "beauty"],
    ]
    assert kept.splitlines()[4].index(".0500") > kept.splitlines()[1].index("office HR@20") + len("office HR@20")
    assert [line.split()[3] for line in excluded.splitlines()[2:4]] == [".5000", ".6000"]


def test_figures_are_those_of_the_narrow_tables(filled: Store) -> None:
    narrow = leaderboard(filled)
    wide = side_by_side(narrow)
    assert len(wide.blocks) == 2
    for block in narrow.blocks:
        (together,) = (one for one in wide.blocks if one.protocol["seen_items"] == block.protocol["seen_items"])
        for one in block.rows:
            (joined,) = (other for other in together.rows if other.variant == one.variant)
            assert {metric: joined.figures[f"{block.dataset} {metric}"] for metric in one.figures} == one.figures


def test_what_rows_are_set_beside_is_kept_for_each_data_set(filled: Store) -> None:
    filled.recipe("ablation", report={"baseline": "SASRec"}, source="ablation.toml")
    lines = render.as_markdown(side_by_side(leaderboard(filled, metrics=["hr@20"]))).splitlines()
    assert "| *vs SASRec* |  | +.1000 +100% | +.1000 +50% |" in lines
    assert "| SRA-CL | 2, 3 | **.2000 ±.0000** | **.3000 ±.0000** |" in lines


def test_one_data_set_stays_as_it_is(store: Store, add: Add) -> None:
    add("SASRec", 1, figures(0.1))
    board = leaderboard(store)
    assert side_by_side(board) == board


def test_versions_of_a_data_set_are_two_columns(store: Store, add: Add) -> None:
    add("SASRec", 1, figures(0.1), data="first")
    add("SASRec", 1, figures(0.3), data="second")
    first, second = (block.fingerprint[:6] for block in leaderboard(store).blocks if block.protocol["seen_items"] == "keep")
    kept = side_by_side(leaderboard(store)).blocks[0]
    assert [(name, figure.mean) for name, figure in kept.rows[0].figures.items() if name.endswith("hr@20")] == [
        (f"demo·{first} hr@20", 0.1),
        (f"demo·{second} hr@20", 0.3),
    ]


def test_a_table_for_papers_names_data_sets_above_their_metrics_and_marks_the_best_of_each() -> None:
    surely = comparison("b", PValue(0.001, 0.001))
    beside = (Beside("sracl-table2", "Table 2", {"hr@20": 0.1702}, {"hr@20": 0.0298}),)
    (office,) = board(
        row("a", 0.2, tests={"hr@20": surely}, published=beside), row("b", 0.1), row("c", 0.15), metrics=TWO, alpha=0.05
    ).blocks
    (beauty,) = board(row("a", 0.2), row("b", 0.3), metrics=TWO, dataset="beauty", protocol={**PROTOCOL, "dataset": "beauty"}).blocks
    text = render.render(side_by_side(Leaderboard((office, beauty))), "latex")
    head, body = text.split("\\midrule\n")
    assert head.splitlines()[-3:] == [
        r" & & \multicolumn{2}{c}{office} & \multicolumn{2}{c}{beauty} \\",
        r"\cmidrule(lr){3-4} \cmidrule(lr){5-6}",
        r" & n & HR@20 & NDCG@20 & HR@20 & NDCG@20 \\",
    ]
    best, published, _, second, third = body.splitlines()[:5]
    assert best.startswith(r"a & 2 & \textbf{.2000}$^{\dagger}$ $\pm$.0012 & \textbf{.2000} $\pm$.0012 & .2000 $\pm$.0012 & .2000")
    assert published == r"\quad \emph{published, Table 2} &  & .1702 &  &  &  \\"
    assert second.startswith(r"b & 2 & .1000 $\pm$.0012 & .1000 $\pm$.0012 & \textbf{.3000} $\pm$.0012")
    assert third.startswith(r"c & 2 & \underline{.1500} $\pm$.0012")
    assert third.endswith(r" &  &  \\")


def test_notes_say_which_data_set_they_are_of_unless_it_is_all() -> None:
    (office,) = board(row("a", 0.2), notes=("of one", "of both")).blocks
    other = replace(office, dataset="beauty", notes=("of both",), protocol={**PROTOCOL, "dataset": "beauty"})
    (both,) = side_by_side(Leaderboard((office, other))).blocks
    assert both.notes == ("4,905 users of office, 4,905 users of beauty", "office: of one", "of both")


def test_sorted_they_stand_by_the_first(filled: Store) -> None:
    kept, _ = side_by_side(sorted_by(leaderboard(filled), "hr@20")).blocks
    assert [line.variant for line in kept.rows] == ["SRA-CL", "SASRec", "LRD"]


def test_rows_that_only_a_matrix_tells_apart_keep_their_names(store: Store, add: Add) -> None:
    add("SASRec", 1, figures(0.1), dataset="office")
    add("SASRec", 1, figures(0.3), dataset="office", cell={"data.name": "office"})
    add("SASRec", 1, figures(0.2), dataset="beauty", cell={"data.name": "beauty"})
    kept, _ = side_by_side(leaderboard(store, metrics=["hr@20"])).blocks
    assert [(line.label, {name: figure.mean for name, figure in line.figures.items()}) for line in kept.rows] == [
        ("SASRec", {"office hr@20": 0.1, "beauty hr@20": 0.2}),
        ("SASRec data.name=office", {"office hr@20": 0.3}),
    ]


def test_differences_from_two_rows_are_not_told_as_from_one() -> None:
    (office,) = board(row("a", 0.2, baseline="b", differences={"hr@20": 0.1}), row("b", 0.1), metrics=ONE).blocks
    (beauty,) = board(
        row("a", 0.2, baseline="c", differences={"hr@20": 0.05}), row("c", 0.15), metrics=ONE, protocol={**PROTOCOL, "dataset": "beauty"}
    ).blocks
    (both,) = side_by_side(Leaderboard((office, replace(beauty, dataset="beauty")))).blocks
    assert (both.rows[0].baseline, both.rows[0].differences) == ("b", {"office hr@20": 0.1})
    assert both.notes[-1] == "a is set beside c on beauty, which tables of beauty alone show"


def test_cut_to_a_terminal_a_part_may_have_nothing_of_a_row(filled: Store) -> None:
    text = render.as_table(side_by_side(leaderboard(filled, metrics=["hr@20"])), width=30)
    first, second = text.split("office, beauty: ")[1].split("beauty HR@20")
    assert [line.split() for line in first.splitlines() if line.startswith("LRD")] == [["LRD"]]
    assert [line.split() for line in second.splitlines() if line.startswith("LRD")] == [["LRD", "1", ".0500"]]


def test_what_validation_chose_on_each_data_set_is_one_row(store: Store, add: Add) -> None:
    store.recipe("ablation", {"baseline": "plain", "published": (), "tuned": "hr@20"}, "")
    for dataset, best in (("office", 0.1), ("beauty", 0.2)):
        for variant in ("full", "plain"):
            for lr in (0.1, 0.2):
                cell = {"data.name": dataset, "lr": lr}
                run_id = add(variant, 1, figures(lr), dataset=dataset, cell=cell, values={**cell, "v": variant})
                for seen_items in ("keep", "exclude"):
                    facts = {"seen_items": seen_items, "data": dataset}
                    store.metrics(run_id, split="valid", protocol=facts, group="all", values={"hr@20": float(lr == best)}, count=100)
    (kept, _) = side_by_side(leaderboard(store, metrics=["hr@20"])).blocks
    assert [(one.label, one.baseline) for one in kept.rows] == [("full", "plain"), ("plain", None)]
    assert {metric: figure.mean for metric, figure in kept.rows[0].figures.items()} == {"office hr@20": 0.1, "beauty hr@20": 0.2}
    chosen = [note for note in kept.notes if "validates best" in note]
    assert chosen == [
        f"{dataset}: {variant} lr={lr} validates best of the 2 of {variant}, by HR@20"
        for dataset, lr in (("office", 0.1), ("beauty", 0.2))
        for variant in ("full", "plain")
    ]
