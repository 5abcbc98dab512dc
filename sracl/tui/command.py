"""Commands of this program, asked in processes of their own: what may hang, crash or load torch does so there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.invocation import command, import_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOOK = 0.1
"""Seconds between looks at whether an answer is still wanted."""


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    """It ended with; 0 is success."""
    out: str
    errors: str

    @property
    def data(self) -> Any:
        """What `--json` printed; None where that is no JSON, as when the command failed."""
        try:
            told = json.loads(self.out)
        except ValueError:
            return None
        return told.get("data") if isinstance(told, dict) else told

    @property
    def reason(self) -> str:
        """Why there is no answer, in the command's words."""
        return self.errors.strip() or self.out.strip() or f"The command ended with code {self.code} and said nothing."


def ask(arguments: Sequence[str], *, unwanted: Callable[[], bool]) -> Answer | None:
    """Carry out `sracl ARGUMENTS`; blocks, so it is called from a thread worker.

    Args:
        arguments: Of the command line.
        unwanted: Looked at while the command runs; when it says so, the command and all it started are killed.

    Returns:
        What was said; None where it is not wanted any more.
    """
    with subprocess.Popen(
        command(*arguments),
        env={**os.environ, **import_path(), "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        while True:
            try:
                out, errors = process.communicate(timeout=_LOOK)
            except subprocess.TimeoutExpired:
                if unwanted():
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    return None
            else:
                return Answer(process.returncode, out, errors)
