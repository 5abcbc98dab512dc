from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from sracl.engine.trainer import Trainer
from sracl.recipes.plan import plan
from sracl.runs import execute, heart
from sracl.runs.heart import Pulse
from sracl.runs.screen import Screen
from sracl.tracking import queries
from sracl.tracking.store import Store
from tests.support.recipes import project, sracl_recipe


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("sracl.runs.heart.time.monotonic", lambda: self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def epoch(pulse: Pulse, clock: Clock, *, a_step: float, between: float) -> None:
    for _ in range(3):
        clock.wait(a_step)
        pulse.step()
    clock.wait(between)
    pulse.epoch()


def watched(clock: Clock, *, a_step: float, between: float) -> Pulse:
    """Of a training long enough under way."""
    pulse = Pulse()
    for _ in range(2):
        epoch(pulse, clock, a_step=a_step, between=between)
    return pulse


def test_nothing_is_said_of_a_first_epoch_however_slow_it_is(clock: Clock) -> None:
    pulse = Pulse()
    clock.wait(1e6)
    assert pulse.trouble() == ""
    epoch(pulse, clock, a_step=1, between=20)
    clock.wait(1e6)  # of what lies between two epochs nothing is known before the second one has ended
    assert pulse.trouble() == ""


def test_it_is_said_once_a_wait_is_ten_times_the_longest_and_until_the_next_step(clock: Clock) -> None:
    pulse = watched(clock, a_step=1, between=100)
    clock.wait(1000)
    assert pulse.trouble() == ""
    clock.wait(1)
    assert pulse.trouble() == "no step for 16 min, where the longest wait before was 100.0 s"
    pulse.step()
    assert pulse.trouble() == ""
    clock.wait(10_000)  # that has become the longest
    assert pulse.trouble() == ""


def test_a_wait_of_five_minutes_is_put_up_with_in_any_case(clock: Clock) -> None:
    pulse = watched(clock, a_step=0.01, between=0.1)
    clock.wait(300)
    assert pulse.trouble() == ""
    clock.wait(0.1)
    assert pulse.trouble() == "no step for 5 min, where the longest wait before was 0.1 s"


def test_at_rest_it_knows_nothing(clock: Clock) -> None:
    pulse = watched(clock, a_step=1, between=1)
    pulse.rest()
    clock.wait(1e6)
    assert pulse.trouble() == ""
    epoch(pulse, clock, a_step=1, between=1)
    clock.wait(1e6)
    assert pulse.trouble() == ""


def test_a_run_whose_training_does_not_go_on_is_doubted_until_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    for name, seconds in {"SECONDS": 0.02, "_PATIENCE": 0.3, "_TIMES": 1}.items():
        monkeypatch.setattr(heart, name, seconds)
    begun = Trainer._begun
    seen: dict[int, list[str]] = {}

    def held_up(trainer: Trainer, epoch: int) -> Any:
        """The first and the fourth epoch begin a second or more late, the other ones at once."""
        since = time.monotonic()
        states = seen.setdefault(epoch, [])
        while epoch in (1, 4) and time.monotonic() - since < (1 if epoch == 1 else 300) and "stalled?" not in states:
            time.sleep(0.02)
            states.append(queries.runs(store)[0].state)
        return begun(trainer, epoch)

    monkeypatch.setattr(Trainer, "_begun", held_up)
    plain = ["objective.cross.weight=0.0", "objective.intra.weight=0.0"]
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        execute.execute(plan(str(sracl_recipe(tmp_path, epochs=5)), sets=plain), store, screen, device="cpu")
        (run,) = queries.runs(store)
    assert set(seen[1]) == {"running"}
    assert seen[4][-1] == "stalled?"
    assert (run.state, run.reason.startswith("5 epochs")) == ("completed", True)
