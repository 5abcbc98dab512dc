from __future__ import annotations

import multiprocessing
import resource
from pathlib import Path

import numpy as np
import pytest

from sracl.errors import BudgetError, DataError
from sracl.text_encoders.paid import Paid


def vectors(first: int, count: int) -> dict[str, np.ndarray]:
    return {f"key {number}": np.full(4, number, dtype=np.float32) for number in range(first, first + count)}


def test_gives_back_what_was_kept_and_nothing_else(tmp_path: Path) -> None:
    paid = Paid(tmp_path / "cache" / "paid.db")
    assert paid.find(["key 1"]) == {}
    assert not paid.file.parent.exists()
    paid.keep(vectors(0, 1200))
    found = Paid(paid.file).find([f"key {number}" for number in range(1100, 2400)])
    assert sorted(found) == sorted(f"key {number}" for number in range(1100, 1200))
    np.testing.assert_array_equal(found["key 1150"], np.full(4, 1150, dtype=np.float32))


def _keep(file: Path, first: int) -> None:
    for begin in range(first, first + 100, 10):
        Paid(file).keep(vectors(begin, 10))


def test_processes_share_a_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_keep, args=(tmp_path / "paid.db", 100 * number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(Paid(tmp_path / "paid.db").find([f"key {number}" for number in range(300)])) == 300


def _fill(file: Path, answers: multiprocessing.SimpleQueue[tuple[int, str]]) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # bytes; Python ignores the signal that comes with it
    kept = 0
    try:
        for begin in range(0, 100_000, 100):
            Paid(file).keep(vectors(begin, 100))
            kept += 100
    except BudgetError as error:
        answers.put((kept, str(error)))


def test_without_space_nothing_that_was_kept_is_lost(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    worker = context.Process(target=_fill, args=(tmp_path / "paid.db", answers))
    worker.start()
    worker.join(60)
    kept, said = answers.get()
    assert "no space left on the disk of" in said
    assert kept > 0
    assert len(Paid(tmp_path / "paid.db").find([f"key {number}" for number in range(kept)])) == kept


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "paid.db").write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match=r"paid\.db, where vectors that were paid for are kept, cannot be used"):
        Paid(tmp_path / "paid.db").find(["key 1"])
