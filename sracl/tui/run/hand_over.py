"""Hands a file to the program that the user reads and edits with."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from sracl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_VARIABLES = ("VISUAL", "EDITOR", "PAGER")
_OTHERWISE = ("less", "more", "vi")


def hand_over(file: Path) -> None:
    """Open a file in `$VISUAL`, `$EDITOR` or `$PAGER`, or else in a pager that is there, until the user leaves it.

    Raises:
        UsageError: There is no such program.
    """
    named = next((os.environ[variable] for variable in _VARIABLES if os.environ.get(variable)), "")
    words = shlex.split(named) or [next(filter(shutil.which, _OTHERWISE), _OTHERWISE[0])]
    try:
        subprocess.run([*words, str(file)], check=False)
    except OSError as error:
        raise UsageError(f"'{words[0]}' cannot be started: {error.strerror}. Name a program in EDITOR or PAGER.") from error
