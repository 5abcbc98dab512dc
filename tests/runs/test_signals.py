"""How a process that trains is ended: at once, or by whoever trains, after a checkpoint."""

from __future__ import annotations

import signal
import time

import pytest

from sracl.engine.wishes import Wishes
from sracl.runs.signals import OutOfTime, Terminated, heeding_signals

FAR = 9 * 3600.0


def wait_until_asked(wishes: Wishes) -> None:
    until = time.monotonic() + 60
    while wishes.end is None and time.monotonic() < until:
        time.sleep(0.01)


def test_when_the_time_is_up_a_training_is_asked_to_end() -> None:
    wishes = Wishes()
    with wishes.heeded(), heeding_signals(wishes, time.monotonic() + 0.05):
        wait_until_asked(wishes)
    assert isinstance(wishes.end, OutOfTime)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_all_else_ends_at_once() -> None:
    with pytest.raises(OutOfTime), heeding_signals(Wishes(), time.monotonic() + 0.05):
        time.sleep(60)
    with pytest.raises(OutOfTime), heeding_signals(Wishes(), time.monotonic()):
        raise AssertionError("it has begun")


def test_what_is_ending_already_is_left_its_checkpoint() -> None:
    wishes = Wishes()
    with wishes.heeded(), heeding_signals(wishes, time.monotonic() + FAR):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGALRM)
    assert type(wishes.end) is Terminated


def test_handlers_and_the_alarm_clock_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM)]
    with heeding_signals(Wishes(), time.monotonic() + FAR):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
