from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sracl.errors import StoreError
from sracl.tracking import queries
from sracl.tracking.reader import Reader

if TYPE_CHECKING:
    from sracl.tracking.store import Store


def beside(store: Store) -> set[str]:
    return {path.name.removeprefix("store.db") for path in store.path.parent.iterdir()}


def test_a_store_that_nobody_has_open_is_read(store: Store, register: Any) -> None:
    register(store)
    assert "-wal" in beside(store)
    store.close()
    assert beside(store) == {"", ".lock"}
    with Reader.open(store.path) as reader:
        assert [run.id for run in queries.runs(reader)] == ["r1"]


def test_a_reader_waits_for_no_writer_and_sees_nothing_half_done(store: Store, register: Any) -> None:
    register(store)
    with sqlite3.connect(store.path, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE run SET label = 'changed'")
        with Reader.open(store.path) as reader:
            assert queries.run(reader, "r1").label == "ablation · full"
            writer.execute("COMMIT")
            assert queries.run(reader, "r1").label == "changed"


def test_a_view_stays_as_it_was_when_its_first_row_was_read(store: Store, register: Any) -> None:
    register(store)
    count = "SELECT count(*) FROM run"
    with Reader.open(store.path) as reader, reader.reading() as view:
        assert view.execute(count).fetchone() == (1,)
        register(store, "r2", variant="other")
        assert view.execute(count).fetchone() == (1,)
        with reader.reading() as later:
            assert later.execute(count).fetchone() == (2,)


def test_a_view_cannot_write(store: Store, register: Any) -> None:
    register(store)
    with Reader.open(store.path) as reader, pytest.raises(StoreError, match="may not be written to"), reader.reading() as view:
        view.execute("DELETE FROM run")


def test_threads_read_at_once(store: Store, register: Any) -> None:
    register(store)
    store.log("r1", 1, {"loss": 0.5})
    together = threading.Barrier(4)
    with Reader.open(store.path) as reader, ThreadPoolExecutor(4) as pool:

        def read() -> Any:
            with reader.reading():
                together.wait(30)  # all four hold a view
                return queries.series(reader, "r1")

        assert [done.result() for done in [pool.submit(read) for _ in range(4)]] == [{"loss": [(1, 0.5)]}] * 4
