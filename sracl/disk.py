"""How much space is left where things are written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LEAST = 100 * 2**20
"""Bytes free below which nothing should be begun."""


def nearest(folder: Path) -> Path:
    """The folder, or the first one above it that is there."""
    folder = folder.resolve()
    return next(place for place in (folder, *folder.parents) if place.exists())


def free(folder: Path) -> int | None:
    """Bytes that may still be written in a folder, which may not be there yet; None where its file system does not say."""
    try:
        usage = shutil.disk_usage(nearest(folder))
    except OSError:
        return None
    return usage.free if usage.total else None  # some that lie elsewhere, in a store of objects for example, have no size
