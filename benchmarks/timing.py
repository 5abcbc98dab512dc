"""Clocks for the insides of a child process."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def laps(work: Iterable[object], *, warmup: int) -> list[float]:
    """Milliseconds that each turn of an iterable takes, without the first `warmup`."""
    times = []
    before = time.perf_counter()
    for _ in work:
        now = time.perf_counter()
        times.append((now - before) * 1e3)
        before = now
    return times[warmup:]


def turns(work: Iterable[object], *, warmup: int) -> dict[str, float]:
    """Median and least milliseconds of a turn, as a side of a case gives them."""
    times = laps(work, warmup=warmup)
    return {"value": median(times), "min": min(times)}


def milliseconds(work: Callable[[], object], *, warmup: int = 2, repeats: int = 7) -> float:
    """Median time of a call."""
    return median(laps((work() for _ in range(warmup + repeats)), warmup=warmup))
