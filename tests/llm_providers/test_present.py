"""What those see who look on while language models are asked."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from sracl.llm_providers.allowance import Ceiling
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.desk import Desk, Paid
from sracl.llm_providers.ledger import PICODOLLARS
from sracl.llm_providers.present import Reason, askers, rates, reasons
from sracl.llm_providers.request import Request

CENT = PICODOLLARS // 100
WHERE = ("http://localhost/v1", "small")


def request(number: int) -> Request:
    return Request(*WHERE, {"messages": [{"role": "user", "content": f"say {number}"}]}, 0)


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path / "paper"))
    return Answers(tmp_path / "cache" / "answers.db")


def test_nothing_is_made_by_looking(answers: Answers) -> None:
    assert (rates(answers), askers(answers), reasons(answers)) == ({}, [], [])
    assert not answers.file.parent.exists()


def test_who_asks_is_told_with_the_ceiling_that_has_the_least_room_left(answers: Answers) -> None:
    near, far, none = Ceiling(0.10), Ceiling(5.0), Ceiling()
    near.spent = 3 * CENT  # before
    with Desk(answers) as desk:
        assert askers(answers) == []  # it has said nothing yet
        desk.declare(request(1), (far, near, none))
        with desk.write() as entry:
            done, _ = (entry.begin(request(number), 2 * CENT) for number in (1, 2))
            assert isinstance(done, int)
            entry.answer(done, "yes", Paid(10, 5, 2, CENT))
        (asker,) = askers(answers)
        assert (asker.pid, asker.project.name, asker.provider, asker.model) == (os.getpid(), "paper", *WHERE)
        assert (asker.under_way, asker.answered) == (1, 1)
        assert asker.dollars == pytest.approx(0.03)  # what is under way counts with the most that it can cost
        assert asker.ceiling == 0.10
        assert asker.counted == pytest.approx(0.06)
    assert askers(answers) == []


def _ask_until_killed(answers: Answers) -> None:
    desk = Desk(answers)
    desk.declare(request(7))
    with desk.write() as entry:
        entry.begin(request(7), CENT)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_had_under_way_is_seen_as_lost_before_anybody_puts_it_down(answers: Answers) -> None:
    victim = multiprocessing.get_context("fork").Process(target=_ask_until_killed, args=(answers,))
    victim.start()
    victim.join(60)
    assert askers(answers) == []
    (account,) = answers.accounts()
    assert (account.under_way, account.lost) == (0, 1)
    assert account.dollars_in_doubt == pytest.approx(0.01)
    with answers.opened() as database:
        assert database.execute("SELECT outcome FROM attempts").fetchall() == [(None,)]  # looking has written nothing


def test_the_rate_is_that_of_the_last_minute(answers: Answers) -> None:
    with Desk(answers) as desk, desk.write() as entry:
        for number in range(6):
            attempt = entry.begin(request(number), CENT)
            assert isinstance(attempt, int)
            entry.answer(attempt, "yes", Paid(10, 5, 0, CENT))
    with answers.opened() as database:
        database.execute("UPDATE attempts SET begun_at = begun_at - 30")
    now = time.time()
    rate = rates(answers, at=now)[WHERE]
    assert rate.answers == pytest.approx(12, rel=0.2)
    assert rate.tokens_out == pytest.approx(5 * rate.answers)
    assert rate.dollars == pytest.approx(rate.answers / 100)
    assert rates(answers, at=now + 61) == {}


def test_reasons_are_counted_for_requests_and_for_attempts(answers: Answers) -> None:
    with Desk(answers) as desk, desk.write() as entry:
        for number in range(3):
            attempt = entry.begin(request(number), CENT)
            assert isinstance(attempt, int)
            entry.end(attempt, "rejected", "is empty", paid=Paid(cost=CENT), for_good=number > 0)
    assert reasons(answers) == [
        Reason(*WHERE, is_for_good=True, outcome="", why="is empty", count=2),
        Reason(*WHERE, is_for_good=False, outcome="rejected", why="is empty", count=3),
    ]
