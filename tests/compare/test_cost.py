"""What training took, by hand, from what a store keeps of it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from sracl.compare import render
from sracl.compare.board import Leaderboard
from sracl.compare.cost import Cost, with_costs
from sracl.compare.leaderboard import leaderboard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.tracking.store import Store

VALUES = {"evaluation": {"seen_items": "keep"}, "train": {"early_stopping": {"metric": "valid.mrr@10", "patience": 2}}}
HERE = {"processor": "A Processor", "threads": 2}


def trained(
    store: Store, add: Any, variant: str, seed: int, seconds: Sequence[float], best: int, *, pretrained: int = 0, **changed: Any
) -> str:
    run_id: str = add(variant, seed, {"hr@10": 0.1}, **{"values": VALUES, "environment": HERE, **changed})
    for epoch in range(1, pretrained + 1):
        store.log(run_id, epoch, {"pretrain.seconds.train": 30.0})
    for epoch, taken in enumerate(seconds, start=pretrained + 1):
        figure = 0.5 if epoch == pretrained + best else 0.1
        store.log(run_id, epoch, {"seconds.train": taken, "seconds.validate": 3.0, "valid.mrr@10": figure})
    return run_id


def costs(store: Store) -> list[Cost]:
    (table,) = with_costs(store, leaderboard(store)).costs
    return list(table.rows)


def test_epochs_times_and_parameters_by_hand(store: Store, add: Any) -> None:
    one = trained(store, add, "full", 1, [60, 9, 9, 12], best=2)
    trained(store, add, "full", 2, [9, 11], best=1)
    store.artifact(one, name="best", path="", digest="", size=1, facts={"epoch": 2, "parameters": 1234567})
    (cost,) = costs(store)
    assert cost.parameters == 1_234_567
    assert (cost.epochs.mean, cost.epochs.n) == (3.0, 2)
    assert cost.best.mean == 1.5
    assert cost.seconds_an_epoch.mean == pytest.approx((10.5 + 10) / 2)  # medians: the first epoch of a process takes longer
    assert cost.seconds_to_validate.mean == 3.0
    # 60 + 9 + 9 + 12 and four validations, 9 + 11 and two
    assert cost.minutes.mean == pytest.approx((102 + 26) / 2 / 60)
    # deviations of 4 and 2 epochs: 1 and -1, so sqrt(2); of 10.5 and 10 s: .25, so .354
    assert cost.cells == ("full", "2", "1,234,567", "3 ±1", "2 ±1", "10.2 ±0.4", "3.0 ±0.0", "1.1 ±0.9")


def test_stages_before_count_in_epochs_and_minutes_alone(store: Store, add: Any) -> None:
    trained(store, add, "full", 1, [10, 10, 10], best=2, pretrained=4)
    (cost,) = costs(store)
    assert (cost.epochs.mean, cost.best.mean, cost.seconds_an_epoch.mean) == (7.0, 2.0, 10.0)
    assert cost.minutes.mean == pytest.approx((4 * 30 + 3 * 13) / 60)
    assert cost.parameters is None
    assert cost.cells[2] == ""


def test_of_an_imported_run_the_ranks_tell_the_parameters(store: Store, add: Any) -> None:
    one = trained(store, add, "full", 1, [10], best=1)
    store.artifact(one, name="embed.items", path="", digest="aa", size=1, facts={"parameters": 7})  # of another model
    store.artifact(one, name="ranks", path="", digest="", size=1, facts={"epoch": 1, "parameters": 1234})
    (cost,) = costs(store)
    assert cost.parameters == 1234


def test_an_epoch_whose_validation_is_no_number_is_not_the_best(store: Store, add: Any) -> None:
    one = trained(store, add, "full", 1, [10, 10, 10], best=3)
    store.log(one, 1, {"valid.mrr@10": math.nan})
    (cost,) = costs(store)
    assert cost.best.mean == 3.0


def test_rows_without_times_are_left_out_and_machines_are_told(store: Store, add: Any) -> None:
    add("untimed", 1, {"hr@10": 0.1}, values=VALUES)
    trained(store, add, "full", 1, [10], best=1)
    (table,) = with_costs(store, leaderboard(store)).costs
    assert [row.label for row in table.rows] == ["full"]
    assert table.notes == ("on A Processor, 2 threads",)
    trained(store, add, "less", 1, [10], best=1, environment={"platform": "Some Platform", "threads": 1})
    trained(store, add, "more", 1, [10], best=1, environment={"platform": "Some Platform", "threads": 11})
    (table,) = with_costs(store, leaderboard(store)).costs
    assert table.notes == (
        "times of different machines are not to be compared",
        "on A Processor, 2 threads: full",
        "on Some Platform, 1 thread: less",
        "on Some Platform, 11 threads: more",
    )


def test_every_form_has_them(store: Store, add: Any) -> None:
    run_id = trained(store, add, "full", 1, [10, 20], best=1)
    board = with_costs(store, leaderboard(store))
    assert (
        "demo, leave-one-out: what training took\n      n  parameters  epochs  best  s an epoch  s to validate  minutes\n"
        in render.as_table(board)
    )
    assert "\nfull  1                   2     1        15.0            3.0      0.6\n" in render.as_table(board)
    assert "| full | 1 |  | 2 | 1 | 15.0 | 3.0 | 0.6 |" in render.as_markdown(board)
    row = json.loads(render.as_json(board))["data"][0]["rows"][0]
    assert row["runs"] == [run_id]
    assert row["cost"]["seconds_an_epoch"] == {"mean": 15.0, "std": None}
    assert row["cost"]["machines"] == ["A Processor, 2 threads"]
    assert "cost" not in json.loads(render.as_json(leaderboard(store)))["data"][0]["rows"][0]


def test_a_table_is_of_a_data_set_and_split_and_not_of_a_protocol(store: Store, add: Any) -> None:
    trained(store, add, "full", 1, [10], best=1)
    trained(store, add, "full", 1, [10], best=1, dataset="other")
    by_time = trained(store, add, "full", 1, [20], best=1, by="by time 0.8/0.9 (last item)")
    board: Leaderboard = with_costs(store, leaderboard(store))
    assert len(board.blocks) == 6
    assert [(table.dataset, table.split) for table in board.costs] == [
        ("demo", "leave-one-out"),
        ("demo", "by time 0.8/0.9 (last item)"),
        ("other", "leave-one-out"),
    ]
    assert [row.runs for row in board.costs[1].rows] == [(by_time,)]


def test_versions_of_a_data_set_have_a_table_each(store: Store, add: Any) -> None:
    trained(store, add, "full", 1, [10], best=1, data="as it was")
    trained(store, add, "full", 1, [20], best=1, data="as it is")
    board = with_costs(store, leaderboard(store))
    kept = [block for block in board.blocks if block.protocol["seen_items"] == "keep"]
    assert [table.dataset for table in board.costs] == [f"demo·{block.fingerprint[:6]}" for block in kept]
    assert [row.seconds_an_epoch.mean for table in board.costs for row in table.rows] == [10.0, 20.0]
