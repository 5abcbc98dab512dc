"""A run that a process will come to is known to others, until it is begun or the process ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sracl import paths
from sracl.runs.removal import obstacles, remove
from sracl.runs.upcoming import announced, upcoming
from sracl.tracking import identity, queries
from sracl.tracking.store import Store

WAITING = """
import sys
from sracl import paths
from sracl.runs.removal import alone
from sracl.runs.upcoming import announced
from sracl.tracking.reader import Reader

with Reader.open(paths.store_file()) as store, alone(store), announced(store, {"r1": 0}):
    print("announced", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.delenv("SRACL_DB", raising=False)
    with Store.open(paths.store_file()) as opened:
        for run_id in ("r1", "r2"):
            opened.register(
                run_id=run_id, digest=run_id, recipe="small", variant="", cell={}, seed=1, label=run_id, dataset="demo", values={},
                origins={}, leaky=(), folder=str(paths.run_folder(run_id)), environment={},
            )  # fmt: skip
        yield opened


def kept(store: Store) -> dict[str, str]:
    return obstacles(store, queries.runs(store))


@pytest.mark.parametrize("is_killed", [False, True])
def test_until_its_process_ends(store: Store, is_killed: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "announced\n"
        end = f"end it with Ctrl-C, or `kill {process.pid}`, first"
        assert kept(store) == {"r1": f"waits for process {process.pid} on this machine, which will train it: {end}"}
        if is_killed:
            process.kill()
        else:
            process.stdin.close()
        process.wait(30)
    assert kept(store) == {}
    assert len(files(store)) == is_killed
    with announced(store, {}):
        assert len(files(store)) == 1  # what a killed one has left is gone
    assert remove(store, queries.runs(store)) == {}


def files(store: Store) -> list[Path]:
    return list(store.path.parent.glob("upcoming-*"))


def test_until_it_is_begun_by_whomever(store: Store) -> None:
    with announced(store, {"r1": 0, "r2": 0}):
        assert kept(store).keys() == {"r1", "r2"}
        store.start("r1", identity.current())
        assert "is being trained" in kept(store)["r1"]
        store.finish("r1", "failed", "the loss is nan")
        assert kept(store).keys() == {"r2"}
        assert remove(store, queries.runs(store)).keys() == {"r2"}
    assert remove(store, queries.runs(store)) == {}


def test_one_that_failed_before_waits_like_a_new_one(store: Store) -> None:
    store.start("r1", identity.current())
    store.finish("r1", "failed", "the loss is nan")
    with announced(store, {"r1": 1}):
        assert kept(store).keys() == {"r1"}


def test_one_that_another_machine_will_come_to_names_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "current", lambda: {**identity.of(1), "host": "server"})  # type: ignore[dict-item]
    with announced(store, {"r1": 0}):
        assert kept(store)["r1"] == "waits for process 1 on server, which will train it: end it there first"
    assert upcoming(store) == []
