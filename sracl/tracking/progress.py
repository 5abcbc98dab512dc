"""How runs go on: how their watched metric went so far, and how long they may take yet."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from sracl.tracking.queries import RunLine, RunRow
    from sracl.tracking.reader import Reader

_RECENT = 10
"""Epochs at the end whose time counts: what else the machine does changes."""


@dataclass(frozen=True)
class Course:
    """How the metric that chooses a run's best epoch went."""

    metric: str
    best: float
    """The highest value so far."""
    trend: tuple[float, ...]
    """Means over parts of the epochs, in order; each epoch itself where there are no more epochs than parts."""


def courses(store: Reader, runs: Collection[RunLine | RunRow], *, parts: int) -> dict[str, Course]:
    """The course of every run that has one.

    Args:
        store: Where to look.
        runs: Whose. All points of their metrics are looked at.
        parts: Values of a trend, at most.
    """
    with store.reading() as view:
        found = {run.id: _course(view, run, parts) for run in runs if run.epoch is not None}
    return {run_id: course for run_id, course in found.items() if course}


def _course(view: sqlite3.Connection, run: RunLine | RunRow, parts: int) -> Course | None:
    # a run at a time, since all in one statement are sorted once more, which takes thrice as long
    before = sum(epochs for prefix, epochs in run.trainings if prefix)  # only the last training is validated
    epochs = max(parts, (run.epoch or 0) - before)
    rows = view.execute(
        "SELECT avg(value), max(value), (epoch - ?) * ? / ? AS part FROM point WHERE run_id = ? AND name = ? GROUP BY part ORDER BY part",
        [before + 1, parts, epochs, run.id, run.watched],
    ).fetchall()
    known = [(mean, best) for mean, best, _ in rows if mean is not None]  # None: all of a part are NaN
    return Course(run.watched, max(best for _, best in known), tuple(mean for mean, _ in known)) if known else None


def seconds_left(store: Reader, runs: Collection[RunLine | RunRow]) -> dict[str, float]:
    """How long runs that are being trained take if they go on to their last epoch: at most, since early stopping may end them.

    The median of what the last epochs took, times the epochs that are left. It is not told of a run that has no epoch behind it in
    its present stage, nor of one with stages ahead: nothing is known of how long their epochs take.
    """
    live = [run for run in runs if run.state == "running" and run.epoch]
    if not live:
        return {}
    with store.reading() as view:
        found = {run.id: _seconds_left(view, run) for run in live}
    return {run_id: seconds for run_id, seconds in found.items() if seconds}


def _seconds_left(view: sqlite3.Connection, run: RunLine | RunRow) -> float | None:
    done = run.epoch or 0
    ahead = []
    for prefix, epochs in run.trainings:  # epochs are counted through
        if done < epochs:
            ahead.append((prefix, epochs - done))
        done = max(0, done - epochs)
    if len(ahead) != 1:
        return None
    [(prefix, epochs)] = ahead
    times = view.execute(
        "SELECT total(value) FROM point WHERE run_id = ? AND name IN (?, ?) AND epoch > ? GROUP BY epoch",
        [run.id, f"{prefix}seconds.train", f"{prefix}seconds.validate", (run.epoch or 0) - _RECENT],
    ).fetchall()
    return epochs * median(seconds for (seconds,) in times) if times else None
