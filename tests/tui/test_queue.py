from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sracl.jobs.worker import GRACE_SECONDS
from sracl.tracking import identity, jobs
from sracl.tracking.queue import Queue
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.queue.screen import QueueScreen
from sracl.tui.run.screen import RunScreen
from sracl.tui.widgets.rows import Rows
from tests.support.jobs import add, rows, store_file, surroundings, wait_until
from tests.support.terminal import Terminal
from tests.tui.support import add as register
from tests.tui.support import shows, until

SLEEP = "import time; time.sleep(600)"
ME = identity.current()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    with Store.open(store_file(tmp_path)) as store:
        Queue(store).hold(True)  # nothing begins by itself
    yield tmp_path
    for row in rows(tmp_path).values():
        if row.pid != os.getpid() and (process := identity.owner(row)) and identity.presence(process) == "alive":
            os.kill(process["pid"], signal.SIGKILL)


@pytest.fixture
def app(home: Path) -> SraclApp:
    return SraclApp(store_file(home))


def state(home: Path, number: int) -> str:
    return rows(home)[number].state


async def test_devices_and_jobs_are_shown_with_what_they_wait_for(app: SraclApp, home: Path) -> None:
    add(home, SLEEP, label="first", count=2)
    with Store.open(store_file(home)) as store:
        queue = Queue(store)
        queue.hold(False)
        queue.claim(1, worker=ME, device="cpu")
        queue.started(1, ME)
        queue.explain(2, "needs 1 slot, 0 slots free")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await shows(pilot, "cpu", "cores", "0 of 1 slots", "running", "needs 1 slot, 0 slots free", "1 running, 1 queued")
        with Store.open(store_file(home)) as store:
            Queue(store).finish(1, "failed", code=1, reason="the loss is nan")
        await shows(pilot, "failed", "the loss is nan", "1 queued; there is no worker")
        await pilot.press("G")
        await shows(pilot, "job 1, first: failed, the loss is nan")
        with Store.open(store_file(home)) as store:
            lines = [f"\x1b[31mline {number}\x1b[0m" for number in range(99)]
            Queue(store).finish(1, "failed", code=1, reason="\n".join(["several", *lines]))
        await shows(pilot, " several line 0 line 1 line 2", "job 1, first: failed, several line 0")
        assert app.screen.query_one("#jobs").size.height > 5


async def test_of_thousands_that_wait_the_first_are_shown(app: SraclApp, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sracl.tui.queue.screen._WAITING", 2)
    add(home, SLEEP, count=5)
    with Store.open(store_file(home)) as store:
        Queue(store).pause(5)  # which is shown in any case
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await shows(pilot, "4 queued, 1 paused (2 that begin later are not shown")
        assert app.screen.query_one("#jobs", Rows).row_count == 3


async def test_an_empty_project_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    app = SraclApp(store_file(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await shows(pilot, "No job waits or runs", "cpu")
    assert not store_file(tmp_path).exists()


async def test_slots_that_are_no_number_are_told_and_devices_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SRACL_SLOTS", "many")
    app = SraclApp(store_file(tmp_path))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("3")
        await shows(pilot, "SRACL_SLOTS is 'many'", "0 of 1 slots")


@pytest.mark.presses(
    "QueueScreen queue.cancel", "QueueScreen queue.retry", "QueueScreen queue.pause", "QueueScreen queue.sooner", "QueueScreen queue.later"
)
async def test_jobs_are_steered_by_keys(app: SraclApp, home: Path) -> None:
    add(home, SLEEP, label="first", count=2)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen) and app.screen.query_one("#jobs", Rows).row_count == 2)
        await shows(pilot, "ON HOLD")
        await pilot.press("j", "plus", "plus")  # the second before the table knows of the first
        await until(pilot, lambda: rows(home)[2].priority == 2)
        await shows(pilot, "+2")
        await pilot.press("g", "minus", "minus")  # the second stands first now
        await until(pilot, lambda: rows(home)[2].priority == 0)
        await until(pilot, lambda: app.screen.query_one("#jobs", Rows).get_row("2")[3].plain == "")
        await pilot.press("g", "space")
        await until(pilot, lambda: state(home, 2) == "paused" or state(home, 1) == "paused")
        paused = 1 if state(home, 1) == "paused" else 2
        await shows(pilot, "1 queued, 1 paused")
        app.screen.query_one("#jobs", Rows).move_cursor(row=app.screen.query_one("#jobs", Rows).get_row_index(str(paused)))
        await pilot.press("space")
        await until(pilot, lambda: state(home, paused) == "queued")
        await shows(pilot, "2 queued")
        await pilot.press("c")
        await until(pilot, lambda: state(home, paused) == "cancelled")
        await shows(pilot, "cancelled before it began")
        app.screen.query_one("#jobs", Rows).move_cursor(row=1)
        await pilot.press("R")
        await until(pilot, lambda: state(home, paused) == "queued")


@pytest.mark.presses("QueueScreen queue.hold")
async def test_the_queue_is_held_and_let_go(app: SraclApp, home: Path) -> None:
    add(home, "", label="quick")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await shows(pilot, "ON HOLD")
        await pilot.press("D")
        await until(pilot, lambda: state(home, 1) == "completed")
        await pilot.press("D")
        await shows(pilot, "ON HOLD")
        with Reader.open(store_file(home)) as store:
            assert jobs.is_paused(store)


@pytest.mark.presses("QueueScreen queue.checkpoint", "RunScreen run.checkpoint")
async def test_a_checkpoint_is_asked_for(app: SraclApp, home: Path) -> None:
    with Store.open(store_file(home)) as store:
        register(store, "abc123")
        queue = Queue(store)
        queue.hold(False)
        queue.add(label="abc", command=["true"], folder=home, log=home / "log.txt", run_id="abc123")
        queue.claim(1, worker={**ME, "host": "elsewhere"}, device="cpu")  # whose wishes no worker here fulfils
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await pilot.press("3")
            await shows(pilot, "abc")
            await pilot.press("p")
            await until(pilot, lambda: rows(home)[1].wanted == "checkpoint")
            queue.heard(1)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen))
            await pilot.press("p")
            await until(pilot, lambda: rows(home)[1].wanted == "checkpoint")


@pytest.mark.presses("Question yes", "Question no", "Question back")
async def test_a_running_job_is_asked_to_end_and_then_ended_each_time_after_a_yes(app: SraclApp, home: Path) -> None:
    add(home, "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w'); time.sleep(600)")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await shows(pilot, "ON HOLD")
        await pilot.press("D")
        await until(pilot, lambda: (home / "deaf").exists())
        await shows(pilot, "running")
        for no in ("n", "q", "escape"):
            await pilot.press("c", "c")  # the second before the first has asked
            await shows(pilot, "Stop job 1, job?", "y Yes n No")
            await pilot.press("j", no)
            await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        assert rows(home)[1].wanted == ""
        await pilot.press("c")
        await shows(pilot, "Stop job 1, job?", "It has run for", f"after {GRACE_SECONDS:.0f} s it is ended")
        await pilot.press("y")
        await shows(pilot, "running, to cancel")
        assert state(home, 1) == "running"
        await pilot.press("c")
        await shows(pilot, "End job 1, job, at once?")
        await pilot.press("y")
        await until(pilot, lambda: state(home, 1) == "cancelled")


@pytest.mark.parametrize("keys", [("c",), ("enter", "c")])
async def test_a_run_that_is_under_way_is_stopped_after_a_yes(app: SraclApp, home: Path, keys: tuple[str, ...]) -> None:
    with Store.open(store_file(home)) as store:
        register(store, "abc123")
        queue = Queue(store)
        queue.add(label="abc", command=["true"], folder=home, log=home / "log.txt", run_id="abc123")
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "abc123")
            queue.hold(False)
            queue.claim(1, worker={**ME, "host": "elsewhere"}, device="cpu")  # whose wishes no worker here fulfils
            await pilot.press(*keys)
            await shows(pilot, "Stop job 1, abc?", "writes a checkpoint and ends", "it can be retried")
            before = app.screen_stack[-2]
            await pilot.press("n")
            await until(pilot, lambda: app.screen is before)
            assert rows(home)[1].wanted == ""
            await pilot.press("c")
            await shows(pilot, "Stop job 1, abc?")
            await pilot.press("y")
            await until(pilot, lambda: rows(home)[1].wanted == "cancel")
            await pilot.press("c")
            await shows(pilot, "End job 1, abc, at once?", "What it has not written")


@pytest.mark.presses("QueueScreen queue.worker")
async def test_one_worker_is_started_where_none_works_however_often_it_is_asked_for(
    app: SraclApp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRACL_SLOTS", "2")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("3", "w")
        await shows(pilot, "There is nothing to do for a worker")
        app.clear_notifications()
        add(home, SLEEP, count=2)
        await shows(pilot, "2 queued; ON HOLD: no waiting job begins (D ends this); there is no worker, and none is needed")
        await pilot.press("w")
        await shows(pilot, "The queue is on hold. D lets waiting jobs begin")
        app.clear_notifications()
        with Store.open(store_file(home)) as store:
            Queue(store).hold(False)
        await shows(pilot, "2 queued; there is no worker: w starts one")
        app.clear_notifications()
        await pilot.press("w", "w")
        await shows(pilot, "A worker is started.", "worker.log")
        app.clear_notifications()
        await shows(pilot, "2 running; a worker looks after them")
        await pilot.press("w")
        await shows(pilot, "A worker works already.", "worker.log")
    (one,) = {(job.worker or {})["pid"] for job in rows(home).values()}
    assert os.getsid(one) == one  # and so no signal of this terminal reaches it
    assert "job 2 begins" in (home / ".sracl" / "worker.log").read_text()
    os.kill(one, signal.SIGTERM)


async def test_a_worker_that_dies_is_not_said_to_work(app: SraclApp, home: Path) -> None:
    add(home, SLEEP)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await shows(pilot, "ON HOLD")
        await pilot.press("D")
        await shows(pilot, "1 running; a worker looks after them")
        os.kill((rows(home)[1].worker or {})["pid"], signal.SIGKILL)
        await shows(pilot, "1 running; there is no worker: w starts one")


async def test_a_worker_that_cannot_be_started_says_why(app: SraclApp, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_SLOTS", "many")
    add(home, SLEEP)
    with Store.open(store_file(home)) as store:
        Queue(store).hold(False)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("3")
        await shows(pilot, "1 queued; there is no worker")
        app.clear_notifications()
        await pilot.press("w")
        await shows(pilot, "SRACL_SLOTS is 'many'")


def test_a_worker_outlives_the_terminal_it_was_started_in(home: Path) -> None:
    add(home, "import time, pathlib\nwhile not pathlib.Path('go').exists(): time.sleep(0.05)", count=2)
    with Store.open(store_file(home)) as store:
        Queue(store).hold(False)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        terminal = Terminal({**os.environ, "LC_ALL": "C.UTF-8"})
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        wait_until(home, lambda _: b"0 running" in terminal.printed)
        terminal.press("3")
        wait_until(home, lambda _: b"w starts one" in terminal.printed)
        terminal.press("w")
        wait_until(home, lambda jobs: jobs[1].state == "running")
    finally:
        os.killpg(terminal.process.pid, signal.SIGHUP)  # as when its window is closed
        terminal.process.wait(300)
    (home / "go").touch()
    done = wait_until(home, lambda jobs: all(job.state == "completed" for job in jobs.values()))
    assert len({(job.worker or {})["pid"] for job in done.values()}) == 1  # the second was begun after the terminal was gone


def test_it_ends_with_a_terminal_that_sends_no_signal(home: Path) -> None:
    terminal = Terminal({**os.environ, "LC_ALL": "C.UTF-8"})
    try:
        wait_until(home, lambda _: b"Quit" in terminal.printed)
        terminal.close()
        assert terminal.process.wait(300) == -signal.SIGHUP
    finally:
        terminal.process.kill()


async def test_a_run_without_a_job_says_every_time_that_there_is_none_to_cancel(app: SraclApp, home: Path) -> None:
    with Store.open(store_file(home)) as store:
        register(store, "abc123")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await shows(pilot, "abc123")
        for times in (1, 2):
            await pilot.press("c")
            await until(pilot, lambda: sum("no job of a run that begins so" in told.message for told in app._notifications) == times)  # noqa: B023


@pytest.mark.presses("QueueScreen back", "RunsScreen runs.cancel", "RunsScreen runs.retry", "RunScreen run.cancel", "RunScreen run.retry")
async def test_the_run_of_a_job_is_opened_and_steered_from_the_runs_as_well(app: SraclApp, home: Path) -> None:
    with Store.open(store_file(home)) as store:
        register(store, "abc123")
        Queue(store).add(label="abc", command=["true"], folder=home, log=home / "log.txt", run_id="abc123")
    async with app.run_test(size=(120, 40)) as pilot:
        await shows(pilot, "abc123")
        await pilot.press("c")
        await until(pilot, lambda: state(home, 1) == "cancelled")
        await pilot.press("R")
        await until(pilot, lambda: state(home, 1) == "queued")
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen) and app.screen.query_one("#jobs", Rows).row_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("c")
        await until(pilot, lambda: state(home, 1) == "cancelled")
        await pilot.press("R")
        await until(pilot, lambda: state(home, 1) == "queued")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        await pilot.press("q")
        await shows(pilot, "planned")
