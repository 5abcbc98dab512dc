"""What git knows of a folder: its commit, and what was changed since. Without git, or outside a repository, nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 2**20
"""Bytes of a patch that are kept."""

PATIENCE = 2.0
"""Seconds that git may take, all in all."""

_ASK = (
    "git rev-parse --show-toplevel HEAD && { git -c core.fsmonitor=false diff --no-color --no-ext-diff --no-textconv --no-relative "
    f'--src-prefix=a/ --dst-prefix=b/ --ignore-submodules=dirty HEAD --; echo "# $?"; }} | head -c {LIMIT + 1}'
)
"""The folder of the repository, the commit, then what files that git tracks have that the commit has not; programs that the user
or the repository would have git call are left out."""
_WHOLE = b"# 0\n"
_COMMIT = re.compile(rb"[0-9a-f]{40,64}")


@dataclass(frozen=True)
class Repository:
    """As it was found."""

    top: str
    """Its folder."""
    commit: str
    patch: bytes | None
    """Uncommitted changes to tracked files, at most `LIMIT` bytes; None where git took too long to tell, or could not."""
    is_cut: bool
    """Whether there is more of it."""


def repository(folder: Path) -> Repository | None:
    """The repository that a folder is in; None where it is in none, without a commit, or where git is not installed."""
    if shutil.which("git") is None:
        return None
    outer = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # a hook's would name another one
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _ASK],
            cwd=folder,
            env={**outer, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
    with process:
        try:
            told, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            told, _ = process.communicate()
    top, _, rest = told.partition(b"\n")
    commit, _, patch = rest.partition(b"\n")
    if not _COMMIT.fullmatch(commit):  # HEAD, where there is none yet
        return None
    known = patch.removesuffix(_WHOLE) if patch.endswith(_WHOLE) else None
    is_cut = known is None and len(patch) > LIMIT
    if is_cut:
        known = patch[: patch.rfind(b"\n", 0, LIMIT) + 1]
    return Repository(os.fsdecode(top), commit.decode(), known, is_cut)
