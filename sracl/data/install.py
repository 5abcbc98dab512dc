"""Puts a data set into the user's data folder: checked, and whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sracl import paths
from sracl.data import folder
from sracl.data.datasets import card, check_counts
from sracl.data.search import NAME, where
from sracl.errors import NO_SPACE, BudgetError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sracl.data.interactions import Interactions


def target(name: str, *, replace: bool = False) -> Path:
    """The folder into which a data set of this name would be put.

    Args:
        name: Of the data set.
        replace: Whether an imported data set of this name is to be replaced.

    Raises:
        DataError: The name is taken or not allowed.
    """
    if not NAME.fullmatch(name):
        raise DataError(f"'{name}' cannot name a data set; use letters, digits, '_', '-' and '.'")
    described = card(name)
    if described is not None and described.entry:
        raise DataError(f"'{name}' is a generated data set; choose another name")
    path = paths.user_data() / name
    taken = where(name) or path
    if taken != path:
        raise DataError(f"'{name}' is found in {taken} first, so an import would never be read; choose another name")
    if path.exists() and not replace:
        raise DataError(f"'{name}' has been imported already, into {path}; --replace makes it anew")
    return path


def install(source: Path, name: str, *, replace: bool = False) -> tuple[Path, Interactions]:
    """Check a folder and copy its interactions and items.

    Args:
        source: Folder in the format of `sracl.data.folder`.
        name: What the data set is to be called.
        replace: Replace an imported data set of this name.

    Returns:
        Where it is now, and what it holds.

    Raises:
        DataError: The folder is malformed, or the name is taken, not allowed, or that of a card with other counts.
        BudgetError: The disk is full.
    """
    path = target(name, replace=replace)
    interactions = _checked(source, name, str(source))
    with _beside(path) as fresh:
        for file in folder.files(source):
            shutil.copyfile(file, fresh / file.name)
        _move(fresh, path)
    return path, interactions


def install_made(make: Callable[[Path], None], name: str, *, called: str, replace: bool = False) -> tuple[Path, Interactions]:
    """Have a folder made, check it and keep it.

    Args:
        make: Writes interactions and items into an empty folder.
        name: What the data set is to be called.
        called: What to call the folder when its counts are wrong.
        replace: Replace an imported data set of this name.

    Returns:
        Where it is now, and what it holds.

    Raises:
        DataError: As `install`.
        BudgetError: The disk is full.
    """
    path = target(name, replace=replace)
    with _beside(path) as fresh:
        make(fresh)
        interactions = _checked(fresh, name, called)
        _move(fresh, path)
    return path, interactions


def _checked(path: Path, name: str, called: str) -> Interactions:
    interactions, counts = folder.read(path, name)
    check_counts(card(name), counts, called)
    return interactions


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An empty folder on the same disk, gone afterwards unless it has been moved."""
    home = path.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".import-") as temporary:
            fresh = Path(temporary) / "fresh"
            fresh.mkdir()
            yield fresh
    except OSError as error:
        if error.errno in NO_SPACE:
            raise BudgetError(f"no space is left in {home} for '{path.name}'; nothing was changed") from error
        raise DataError(f"'{path.name}' cannot be written to {home} ({error.strerror or error})") from error


def _move(fresh: Path, path: Path) -> None:
    """Put a finished folder in its place; what was there stays if that fails."""
    old = fresh.with_name("old")
    if path.exists():
        path.rename(old)
    try:
        fresh.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
