"""Signs of life of a run, given by a thread of their own: whatever the run is busy with, only a stopped or dead process is silent."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sracl.errors import SraclError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sracl.tracking.store import Store

SECONDS = 5.0
"""Between two signs."""


@contextmanager
def beating(store: Store, run_id: str) -> Iterator[None]:
    """The run gives signs of life within."""
    stopped = threading.Event()

    def beat() -> None:
        while not stopped.wait(SECONDS):
            try:
                store.beat(run_id)
            except SraclError:  # a full disk or a locked store ends the run where it writes what counts
                continue

    thread = threading.Thread(target=beat, name=f"heart of {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
