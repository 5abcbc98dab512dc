"""How quickly the terminal interface answers, and what it costs, in a terminal of its own, on a store of 10,000 runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import BenchmarkError, Case

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Options
    from tests.support.terminal import Terminal

RUNS = 10_000
EPOCHS, SERIES = 200, 12
WRITERS = 4
PRESSES = 100
IDLE_SECONDS = 20.0


def cases(options: Options) -> dict[str, list[Case]]:
    """Time to the first runs on the screen, from a key to what it changes, to the curves of a run; processor and memory."""

    def case(name: str, what: str, unit: str, side: str) -> Case:
        return Case(
            f"tui_{name}",
            f"terminal interface, {what}",
            unit,
            "tui",
            sides=("ours",),
            arguments={"side": side, "runs": 200 if options.quick else RUNS},
            prepare="prepare",
            repeats=min(options.repeats, 3),
        )

    return {
        "tui": [
            case("first_paint", f"{RUNS:,} runs: from its start to the first of them on the screen", "s", "first_paint"),
            case("key", f"{RUNS:,} runs, {WRITERS} processes log: 95th percentile from a key to the row it goes to", "ms", "key"),
            case(
                "run",
                f"a run of {EPOCHS} epochs and {SERIES} series: from the key that opens it to its last curve, with a second key",
                "ms",
                "run",
            ),
            case("idle", f"{RUNS:,} runs, nothing happens: share of a core", "%", "idle"),
            case("memory", f"{RUNS:,} runs: resident memory after a walk through the screens", "MiB", "memory"),
        ]
    }


def prepare(*, side: str, runs: int, folder: str) -> dict[str, Any]:
    """A store of runs that ended, of which the newest has long series; those the writers log to are the oldest."""
    fill(Path(folder) / "store.db", runs)
    return {}


def ours(*, side: str, runs: int, folder: str) -> dict[str, Any]:
    """One of the figures above."""
    return _SIDES[side](Path(folder), runs)


def fill(store: Path, runs: int) -> None:
    """Write a store of runs, 12 series of 200 epochs in the newest and a few points in the others."""
    import sqlite3
    from contextlib import closing

    from sracl.tracking import identity
    from sracl.tracking.store import Store

    if store.is_file():
        return
    with Store.open(store) as writer:
        writer.register(
            run_id=_id(0), digest="0", recipe="small", variant="full", cell={}, seed=1, label="small", dataset="demo",
            values={"train": {"epochs": EPOCHS}, "evaluation": {"cutoffs": [10]}}, origins={}, leaky=(), folder=str(store.parent),
            environment={},
        )  # fmt: skip
        writer.start(_id(0), identity.current())
        for epoch in range(1, EPOCHS + 1):
            writer.log(_id(0), epoch, {"valid.mrr@10": epoch / 1000, **{f"series.{place:02}": 1 / epoch for place in range(SERIES - 1)}})
        writer.finish(_id(0), "completed")
    with closing(sqlite3.connect(store)) as connection, connection:
        for table, key in (("run", "id"), ("entry", "run_id")):
            rows = connection.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in rows.description]
            first = dict(zip(names, rows.fetchone(), strict=True))
            copies = [{**first, "number": None, key: _id(n), "digest": str(n), "seed": n} for n in range(1, runs)]
            columns = ", ".join(f'"{name}"' for name in names)
            connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(f':{name}' for name in names)})", copies)
        points = ((_id(n), "valid.mrr@10", epoch, n / runs) for n in range(1, runs) for epoch in range(1, 6))
        connection.executemany("INSERT INTO point (run_id, name, epoch, value) VALUES (?, ?, ?, ?)", points)
        # the newest is the one with the series
        connection.execute("UPDATE run SET number = ? WHERE id = ?", (runs + 1, _id(0)))


def log(store: Path, run: int) -> None:
    """Log to a run for ever, as fast as an epoch can be."""
    from sracl.tracking import identity
    from sracl.tracking.store import Store

    with Store.open(store) as writer:
        writer.start(_id(run), identity.current())
        epoch = 0
        while True:
            epoch += 1
            writer.log(_id(run), epoch, {"loss": 1 / epoch, "valid.mrr@10": epoch / 1e6})
            time.sleep(0.05)


def _first_paint(folder: Path, runs: int) -> dict[str, Any]:
    times, busy = [], []
    for _ in range(4):
        begun = time.perf_counter()
        with _opened(folder) as terminal:
            times.append(time.perf_counter() - begun)
            busy.append(_processor(terminal))
    return {"value": sorted(times[1:])[1], "first": times[0], "all": times[1:], "processor_s": min(busy)}  # the first fills the cache


def _key(folder: Path, runs: int) -> dict[str, Any]:
    import subprocess
    import sys

    script = "import sys; from pathlib import Path; from benchmarks import tui; tui.log(Path(sys.argv[1]), int(sys.argv[2]))"
    # runs of the page that is looked at, below what is walked through
    writers = [subprocess.Popen([sys.executable, "-c", script, str(folder / "store.db"), str(runs - 150 - n)]) for n in range(WRITERS)]
    try:
        with _opened(folder) as terminal:
            _until(lambda: b"4 running" in terminal.printed)
            time.sleep(1)
            times, before = [], _processor(terminal)
            for row in range(1, PRESSES + 1):
                expected = _id(runs - row).encode()
                seen, begun = len(terminal.printed), time.perf_counter()
                terminal.press("j")
                _until(lambda: expected in terminal.printed[seen:])  # noqa: B023  # called in this turn
                times.append(1000 * (time.perf_counter() - begun))
                time.sleep(0.05)
            busy = 1000 * (_processor(terminal) - before) / PRESSES
            _no_torch(terminal)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    times.sort()
    return {"value": times[int(0.95 * len(times))], "median": times[len(times) // 2], "max": times[-1], "processor_ms_a_key": busy}


def _run(folder: Path, runs: int) -> dict[str, Any]:
    times, opened, busy = [], [], []
    with _opened(folder, lines=120) as terminal:  # so high that all curves are in view
        for _ in range(6):
            begun, before = time.perf_counter(), _processor(terminal)
            for key, last in (("\r", f"run      {_id(0)}"), ("C", f"series.{SERIES - 2:02}: ")):
                seen = len(terminal.printed)
                terminal.press(key)
                _until(lambda: last.encode() in terminal.printed[seen:])  # noqa: B023  # called in this turn
                if key == "\r":
                    opened.append(1000 * (time.perf_counter() - begun))
            times.append(1000 * (time.perf_counter() - begun))
            busy.append(1000 * (_processor(terminal) - before))
            terminal.press("q")
            time.sleep(0.5)
    return {
        "value": sorted(times[1:])[2],
        "until_it_is_open": sorted(opened[1:])[2],
        "first": times[0],
        "max": max(times[1:]),
        "processor_ms": min(busy),
    }  # the first one loads what it needs


def _idle(folder: Path, runs: int) -> dict[str, Any]:
    with _opened(folder) as terminal:
        time.sleep(3)
        before = _processor(terminal)
        time.sleep(IDLE_SECONDS)
        used = _processor(terminal) - before
    return {"value": 100 * used / IDLE_SECONDS}


def _memory(folder: Path, runs: int) -> dict[str, Any]:
    import psutil

    with _opened(folder) as terminal:
        at_first = psutil.Process(terminal.process.pid).memory_info().rss
        for keys in ("\r", "C", "q", "3", "4", "5", "6", "7", "1", ">", ">", "<"):
            terminal.press(keys)
            time.sleep(1)
        _no_torch(terminal)
        rss = psutil.Process(terminal.process.pid).memory_info().rss
    return {"value": rss / 2**20, "at_first": at_first / 2**20}


_SIDES = {"first_paint": _first_paint, "key": _key, "run": _run, "idle": _idle, "memory": _memory}


class _opened:
    """The interface in a terminal, from the moment that it shows the newest run."""

    def __init__(self, folder: Path, lines: int = 24) -> None:
        self._folder, self._lines = folder, lines

    def __enter__(self) -> Terminal:
        import os

        from tests.support.terminal import Terminal

        where = {"SRACL_HOME": str(self._folder), "SRACL_DB": str(self._folder / "store.db"), "SRACL_CONFIG_DIR": str(self._folder)}
        self._terminal = Terminal({**os.environ, **where, "LC_ALL": "C.UTF-8"}, lines=self._lines)
        _until(lambda: _id(0).encode() in self._terminal.printed)
        return self._terminal

    def __exit__(self, *_: object) -> None:
        self._terminal.press("Q")
        try:
            self._terminal.process.wait(10)
        finally:
            self._terminal.process.kill()


def _processor(terminal: Terminal) -> float:
    """Seconds that the processor worked for it so far; unlike those of the clock, few of them depend on what else it works for."""
    import psutil

    used = psutil.Process(terminal.process.pid).cpu_times()
    return used.user + used.system


def _id(number: int) -> str:
    return f"run{number:05}"


def _until(holds: Callable[[], bool]) -> None:
    begun = time.perf_counter()
    while not holds():
        if time.perf_counter() - begun > 60:
            raise BenchmarkError("the terminal interface did not show within a minute what was waited for")
        time.sleep(0.001)


def _no_torch(terminal: Terminal) -> None:
    maps = Path(f"/proc/{terminal.process.pid}/maps").read_text()
    if "libtorch" in maps:
        raise BenchmarkError("the terminal interface has loaded torch")
