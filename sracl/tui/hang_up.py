"""Ending with the terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading


def end_with_terminal() -> None:
    """Let this process end once its terminal is gone, or it would read what is gone for ever, on a whole core.

    A terminal that is closed sends SIGHUP to whom it controls, which `nohup` has ignored; and it may control nobody, such as one
    that a container or another program holds.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if sys.stdin is not None and sys.stdin.isatty():
        threading.Thread(target=_wait, args=(sys.stdin.fileno(),), name="hang-up", daemon=True).start()


def _wait(terminal: int) -> None:
    poll = select.poll()
    poll.register(terminal, 0)  # nothing but what is told in any case: that it has hung up, or is none that can be waited for
    told = poll.poll()
    if any(event & select.POLLHUP for _, event in told):
        os.kill(os.getpid(), signal.SIGHUP)
