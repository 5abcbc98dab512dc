"""Commands in a terminal of their own: a real one as far as the program can tell."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from tests.support.recipes import start


def printed(*arguments: str, environment: Mapping[str, str]) -> tuple[int | None, bytes]:
    """Exit code of `sracl ARGUMENTS`, and what it writes to a terminal, escape codes among it."""
    ours, theirs = pty.openpty()
    written = bytearray()

    def read() -> None:
        with suppress(OSError):  # the other end is closed
            while got := os.read(ours, 65536):
                written.extend(got)

    reading = threading.Thread(target=read)
    reading.start()
    process = start(*arguments, environment=environment, before=partial(_turn_to, os.ttyname(theirs)))
    process.communicate(timeout=300)
    os.close(theirs)
    reading.join()
    os.close(ours)
    return process.returncode, bytes(written)


def _turn_to(terminal: str) -> None:
    for number in (0, 1, 2):
        os.dup2(os.open(terminal, os.O_RDWR | os.O_NOCTTY), number)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115


class Terminal:
    """A terminal with the interface in it.

    Args:
        environment: Of the process.
        arguments: Of `sracl tui`.
        columns: Its width.
        lines: Its height.
    """

    def __init__(self, environment: Mapping[str, str], *arguments: str, columns: int = 80, lines: int = 24) -> None:
        self._ours, theirs = pty.openpty()
        self._set_size(columns, lines)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sracl", "tui", *arguments],
            # sizes in variables would be believed rather than the terminal's, and xdist sets them
            env={**{name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.printed = b""
        """Everything so far, escape codes among it."""
        self._is_closed = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def close(self) -> None:
        """Be gone, without a signal to the program, which it does not control."""
        self._is_closed.set()
        self._reading.join()
        os.close(self._ours)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Give it another size, and tell the program as a terminal does whose own it is."""
        self._set_size(columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        while not self._is_closed.is_set():
            if not select.select([self._ours], [], [], 0.2)[0]:
                continue
            try:
                got = os.read(self._ours, 65536)
            except OSError:  # the other end is closed
                return
            if not got:
                return
            self.printed += got
