"""Where data sets of files lie: folders, each called like its data set, below one of the data folders."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from sracl import paths

if TYPE_CHECKING:
    from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What a data set of files may be called."""


def found() -> dict[str, Path]:
    """The folder of every data set, by name; the first of a name counts."""
    folders: dict[str, Path] = {}
    for parent in paths.data_folders():
        with contextlib.suppress(OSError):  # `hindrance` says why
            for path in sorted(parent.iterdir()):
                if NAME.fullmatch(path.name) and _holds_dataset(path):
                    folders.setdefault(path.name, path)
    return folders


def where(name: str) -> Path | None:
    """The folder that holds this data set; None where none does."""
    return found().get(name)


def hindrance(parent: Path) -> str:
    """Why nothing was found in a data folder, where that is not for lack of data sets; else empty."""
    try:
        os.listdir(parent)
        os.stat(os.path.join(parent, "."))  # whether what is listed can be opened, too
    except FileNotFoundError:
        return "no such folder"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def unread() -> list[str]:
    """A sentence on each data folder that is there and cannot be looked into."""
    present = [parent for parent in paths.data_folders() if os.path.lexists(parent)]
    return [
        f"The data folder {parent} cannot be read: {why}. What is in it is not listed." for parent in present if (why := hindrance(parent))
    ]


def _holds_dataset(path: Path) -> bool:
    """Whether the folder has interactions; not where it may not be looked into."""
    return any(os.path.isfile(path / name) for name in ("interactions.tsv", "interactions.tsv.gz"))
