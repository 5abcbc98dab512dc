from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from sracl.doctor.check import Check
from sracl.doctor.store import store as examine
from sracl.tracking.file import VERSION
from sracl.tracking.store import Store
from sracl.tracking.values import now


def checks(path: Path) -> dict[str, Check]:
    return {check.name: check for check in examine(path)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("whole") / "store.db"
    with Store.open(file) as store:
        for number in range(200):  # several pages, so that one in the middle can be damaged
            store.register(
                run_id=f"r{number}", digest=f"d{number}", recipe="a", variant="", cell={}, seed=1, label="x" * 500, dataset="demo",
                values={}, origins={}, leaky=(), folder="", environment={},
            )  # fmt: skip
    return file


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path))


def test_a_whole_store_is_ok_and_is_not_written_to(path: Path) -> None:
    before = path.read_bytes()
    assert checks(path)["store"].level == "ok"
    assert f"schema {VERSION}" in checks(path)["store"].found
    assert path.read_bytes() == before


def test_no_store_is_no_problem(tmp_path: Path) -> None:
    assert checks(tmp_path / "store.db")["store"].level == "ok"
    assert not (tmp_path / "store.db").exists()


def test_a_damaged_page_is_found_with_code_8(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 6000)
    check = checks(path)["store"]
    assert (check.level, check.exit_code) == ("problem", 8)
    assert "damaged" in check.found


def test_a_file_that_is_no_store_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.write_bytes(b"nothing of SQLite's" * 100)
    assert (checks(file)["store"].level, checks(file)["store"].exit_code) == ("problem", 8)


def test_a_newer_store_wants_a_newer_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO schemaversion (version, applied) VALUES (99, '2030-01-01 00:00:00')")
    check = checks(path)["store"]
    assert check.level == "warning"
    assert "schema 99" in check.found


def test_a_clock_that_was_set_back_is_noticed(path: Path) -> None:
    assert checks(path)["clock"].level == "ok"
    later = (now() + timedelta(hours=3)).replace(tzinfo=None)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE run SET created = ?", [str(later)])
    assert checks(path)["clock"].level == "warning"
