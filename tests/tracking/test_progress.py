from __future__ import annotations

import math
from typing import Any

import pytest

from sracl.tracking import identity, progress, queries
from sracl.tracking.lines import epochs_at_most, trainings
from sracl.tracking.progress import Course
from sracl.tracking.store import Store

STAGED = {"stage": [{"id": "items", "train": {"epochs": 4}}, {"id": "users", "train": {"epochs": 3}}], "train": {"epochs": 10}}


def begin(store: Store, register: Any, run_id: str, values: Any, **more: Any) -> None:
    register(store, run_id, variant=run_id, values=values)
    store.start(run_id, {**identity.current(), **more})


def left(store: Store) -> dict[str, float]:
    return progress.seconds_left(store, queries.runs(store))


def took(seconds: float, prefix: str = "") -> dict[str, float]:
    return {f"{prefix}seconds.train": seconds - 0.5, f"{prefix}seconds.validate": 0.5}


def test_what_is_left_is_the_epochs_to_come_times_the_median_of_the_last_ones(store: Store, register: Any) -> None:
    begin(store, register, "a", {"train": {"epochs": 40}})
    assert left(store) == {}
    for epoch, seconds in enumerate([90, 80, *[2] * 4, *[4] * 6], start=1):  # the first two are no longer among the last ten
        store.log("a", epoch, {**took(seconds), "loss": 50.0})
    assert left(store) == {"a": 28 * 4}
    store.log("a", 40, took(4))
    assert left(store) == {}


@pytest.mark.parametrize("ending", ["completed", "failed", "interrupted", "cancelled"])
def test_nothing_is_left_of_a_run_that_has_ended(store: Store, register: Any, ending: Any) -> None:
    begin(store, register, "a", {"train": {"epochs": 40}})
    store.log("a", 1, took(2))
    assert left(store) == {"a": 78}
    store.finish("a", ending)
    assert left(store) == {}


def test_nor_of_one_whose_process_is_gone_or_that_does_not_say_how_many_epochs_it_has(store: Store, register: Any) -> None:
    begin(store, register, "dead", {"train": {"epochs": 40}}, pid_started=-1.0)
    begin(store, register, "open", {})
    for name in ("dead", "open"):
        store.log(name, 1, took(2))
    assert left(store) == {}


def test_of_stages_only_the_last_one_is_foretold_and_only_from_its_own_epochs(store: Store, register: Any) -> None:
    begin(store, register, "a", STAGED)
    for epoch in range(1, 8):
        store.log("a", epoch, took(100, "items." if epoch < 5 else "users."))
        assert left(store) == {}, epoch
    store.log("a", 8, took(3))
    assert left(store) == {"a": 27}
    assert trainings(STAGED) == (("items.", 4), ("users.", 3), ("", 10))
    assert epochs_at_most(trainings(STAGED)) == 17
    assert trainings({"stage": STAGED["stage"]}) == ()
    assert epochs_at_most(()) is None


def test_a_course_is_every_epoch_or_means_over_parts_of_them(store: Store, register: Any) -> None:
    for name, values in {"few": {}, "many": {"train": {"early_stopping": {"metric": "valid.hr@5"}}}, "none": {}, "nan": {}}.items():
        register(store, name, variant=name, values=values)
    for epoch, value in enumerate((0.1, 0.3, math.nan, 0.2), start=1):
        store.log("few", epoch, {"valid.mrr@10": value, "valid.hr@5": 9.0})
    for epoch in range(1, 13):
        store.log("many", epoch, {"valid.hr@5": float(epoch)})
    store.log("none", 1, {"loss": 1.0})
    store.log("nan", 1, {"valid.mrr@10": math.nan})
    assert progress.courses(store, queries.runs(store), parts=4) == {
        "few": Course("valid.mrr@10", 0.3, (0.1, 0.3, 0.2)),
        "many": Course("valid.hr@5", 12.0, (2.0, 5.0, 8.0, 11.0)),
    }


def test_the_course_of_a_staged_run_begins_where_it_is_validated(store: Store, register: Any) -> None:
    begin(store, register, "a", STAGED)
    for epoch in range(1, 8):
        store.log("a", epoch, {"loss": 1.0})
    for epoch in range(8, 12):
        store.log("a", epoch, {"valid.mrr@10": float(epoch)})
    assert progress.courses(store, queries.runs(store), parts=2)["a"].trend == (8.5, 10.5)
