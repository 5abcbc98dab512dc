"""The ledger: what is asked, answered, lost and paid."""

from __future__ import annotations

import errno
import io
import multiprocessing
import os
import resource
import signal
import sqlite3
from pathlib import Path

import pytest

from sracl.errors import BudgetError, DataError
from sracl.llm_providers.answers import Answers, Lost
from sracl.llm_providers.desk import Desk, Paid
from sracl.llm_providers.ledger import PICODOLLARS
from sracl.llm_providers.request import Request

CENT = PICODOLLARS // 100
FORK = multiprocessing.get_context("fork")


def request(number: int, sample: int = 0) -> Request:
    return Request("http://localhost/v1", "small", {"messages": [{"role": "user", "content": f"say {number}"}]}, sample)


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(tmp_path / "cache" / "answers.db")


def answer(answers: Answers, numbers: range, cost: int = CENT) -> None:
    with Desk(answers) as desk, desk.write() as entry:
        for number in numbers:
            attempt = entry.begin(request(number), 2 * CENT)
            assert isinstance(attempt, int)
            entry.answer(attempt, f"reply {number}", Paid(10, 5, 2, cost))


def test_gives_back_what_was_answered_and_nothing_else(answers: Answers) -> None:
    keys = [request(number).key for number in range(1200)]
    assert answers.find(keys) == {}
    assert answers.spent(keys) == 0
    assert not answers.file.parent.exists()
    answer(answers, range(600))
    found = answers.find(keys)
    assert sorted(found) == sorted(keys[:600])
    assert found[keys[599]].reply == "reply 599"
    assert answers.spent(keys) == 600 * CENT
    assert answers.spent(keys[500:]) == 100 * CENT


def test_a_request_is_all_that_decides_its_answer() -> None:
    other = Request("http://localhost/v1", "small", {"messages": [{"content": "say 1", "role": "user"}]})
    assert other.key == request(1).key  # the order of keys decides nothing
    assert len({request(1).key, request(2).key, request(1, sample=1).key, Request("x", "small", request(1).body).key}) == 4


def test_a_request_under_way_is_on_the_disk_and_is_begun_once(answers: Answers) -> None:
    with Desk(answers) as one, Desk(answers) as two:
        with one.write() as entry:
            attempt = entry.begin(request(1), CENT)
        assert isinstance(attempt, int)
        assert sqlite3.connect(answers.file).execute("SELECT outcome FROM attempts").fetchall() == [(None,)]
        assert answers.spent([request(1).key]) == CENT
        with two.write() as entry:
            assert entry.begin(request(1), CENT) == "elsewhere"
        with one.write() as entry:
            entry.answer(attempt, "yes", Paid(cost=CENT // 2))
        with two.write() as entry:
            assert entry.begin(request(1), CENT) == "settled"
    assert answers.spent([request(1).key]) == CENT // 2


def _die(answers: Answers, numbers: range) -> None:
    desk = Desk(answers)
    with desk.write() as entry:
        for number in numbers:
            entry.begin(request(number), CENT)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_had_under_way_is_found_by_the_next(answers: Answers) -> None:
    answer(answers, range(2))
    victim = FORK.Process(target=_die, args=(answers, range(2, 5)))
    victim.start()
    victim.join(30)
    assert victim.exitcode == -signal.SIGKILL
    keys = [request(number).key for number in range(5)]
    with Desk(answers) as desk:
        assert answers.lost(keys) == Lost(3, 3 * CENT)
        assert answers.spent(keys) == 2 * CENT + 3 * CENT  # lost ones count with the most that they can have cost
        with desk.write() as entry:
            attempt = entry.begin(request(2), CENT)
            assert isinstance(attempt, int)  # and may be asked again
            entry.answer(attempt, "at last", Paid(cost=CENT))
    (account,) = answers.accounts()
    assert (account.answered, account.open, account.under_way, account.lost) == (3, 2, 0, 3)
    assert account.dollars == pytest.approx(0.03)
    assert account.dollars_in_doubt == pytest.approx(0.03)
    assert list((answers.file.parent / "answers.owners").iterdir()) == []


def test_what_a_desk_has_under_way_is_lost_when_it_closes_and_not_before(answers: Answers) -> None:
    with Desk(answers) as desk:
        with desk.write() as entry:
            entry.begin(request(1), CENT)
        Desk(answers).bury()
        (account,) = answers.accounts()
        assert (account.under_way, account.lost) == (1, 0)
    (account,) = answers.accounts()
    assert (account.under_way, account.lost) == (0, 1)


def test_a_failure_is_kept_with_its_reason_until_it_is_forgotten(answers: Answers) -> None:
    with Desk(answers) as desk, desk.write() as entry:
        for number in range(3):
            attempt = entry.begin(request(number), CENT)
            assert isinstance(attempt, int)
            entry.end(attempt, "rejected", "is empty", paid=Paid(9, 0, 0, CENT), reply="", for_good=number < 2)
    keys = [request(number).key for number in range(3)]
    assert {key: kept.failure for key, kept in answers.find(keys).items()} == dict.fromkeys(keys[:2], "is empty")
    assert answers.failures() == {"is empty": 2}
    assert answers.forget_failures(keys[:1]) == 1
    assert answers.forget_failures() == 1
    assert answers.find(keys) == {}
    assert answers.spent(keys) == 3 * CENT  # what was paid stays on the account


def test_costs_add_up_exactly(answers: Answers) -> None:
    # a third of a cent in whole picodollars, a hundred times: no float would end at the same figure
    answer(answers, range(100), cost=CENT // 3)
    assert answers.spent([request(number).key for number in range(100)]) == 100 * (CENT // 3)


def _answer_some(answers: Answers, first: int) -> None:
    for begin in range(first, first + 100, 10):
        answer(answers, range(begin, begin + 10))


def test_processes_share_a_file(answers: Answers) -> None:
    workers = [FORK.Process(target=_answer_some, args=(answers, 100 * number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(answers.find([request(number).key for number in range(300)])) == 300


def test_answers_travel_in_a_file(answers: Answers, tmp_path: Path) -> None:
    answer(answers, range(3))
    lines = io.StringIO()
    assert answers.export(lines) == 3
    assert answers.export(io.StringIO(), [request(0).key, request(7).key]) == 1
    other = Answers(tmp_path / "other" / "answers.db")
    answer(other, range(1))
    assert other.take_in(lines.getvalue().splitlines(), "file") == (2, 1)
    assert other.take_in(lines.getvalue().splitlines(), "file") == (0, 3)
    assert {kept.reply for kept in other.find([request(number).key for number in range(3)]).values()} == {f"reply {n}" for n in range(3)}
    assert other.spent([request(2).key]) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", r"file:1: should be the first line of a file of `sracl llm export`"),
        ('{"kind": "sracl answers", "format": 2}', "file is of format 2"),
        ('{"kind": "sracl answers", "format": 1}\n{"provider": "x"}', "file:2: is no answer"),
        (
            '{"kind": "sracl answers", "format": 1}\n{"provider": 1, "model": "m", "sample": 0, "request": {}, "reply": "r"}',
            "file:2: should",
        ),
    ],
)
def test_a_file_that_holds_no_answers_changes_nothing(text: str, message: str, answers: Answers) -> None:
    with pytest.raises(DataError, match=message):
        answers.take_in(text.splitlines(), "file")
    assert not answers.file.exists()


def _fill(answers: Answers, told: multiprocessing.SimpleQueue[tuple[int, str]]) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))  # bytes; Python ignores the signal that comes with it
    kept = 0
    try:
        for begin in range(0, 100_000, 20):
            answer(answers, range(begin, begin + 20))
            kept += 20
    except BudgetError as error:
        told.put((kept, str(error)))


def test_without_space_nothing_that_was_kept_is_lost(answers: Answers) -> None:
    told = FORK.SimpleQueue()
    worker = FORK.Process(target=_fill, args=(answers, told))
    worker.start()
    worker.join(60)
    kept, said = told.get()
    assert "no space left on the disk of" in said
    assert kept > 0
    assert len(answers.find([request(number).key for number in range(kept)])) == kept


def test_a_folder_that_may_only_be_read_is_named(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(answers, range(1))

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "answers.lock")

    monkeypatch.setattr(type(answers.file), "open", refused)
    with pytest.raises(DataError, match=r"answers.lock cannot be written \(Permission denied\). Copy it .* SRACL_CACHE_DIR"):
        answers.accounts()


def test_a_damaged_file_is_named(answers: Answers) -> None:
    answers.file.parent.mkdir()
    answers.file.write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match=r"answers\.db, where answers that were paid for are kept, cannot be used"):
        answers.find(["key"])
