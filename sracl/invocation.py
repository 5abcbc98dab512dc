"""How this program starts itself as another process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from sracl import paths

if TYPE_CHECKING:
    from pathlib import Path


def command(*arguments: str) -> list[str]:
    """`sracl ARGUMENTS`. What lies in the folder it is started in, such as a `queue.py`, takes no module's place."""
    return [sys.executable, "-P", "-m", "sracl", *arguments]


def import_path(*first: Path) -> dict[str, str]:
    """The environment's `PYTHONPATH` for such a process, if it needs one: these folders, what was searched here, and our own checkout."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    searched = [os.path.abspath(folder) for folder in (*first, *given, paths.checkout()) if folder]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(searched))} if searched else {}
