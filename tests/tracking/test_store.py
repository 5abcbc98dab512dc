from __future__ import annotations

import math
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from sracl.errors import BudgetError, ResourceError, StoreError, UsageError
from sracl.tracking import artifacts, identity, jobs, queries
from sracl.tracking.file import VERSION
from sracl.tracking.queue import Queue
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from sracl.tracking.values import now

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier

Opened = Callable[[Path], Reader]

FORK = multiprocessing.get_context("fork")  # children start without importing anything anew; none of them uses a parent's store


def integrity(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


class TestRegister:
    def test_the_same_digest_is_one_run_with_two_places(self, store: Store, register: Any) -> None:
        first = register(store, "r1", digest="d", recipe="ablation")
        second = register(store, "r2", digest="d", recipe="sracl", variant="")
        assert first.id == second.id == "r1"
        assert [run.id for run in queries.runs(store)] == ["r1"]
        assert [(place.recipe, place.variant) for place in second.entries] == [("ablation", "full"), ("sracl", "")]

    def test_registering_again_changes_nothing(self, store: Store, register: Any) -> None:
        register(store)
        store.start("r1", identity.current())
        again = register(store)
        assert (again.state, again.attempt, len(again.entries)) == ("running", 1, 1)

    def test_runs_of_a_changed_recipe_share_the_place(self, store: Store, register: Any) -> None:
        register(store, "r1", ordinal=3)
        register(store, "r2", ordinal=1)
        assert [(place.run_id, place.ordinal) for place in queries.entries(store)] == [("r2", 1), ("r1", 3)]
        assert [run.id for run in queries.runs(store)] == ["r2", "r1"]

    def test_another_data_set_is_another_place(self, store: Store, register: Any) -> None:
        register(store, "r1", dataset="demo")
        register(store, "r2", dataset="office")
        assert [(place.dataset, place.run_id) for place in queries.entries(store)] == [("demo", "r1"), ("office", "r2")]

    def test_an_id_met_twice_is_an_error(self, store: Store, register: Any) -> None:
        register(store, "r1", digest="one")
        with pytest.raises(StoreError, match="'r1' already exists"):
            register(store, "r1", digest="other")

    def test_read_only_mappings_and_tuples_are_kept_as_json(self, store: Store, register: Any) -> None:
        values = MappingProxyType({"evaluation": MappingProxyType({"cutoffs": (5, 10)})})
        register(store, values=values, cell=MappingProxyType({"vars.k": 5}), leaky=("pool",))
        found = queries.run(store, "r1")
        assert found.values == {"evaluation": {"cutoffs": [5, 10]}}
        assert found.entries[0].cell == '{"vars.k": 5}'
        assert found.leaky == ("pool",)


class TestStates:
    def test_from_planned_to_completed(self, store: Store, register: Any) -> None:
        assert register(store).state == "planned"
        before = now()
        store.start("r1", identity.current())
        running = queries.run(store, "r1")
        assert (running.state, running.attempt, running.pid) == ("running", 1, os.getpid())
        assert running.started is not None
        assert before <= running.started <= now()
        store.finish("r1", "completed")
        done = queries.run(store, "r1")
        assert done.state == "completed"
        assert done.finished is not None

    def test_a_new_attempt_forgets_the_reason_of_the_last(self, store: Store, register: Any) -> None:
        register(store)
        store.start("r1", identity.current())
        store.finish("r1", "failed", "the loss is nan")
        assert queries.run(store, "r1").reason == "the loss is nan"
        store.start("r1", identity.current())
        again = queries.run(store, "r1")
        assert (again.state, again.reason, again.attempt, again.finished) == ("running", "", 2, None)

    def test_a_run_that_a_live_process_has_cannot_be_started_by_another(self, store: Store, register: Any) -> None:
        register(store)
        store.start("r1", identity.current())
        other = {**identity.current(), "pid": 1}
        with pytest.raises(ResourceError, match=f"process {os.getpid()}"):
            store.start("r1", other)
        assert queries.run(store, "r1").attempt == 1

    def test_a_run_that_is_completed_is_not_begun_again(self, store: Store, register: Any) -> None:
        register(store)
        store.finish("r1", "completed")
        with pytest.raises(ResourceError, match="'r1' is completed"):
            store.start("r1", identity.current())

    def test_a_run_on_another_machine_is_given_up_after_two_silent_minutes(self, store: Store, register: Any) -> None:
        register(store)
        store.start("r1", {**identity.current(), "host": "elsewhere"})
        silent_for(store, 20)
        with pytest.raises(ResourceError, match=r"on elsewhere\. If that has ended, try again in (100|99|98) s\.$"):
            store.start("r1", identity.current())
        silent_for(store, 121)
        store.start("r1", identity.current())
        assert queries.run(store, "r1").attempt == 2

    def test_only_a_run_that_nobody_has_and_that_has_not_ended_is_cancelled(self, store: Store, register: Any) -> None:
        register(store)
        store.cancel("r1", "by the user")
        cancelled = queries.run(store, "r1")
        assert (cancelled.state, cancelled.reason) == ("cancelled", "by the user")
        assert cancelled.finished is not None
        store.start("r1", identity.current())
        store.cancel("r1", "by the user")
        assert queries.run(store, "r1").state == "running"
        store.finish("r1", "completed")
        store.cancel("r1", "by the user")
        assert queries.run(store, "r1").state == "completed"
        store.cancel("r9", "by the user")  # removed meanwhile

    def test_a_run_whose_process_is_gone_is_cancelled(self, store: Store, register: Any) -> None:
        register(store)
        store.start("r1", {**identity.current(), "pid_started": -1.0})
        store.cancel("r1", "by the user")
        assert queries.run(store, "r1").state == "cancelled"

    def test_an_end_that_is_none_is_refused(self, store: Store, register: Any) -> None:
        register(store)
        with pytest.raises(ValueError, match="completed, failed, interrupted or cancelled"):
            store.finish("r1", "running")  # type: ignore[arg-type]

    def test_an_unknown_run_is_named(self, store: Store) -> None:
        with pytest.raises(UsageError, match="'r9'"):
            store.beat("r9")
        with pytest.raises(UsageError, match="'r9'"):
            store.log("r9", 1, {"loss": 1.0})
        with pytest.raises(UsageError, match="'r9'"):
            store.start("r9", identity.current())


def silent_for(store: Store, seconds: float) -> None:
    """Move the last sign of life of every run into the past."""
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE run SET heartbeat = datetime('now', ?) || '.000000'", (f"-{seconds} seconds",))


class TestSeries:
    def test_an_epoch_logged_again_replaces_its_values(self, store: Store, register: Any) -> None:
        register(store)
        store.log("r1", 1, {"loss": 5.0, "valid.mrr@10": 0.01})
        store.log("r1", 2, {"loss": 4.0})
        store.log("r1", 1, {"loss": 4.5})
        assert queries.series(store, "r1") == {"loss": [(1, 4.5), (2, 4.0)], "valid.mrr@10": [(1, 0.01)]}

    def test_forgetting_what_came_after_a_checkpoint(self, store: Store, register: Any) -> None:
        register(store)
        register(store, "r2")
        for epoch in (1, 2, 3):
            store.log("r1", epoch, {"loss": float(epoch)})
            store.log("r2", epoch, {"loss": float(epoch)})
        store.forget_after("r1", 1)
        assert queries.series(store, "r1") == {"loss": [(1, 1.0)]}
        assert queries.run(store, "r1").epoch == 1
        assert len(queries.series(store, "r2")["loss"]) == 3
        store.forget_after("r1", 0)
        assert queries.run(store, "r1").epoch is None

    def test_what_is_no_number_comes_back_as_nan_and_infinity_as_itself(self, store: Store, register: Any) -> None:
        register(store)
        store.log("r1", 1, {"loss": math.nan, "norm": math.inf})
        found = queries.series(store, "r1")
        assert math.isnan(found["loss"][0][1])
        assert found["norm"] == [(1, math.inf)]

    def test_values_come_back_bit_for_bit(self, store: Store, register: Any) -> None:
        register(store)
        value = 0.1 + 0.2
        store.metrics("r1", split="test", protocol={"seen_items": "keep"}, group="all", values={"hr@10": value})
        assert queries.final_metrics(store)[0].value.hex() == value.hex()


class TestMetrics:
    def test_each_protocol_split_and_group_is_kept_apart(self, store: Store, register: Any) -> None:
        register(store)
        for seen_items in ("keep", "exclude"):
            for group in ("all", "history<7"):
                store.metrics("r1", split="test", protocol={"seen_items": seen_items}, group=group, values={"hr@10": 0.5}, count=7)
        found = queries.final_metrics(store)
        assert len({(row.protocol, row.group) for row in found}) == 4
        assert {row.count for row in found} == {7}
        facts = queries.protocols(store)
        assert sorted(facts[row.protocol]["seen_items"] for row in found) == ["exclude", "exclude", "keep", "keep"]

    def test_new_figures_replace_the_old_ones_whole(self, store: Store, register: Any) -> None:
        register(store)
        store.metrics("r1", split="test", protocol={"seen_items": "keep"}, group="all", values={"hr@10": 0.1, "hr@5": 0.05})
        store.metrics("r1", split="test", protocol={"seen_items": "keep"}, group="all", values={"hr@10": 0.2})
        assert [(row.name, row.value) for row in queries.final_metrics(store)] == [("hr@10", 0.2)]

    def test_a_protocol_that_is_silent_about_seen_items_is_refused(self, store: Store, register: Any) -> None:
        register(store)
        with pytest.raises(ValueError, match="seen items"):
            store.metrics("r1", split="test", protocol={"split": "leave-one-out"}, group="all", values={"hr@10": 0.1})
        assert queries.final_metrics(store) == []

    def test_artifacts_of_one_name_replace_each_other(self, store: Store, register: Any) -> None:
        register(store)
        for size in (10, 20):
            store.artifact("r1", name="best", path="runs/r1/best.safetensors", digest="ab", size=size, facts={"epoch": 3})
        assert [(row.name, row.size, row.facts) for row in artifacts.of_run(store, "r1")] == [("best", 20, {"epoch": 3})]


class TestOpening:
    def test_reading_makes_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="There is no store"):
            Reader.open(tmp_path / "store.db")
        assert list(tmp_path.iterdir()) == []

    def test_a_file_without_tables_is_called_empty(self, tmp_path: Path) -> None:
        (tmp_path / "store.db").touch()
        with pytest.raises(StoreError, match="is empty"):
            Reader.open(tmp_path / "store.db")

    def test_a_reader_sees_what_a_writer_does_while_both_are_open(self, store: Store, register: Any) -> None:
        with Reader.open(store.path) as reader:
            assert queries.runs(reader) == []
            register(store)
            assert [run.id for run in queries.runs(reader)] == ["r1"]

    def test_a_folder_that_cannot_be_written_is_read_nevertheless(
        self, store: Store, register: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register(store)
        path = store.path
        store.close()
        path.with_name("store.db.lock").unlink()
        monkeypatch.setattr(os, "access", lambda *_: False)
        with Reader.open(path) as reader:
            assert [run.id for run in queries.runs(reader)] == ["r1"]
        assert not path.with_name("store.db-shm").exists()

    def test_a_newer_store_is_opened_for_reading_and_says_so(self, store: Store, register: Any) -> None:
        register(store)
        with sqlite3.connect(store.path) as connection:
            connection.execute("INSERT INTO schemaversion VALUES (?, '2030-01-01 00:00:00.000000')", (VERSION + 1,))
        with Store.open(store.path) as newer:
            assert "newer sracl" in newer.notice
            assert [run.id for run in queries.runs(newer)] == ["r1"]
            with pytest.raises(StoreError, match=f"schema {VERSION + 1}"):
                newer.finish("r1", "completed")
        with Reader.open(store.path) as reader:
            assert "newer sracl" in reader.notice
            assert [run.id for run in queries.runs(reader)] == ["r1"]

    def test_a_store_of_the_first_version_is_brought_up_to_date_after_a_copy(self, tmp_path: Path, register: Any) -> None:
        path = tmp_path / "store.db"
        with Store.open(path) as store:
            register(store)
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TABLE tag")
            connection.execute("DROP TABLE note")
            connection.execute("DROP TABLE job")
            connection.execute("DROP TABLE queuestate")
            connection.execute("UPDATE schemaversion SET version = 1")
        with Reader.open(path) as reader:  # a reader changes nothing, and finds no jobs
            assert jobs.jobs(reader) == []
            assert not jobs.is_paused(reader)
        for _ in range(2):
            with Store.open(path) as store:
                assert [run.id for run in queries.runs(store)] == ["r1"]
                Queue(store).add(label="j", command=["true"], folder=tmp_path, log=tmp_path / "log.txt")
        with Reader.open(path) as reader:
            assert [job.label for job in jobs.jobs(reader)] == ["j", "j"]
        with sqlite3.connect(path) as connection:
            assert [version for (version,) in connection.execute("SELECT version FROM schemaversion ORDER BY version")] == [1, VERSION]
        assert [run.id for run in queries.runs(Reader(path.with_name("store.db.version-1"), 1))] == ["r1"]

    @pytest.mark.parametrize("opened", [Store.open, Reader.open])
    def test_a_file_that_is_no_database_is_named(self, tmp_path: Path, opened: Opened) -> None:
        path = tmp_path / "store.db"
        path.write_bytes(b"this was a database once " * 100)
        with pytest.raises(StoreError, match=f"{path} is damaged"):
            opened(path)
        assert path.read_bytes() == b"this was a database once " * 100

    def test_a_damaged_page_is_reported_and_not_read(self, store: Store, register: Any) -> None:
        for number in range(200):
            register(store, f"r{number}", seed=number)
        path = store.path
        store.close()
        content = bytearray(path.read_bytes())
        content[4096:] = random.Random(0).randbytes(len(content) - 4096)  # all pages but the first, which holds the schema
        path.write_bytes(content)
        with pytest.raises(StoreError, match="store.db"), Reader.open(path) as damaged:
            queries.runs(damaged)

    @pytest.mark.parametrize("opened", [Store.open, Reader.open])
    def test_another_programs_database_is_left_alone(self, tmp_path: Path, opened: Opened) -> None:
        path = tmp_path / "store.db"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE diary (entry TEXT)")
        with pytest.raises(StoreError, match="not a store of sracl: it has the tables diary"):
            opened(path)

    def test_a_place_that_cannot_be_a_folder_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="cannot be opened"):
            Store.open(tmp_path / "file" / "store.db")


class TestFullDisk:
    def test_what_was_written_stays_and_writing_resumes_when_there_is_space(self, store: Store, register: Any) -> None:
        register(store)
        store.log("r1", 0, {"loss": 9.0})
        limit(store, pages=1)  # SQLite takes a limit below the present size as the present size
        acknowledged = 0
        with pytest.raises(BudgetError, match="no space left"):
            for epoch in range(1, 2000):
                store.log("r1", epoch, {f"series {number} with a long name": 1.0 for number in range(20)})
                acknowledged = epoch
        assert integrity(store.path) == "ok"
        found = queries.series(store, "r1")
        assert len(found.get("series 0 with a long name", [])) == acknowledged
        limit(store, pages=1_000_000)
        store.log("r1", 3000, {"loss": 1.0})
        assert queries.series(store, "r1", ["loss"]) == {"loss": [(0, 9.0), (3000, 1.0)]}

    def test_a_write_that_the_system_cuts_short(self, store: Store, register: Any) -> None:
        register(store)
        receiver, answers = FORK.Pipe(duplex=False)
        worker = FORK.Process(target=_write_within_a_quota, args=(store.path, answers))
        worker.start()
        acknowledged, error = receiver.recv()
        worker.join()
        assert error == "BudgetError"
        assert integrity(store.path) == "ok"
        assert len(queries.series(store, "r1").get("series 0 with a long name", [])) == acknowledged


def limit(store: Store, *, pages: int) -> None:
    """Let the store's one pooled connection use no more pages, as a full disk would."""
    with store.writing() as session:
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def _write_within_a_quota(path: Path, answers: Connection) -> None:
    """Log until the write-ahead log may not grow any more."""
    acknowledged = 0
    with Store.open(path) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))  # bytes; Python ignores the signal that comes with it
        try:
            for epoch in range(2000):
                store.log("r1", epoch, {f"series {number} with a long name": 1.0 for number in range(20)})
                acknowledged += 1
        except Exception as error:
            answers.send((acknowledged, type(error).__name__))
        else:
            answers.send((acknowledged, "no error"))


def _open_together(path: Path, barrier: Barrier, answers: Connection) -> None:
    barrier.wait()
    try:
        with Store.open(path) as store:
            answers.send(len(queries.runs(store)))
    except Exception as error:  # whatever it is, the parent must hear of it
        answers.send(repr(error))


def _write_points(path: Path, run_id: str, commits: int, answers: Connection) -> None:
    try:
        with Store.open(path) as store:
            for epoch in range(commits):
                store.log(run_id, epoch, {"loss": epoch, "valid.mrr@10": epoch})
        answers.send("done")
    except Exception as error:
        answers.send(repr(error))


def _write_until_killed(path: Path, run_id: str, acknowledged: Connection) -> None:
    with Store.open(path) as store:
        store.start(run_id, identity.current())
        epoch = 0
        while True:
            store.log(run_id, epoch, {"loss": epoch, "valid.mrr@10": epoch})
            acknowledged.send(epoch)
            epoch += 1


class TestManyProcesses:
    @pytest.mark.parametrize(("openers", "rounds"), [(8, 5), pytest.param(12, 25, marks=pytest.mark.slow)])
    def test_many_open_a_new_store_at_once(self, tmp_path: Path, openers: int, rounds: int) -> None:
        for number in range(rounds):
            path = tmp_path / str(number) / "store.db"
            barrier = FORK.Barrier(openers)
            pipes = [FORK.Pipe(duplex=False) for _ in range(openers)]
            workers = [FORK.Process(target=_open_together, args=(path, barrier, answers)) for _, answers in pipes]
            for worker in workers:
                worker.start()
            assert [receiver.recv() for receiver, _ in pipes] == [0] * openers
            for worker in workers:
                worker.join()
            with sqlite3.connect(path) as connection:
                assert connection.execute("SELECT count(*) FROM schemaversion").fetchone() == (1,)
                assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    @pytest.mark.parametrize(("writers", "commits"), [(4, 60), pytest.param(16, 300, marks=pytest.mark.slow)])
    def test_writers_and_a_reader_lose_nothing(self, store: Store, register: Any, writers: int, commits: int) -> None:
        names = [f"r{number}" for number in range(writers)]
        for name in names:
            register(store, name, variant=name)
        pipes = [FORK.Pipe(duplex=False) for _ in names]
        workers = [
            FORK.Process(target=_write_points, args=(store.path, name, commits, answers))
            for name, (_, answers) in zip(names, pipes, strict=True)
        ]
        for worker in workers:
            worker.start()
        reads = 0
        with Reader.open(store.path) as reader:
            at_work = True
            while at_work:
                at_work = any(worker.is_alive() for worker in workers)  # one more look when they have ended, or on a slow machine none
                for series in queries.series(reader, random.choice(names)).values():
                    assert [epoch for epoch, _ in series] == list(range(len(series)))
                reads += 1
        assert [receiver.recv() for receiver, _ in pipes] == ["done"] * writers
        assert reads > 0
        for name in names:
            assert {series: len(points) for series, points in queries.series(store, name).items()} == {
                "loss": commits,
                "valid.mrr@10": commits,
            }
        wal = store.path.with_name("store.db-wal")
        assert not wal.exists() or wal.stat().st_size < 64 * 1024 * 1024

    @pytest.mark.parametrize("trials", [3, pytest.param(40, marks=pytest.mark.slow)])
    def test_kill_9_in_the_middle_of_logging(self, store: Store, register: Any, trials: int) -> None:
        for trial in range(trials):
            name = f"r{trial}"
            register(store, name, variant=name)
            receiver, acknowledged = FORK.Pipe(duplex=False)
            worker = FORK.Process(target=_write_until_killed, args=(store.path, name, acknowledged))
            worker.start()
            acknowledged.close()
            last = receiver.recv()
            time.sleep(random.uniform(0.0, 0.05))
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
            try:
                while True:
                    last = receiver.recv()
            except EOFError:
                pass
            with Store.open(store.path) as reopened:
                series = queries.series(reopened, name)
                assert (
                    len(series["loss"]) == len(series["valid.mrr@10"]) >= last + 1
                )  # no epoch is half there, none that was acknowledged is lost
                assert queries.run(reopened, name).state == "interrupted"
                reopened.start(name, identity.current())  # and it can go on
                reopened.finish(name, "completed")
            assert integrity(store.path) == "ok"

    def test_kill_9_while_the_store_is_made(self, tmp_path: Path) -> None:
        for trial in range(4):
            path = tmp_path / str(trial) / "store.db"
            _, answers = FORK.Pipe(duplex=False)
            worker = FORK.Process(target=_open_together, args=(path, FORK.Barrier(1), answers))
            worker.start()
            time.sleep(trial * 0.004)
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
            with Store.open(path) as store:
                assert queries.runs(store) == []
