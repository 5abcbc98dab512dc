"""Signs of life of a run, given by a thread of their own: whatever the run is busy with, only a stopped or dead process is silent.

The thread also tells where a training does not go on although its process lives.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sracl.errors import SraclError
from sracl.tracking.identity import NO_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sracl.tracking.store import Store

SECONDS = 5.0
"""Between two signs."""

_PATIENCE = 300.0
"""Seconds without a step that are put up with in any case."""

_TIMES = 10
"""So many times its longest wait between two steps a training may take until it is in doubt."""

_WATCHED_FROM = 2
"""Epochs after which it is known how long a training waits for what lies between two of them, such as validation."""


class Pulse:
    """When a training last went on, and how long it has waited between two steps at most."""

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        """What comes now is no training, or another one: nothing is known of how long it takes."""
        self._epochs = 0
        self._longest = 0.0
        self._last: float | None = None

    def step(self) -> None:
        """The training went on."""
        at = time.monotonic()
        if self._last is not None:
            self._longest = max(self._longest, at - self._last)
        self._last = at

    def epoch(self) -> None:
        """The training went on, and an epoch is done."""
        self.step()
        self._epochs += 1

    def trouble(self) -> str:
        """In words that the training does not go on; empty while it does, or may for all that is known."""
        last, longest = self._last, self._longest  # once: the training goes on meanwhile
        if last is None or self._epochs < _WATCHED_FROM:
            return ""
        waited = time.monotonic() - last
        if waited <= max(_PATIENCE, _TIMES * longest):
            return ""
        return f"{NO_STEP}{int(waited / 60)} min, where the longest wait before was {longest:.1f} s"


@contextmanager
def beating(store: Store, run_id: str, pulse: Pulse) -> Iterator[None]:
    """The run gives signs of life within, and says where its training does not go on."""
    stopped = threading.Event()

    def beat() -> None:
        while not stopped.wait(SECONDS):
            try:
                store.beat(run_id, pulse.trouble())
            except SraclError:  # a full disk or a locked store ends the run where it writes what counts
                continue

    thread = threading.Thread(target=beat, name=f"heart of {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
