"""A copy of the store, and putting it back as the manual says."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from pathlib import Path

import pytest

from sracl.errors import StoreError
from sracl.tracking import identity, queries
from sracl.tracking.backup import back_up
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from tests.support.recipes import called, project

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def register(store: Store, number: int) -> None:
    store.register(
        run_id=f"r{number}", digest=f"d{number}", recipe="a", variant="", cell={}, seed=1, label="x" * 500, dataset="demo",
        values={}, origins={}, leaky=(), folder="", environment={},
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project with forty runs."""
    with Store.open(tmp_path / ".sracl" / "store.db") as store:
        for number in range(40):
            register(store, number)
    return tmp_path


def test_a_damaged_store_is_put_back_as_the_manual_says(home: Path) -> None:
    copy = home / "copy.db"
    done = called("doctor", "--backup", str(copy), environment=project(home))
    assert (done.returncode, done.stdout) == (0, f"{copy}: 40 runs\n")
    before = called("runs", "--limit", "99", "--json", environment=project(home)).stdout
    store = home / ".sracl" / "store.db"
    with Store.open(store) as writer:  # whose write-ahead log is left beside what is damaged
        writer.start("r1", identity.current())
        log = store.with_name("store.db-wal").read_bytes()
    store.write_bytes(b"\xff" * store.stat().st_size)
    store.with_name("store.db-wal").write_bytes(log)
    refused = called("runs", environment=project(home))
    assert refused.returncode == 8
    assert "`sracl doctor --backup FILE`" in refused.stderr
    assert "store.db-wal" in refused.stderr
    steps = re.search(r"## Back up the store.*?```\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    assert steps is not None
    *moves, shows = steps[1].replace("FILE", str(copy)).splitlines()
    for line in moves:
        subprocess.run(line, shell=True, cwd=home, check=True)
    assert shows == "sracl runs"
    again = called("runs", "--limit", "99", "--json", environment=project(home))
    assert (again.returncode, again.stdout) == (0, before)


def test_a_copy_is_of_one_moment_while_others_write(home: Path) -> None:
    stop, written = threading.Event(), [40]

    def write() -> None:
        with Store.open(home / ".sracl" / "store.db") as store:
            while not stop.is_set():
                register(store, written[0])
                store.log(f"r{written[0]}", 1, {"loss": 1.0})
                written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            before = written[0]
            count = back_up(home / ".sracl" / "store.db", home / f"{number}.db")
            assert before <= count <= written[0] + 1
            with Reader.open(home / f"{number}.db") as copy:
                assert len(queries.runs(copy)) == count
    finally:
        stop.set()
        writer.join(20)


def test_nothing_is_replaced_and_nothing_half_made_is_left(home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    kept.write_text("of the user")
    refused = called("doctor", "--backup", str(kept), "--json", environment=project(home))
    assert (refused.returncode, kept.read_text()) == (2, "of the user")
    assert json.loads(refused.stdout)["errors"] == [f"{kept} is there already, and a backup replaces nothing. Name another file."]
    assert called("doctor", "--backup", str(tmp_path / "no" / "x.db"), environment=project(home)).returncode == 2
    store = home / ".sracl" / "store.db"
    with store.open("r+b") as file:
        file.seek(store.stat().st_size // 2)
        file.write(b"\xff" * 6000)
    assert called("doctor", "--backup", str(tmp_path / "x.db"), environment=project(home)).returncode == 8
    assert not (tmp_path / "x.db").exists()
    assert not list(tmp_path.glob(".part*"))


def test_without_a_store_there_is_nothing_to_copy(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store"):
        back_up(tmp_path / "store.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
