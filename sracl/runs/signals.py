"""What a process that trains does when it is told to end, by SIGTERM or because its time is up, or to write a checkpoint."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from sracl.engine.wishes import Wishes


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that nothing on the way mistakes it for an error of its own."""

    by: ClassVar[str] = "SIGTERM"
    """What ended a run, as it is told of it."""
    exit_code: ClassVar[int] = 143


class OutOfTime(Terminated):
    """The time that a command was given is up, which ends it as SIGTERM does."""

    by = "its time was up"
    exit_code = 75  # EX_TEMPFAIL of sysexits.h: nothing is wrong, the same may be tried again


@contextmanager
def heeding_signals(wishes: Wishes, until: float | None = None) -> Iterator[None]:
    """SIGTERM ends a training after a checkpoint, and all else, or when it comes again, at once. SIGUSR1 asks for a checkpoint.

    All only where this is the main thread: elsewhere, whoever started it handles signals.

    Args:
        wishes: What a training is asked for.
        until: When it is to end as by SIGTERM, by `time.monotonic`; an alarm clock of the system says so. None is never.

    Raises:
        OutOfTime: That has passed.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if not wishes.are_heeded or wishes.end is not None:
            raise Terminated
        wishes.end = Terminated()

    def end_in_time(number: int, frame: FrameType | None) -> None:
        if wishes.end is not None:  # it is ending, and is to have its checkpoint
            return
        if not wishes.are_heeded:
            raise OutOfTime
        wishes.end = OutOfTime()

    def save(number: int, frame: FrameType | None) -> None:
        wishes.checkpoint = wishes.are_heeded

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGTERM: end, signal.SIGUSR1: save, **({} if until is None else {signal.SIGALRM: end_in_time})}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        if until is not None:
            if (left := until - time.monotonic()) <= 0:
                raise OutOfTime
            signal.setitimer(signal.ITIMER_REAL, left)
        yield
    finally:
        if until is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
