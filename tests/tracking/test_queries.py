from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import sqlite3
import time
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sracl.errors import UsageError
from sracl.tracking import identity, pages, queries
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from sracl.tracking.values import now

if TYPE_CHECKING:
    from pathlib import Path

FORK = multiprocessing.get_context("fork")


def _start_and_wait(path: Path) -> None:
    with Store.open(path) as store:
        store.start("r1", identity.current())
    time.sleep(60)


class TestDerivedState:
    def test_a_killed_process_leaves_an_interrupted_run_even_before_it_is_reaped(self, store: Store, register: Any) -> None:
        register(store)
        worker = FORK.Process(target=_start_and_wait, args=(store.path,))
        worker.start()
        deadline = time.monotonic() + 30
        while queries.run(store, "r1").state == "planned" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert queries.run(store, "r1").state == "running"
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # dead, its entry in the process table still there
        assert queries.run(store, "r1").state == "interrupted"
        worker.join()
        assert queries.run(store, "r1").state == "interrupted"
        with sqlite3.connect(store.path) as connection:  # derived, not written: a reader changes nothing
            assert connection.execute("SELECT state FROM run").fetchone() == ("running",)

    def test_a_process_id_given_out_again_is_another_process(self, store: Store, register: Any) -> None:
        register(store)
        me = identity.current()
        store.start("r1", {**me, "pid_started": me["pid_started"] - 1000})  # this id belonged to an earlier process then
        assert queries.run(store, "r1").state == "interrupted"

    def test_nothing_survives_a_restart_of_the_machine(self, store: Store, register: Any) -> None:
        register(store)
        store.start("r1", {**identity.current(), "boot_id": "an earlier boot"})
        assert queries.run(store, "r1").state == "interrupted"

    def test_a_silent_run_here_is_stalled_and_no_more_as_long_as_its_process_lives(self, store: Store, register: Any) -> None:
        register(store)
        store.start("r1", identity.current())
        silent_for(store, 20)
        assert queries.run(store, "r1").state == "running"
        silent_for(store, 3600)
        assert queries.run(store, "r1").state == "stalled"
        store.beat("r1")
        assert queries.run(store, "r1").state == "running"

    def test_a_run_whose_training_does_not_go_on_is_in_doubt_until_it_does(self, store: Store, register: Any) -> None:
        me = identity.current()
        for name, process in {"here": me, "far": {**me, "host": "elsewhere"}, "gone": {**me, "pid_started": -1.0}}.items():
            register(store, name, variant=name)
            store.start(name, process)
            store.beat(name, f"{identity.NO_STEP}12 min")
        assert {run.id: run.state for run in queries.runs(store)} == {"here": "stalled?", "far": "stalled?", "gone": "interrupted"}
        assert [run.id for run in queries.runs(store, state="stalled?")] == ["far", "here"]
        assert pages.page(store, size=9, state="stalled?").total == 2
        store.beat("here")
        assert (queries.run(store, "here").state, queries.run(store, "here").reason) == ("running", "")
        store.finish("far", "failed", "the loss is nan")
        store.beat("far", f"{identity.NO_STEP}12 min")
        assert (queries.run(store, "far").state, queries.run(store, "far").reason) == ("failed", "the loss is nan")
        store.beat("here", f"{identity.NO_STEP}12 min")
        silent_for(store, 3600)
        assert queries.run(store, "here").state == "stalled"

    def test_a_silent_run_elsewhere_is_in_doubt_after_a_minute(self, store: Store, register: Any) -> None:
        register(store)
        store.start("r1", {**identity.current(), "host": "elsewhere"})
        assert queries.run(store, "r1").state == "running"
        silent_for(store, 61)
        assert queries.run(store, "r1").state == "stale?"
        store.beat("r1")
        assert queries.run(store, "r1").state == "running"

    def test_a_container_of_the_same_name_is_elsewhere(self, store: Store, register: Any) -> None:
        register(store)
        me = identity.current()
        store.start("r1", {**me, "boot_id": f"{me['boot_id'].partition('/')[0]}/pid:[42]", "pid": 1})
        assert queries.run(store, "r1").state == "running"


def silent_for(store: Store, seconds: float) -> None:
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE run SET heartbeat = datetime('now', ?) || '.000000'", (f"-{seconds} seconds",))


class TestRuns:
    def test_newest_first_and_no_more_than_asked(self, store: Store, register: Any) -> None:
        for name in ("a", "b", "c"):
            register(store, name, variant=name)
        with sqlite3.connect(store.path) as connection:  # the clock was set back between a and b
            connection.execute("UPDATE run SET created = '2001-01-01 00:00:00.000000' WHERE id != 'a'")
        assert [run.id for run in queries.runs(store)] == ["c", "b", "a"]
        assert [run.id for run in queries.runs(store, limit=2)] == ["c", "b"]

    def test_filters(self, store: Store, register: Any) -> None:
        register(store, "a", recipe="one", dataset="demo")
        register(store, "b", recipe="two", dataset="office")
        assert [run.id for run in queries.runs(store, recipe="two")] == ["b"]
        assert [run.id for run in queries.runs(store, ids=["a", "nothing"])] == ["a"]

    def test_states_are_filtered_as_they_are_shown(self, store: Store, register: Any) -> None:
        me = identity.current()
        for name, owner in {"alive": me, "dead": {**me, "pid_started": -1.0}, "far": {**me, "host": "elsewhere"}}.items():
            register(store, name, variant=name)
            store.start(name, owner)
        silent_for(store, 61)
        register(store, "beating", variant="beating")
        store.start("beating", me)
        register(store, "asked", variant="asked")
        store.start("asked", me)
        store.finish("asked", "interrupted", "Ctrl-C")
        assert [run.id for run in queries.runs(store, state="running")] == ["beating"]
        assert [run.id for run in queries.runs(store, state="stalled")] == ["alive"]
        assert [run.id for run in queries.runs(store, state="stale?")] == ["far"]
        assert [run.id for run in queries.runs(store, state="interrupted")] == ["asked", "dead"]
        assert [run.id for run in queries.runs(store, state="interrupted", limit=1)] == ["asked"]
        assert queries.runs(store, state="failed") == []

    def test_a_line_is_what_a_list_shows_of_a_run(self, store: Store, register: Any) -> None:
        stages = [{"id": "items", "train": {"epochs": 4}}, {"id": "users", "train": {"epochs": 3}}]
        tables: list[dict[str, Any]] = [
            {"stage": stages},
            {"train": {"epochs": 9, "early_stopping": {"metric": "valid.hr@5"}}, "stage": []},
            {"evaluation": {"cutoffs": [5, 20]}, "train": {"epochs": 9}, "stage": stages},
        ]
        for number, values in enumerate(tables):
            register(store, f"r{number}", variant=str(number), dataset="demo", values=values)
        register(store, "elsewhere", dataset="office")
        store.start("r2", identity.current(), {"device": "cuda:1"})
        lines, whole = pages.page(store, dataset="demo", size=3).lines, queries.runs(store, ids=[f"r{number}" for number in range(3)])
        names = [field.name for field in dataclasses.fields(queries.RunLine)]
        assert [[getattr(row, name) for name in names] for row in lines] == [[getattr(row, name) for name in names] for row in whole]
        assert [row.watched for row in lines] == ["valid.mrr@20", "valid.hr@5", "valid.mrr@10"]
        assert [row.trainings for row in lines] == [(("items.", 4), ("users.", 3), ("", 9)), (("", 9),), ()]
        assert [row.device for row in lines] == ["cuda:1", "", ""]
        assert not hasattr(lines[0], "values")

    def test_moments_have_their_time_zone(self, store: Store, register: Any) -> None:
        created = register(store).created
        assert created.tzinfo is UTC
        assert timedelta(0) <= now() - created < timedelta(minutes=1)

    def test_rows_are_frozen(self, store: Store, register: Any) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            register(store).state = "completed"


class TestOneRun:
    def test_by_digest(self, store: Store, register: Any) -> None:
        register(store, "a", digest="d")
        found = queries.run_by_digest(store, "d")
        assert found is not None
        assert found.id == "a"
        assert queries.run_by_digest(store, "other") is None

    def test_by_prefix_and_as_the_last(self, store: Store, register: Any) -> None:
        register(store, "abc1", variant="1")
        register(store, "abd2", variant="2")
        assert queries.run(store, "abc").id == "abc1"
        assert queries.run(store, "@last").id == "abd2"
        with pytest.raises(UsageError, match="abd2, abc1"):
            queries.run(store, "ab")

    def test_an_id_is_meant_even_where_it_begins_another(self, store: Store, register: Any) -> None:
        register(store, "ab", variant="1")
        register(store, "abc", variant="2")
        assert queries.run(store, "ab").id == "ab"

    def test_the_nearest_id_is_offered_and_a_percent_sign_matches_nothing(self, store: Store, register: Any) -> None:
        register(store, "abc123")
        with pytest.raises(UsageError, match="Did you mean 'abc123'"):
            queries.run(store, "abc124")
        with pytest.raises(UsageError, match="no run '%'"):
            queries.run(store, "%")


def test_the_best_value_is_that_of_the_metric_each_run_watches(store: Store, register: Any) -> None:
    register(store, "a", variant="a")
    register(store, "b", variant="b", values={"train": {"early_stopping": {"metric": "valid.ndcg@20"}}})
    register(store, "c", variant="c", values={"train": {"early_stopping": None}})
    register(store, "d", variant="d")
    for epoch, value in enumerate((0.1, 0.3, 0.2)):
        for name in "abc":
            store.log(name, epoch, {"valid.mrr@10": value, "valid.ndcg@20": 10 * value})
    assert queries.best_watched(store, queries.runs(store)) == {
        "a": ("valid.mrr@10", 0.3),
        "b": ("valid.ndcg@20", 3.0),
        "c": ("valid.mrr@10", 0.3),
    }


def test_the_last_report_of_a_recipe_counts(store: Store) -> None:
    store.recipe("ablation", {"baseline": "full"}, "recipes/ablation.toml")
    store.recipe("ablation", {"baseline": "w/o CL", "published": ("sracl-table3",)}, "recipes/ablation.toml")
    assert queries.recipes(store)["ablation"].report == {"baseline": "w/o CL", "published": ["sracl-table3"]}


def test_no_reader_keeps_a_transaction_open(store: Store, register: Any) -> None:
    register(store)
    with Reader.open(store.path) as reader:
        queries.runs(reader)
        queries.series(reader, "r1")
        store.log("r1", 1, {"loss": 1.0})
        with sqlite3.connect(store.path, isolation_level=None) as connection:
            # TRUNCATE answers busy = 0 only if no reader still holds a snapshot
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
