"""Data sets that can be had by their name alone: downloaded from the addresses on their cards, then imported."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sracl import paths
from sracl.data import install
from sracl.data.sources.bring import bring_in
from sracl.data.sources.download import download
from sracl.errors import DataError, UsageError, did_you_mean
from sracl.registry import address
from sracl.registry.catalog import catalog
from sracl.registry.dataset import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sracl.data.interactions import Interactions
    from sracl.data.sources.transfer import Report


def find(name: str) -> Dataset:
    """The data set with this name, or the other one that its card gives it.

    Raises:
        UsageError: No card has the name, or it is that of a generated data set.
    """
    cards = catalog().cards("dataset")
    described = [Dataset.of(card) for card in cards if card.entry is None]
    found = {called: dataset for dataset in described for called in (dataset.name, dataset.also) if called}
    if name in found:
        return found[name]
    if any(card.name == name for card in cards):
        raise UsageError(f"'{name}' is generated and needs no files: it can be used at once")
    names = ", ".join(sorted(dataset.also or dataset.name for dataset in described))
    raise UsageError(f"No card tells where to get a data set '{name}'.{did_you_mean(name, found)} There are: {names}")


def get(
    dataset: Dataset,
    *,
    mirror: str | None = None,
    replace: bool = False,
    say: Callable[[str], None],
    progress: Callable[[str], AbstractContextManager[Report]],
) -> tuple[Path, Interactions]:
    """Download the files of a data set and import them under its name.

    Args:
        dataset: As `find` gives it.
        mirror: Address of a folder that has the files; tried before those on the card.
        replace: Replace an imported data set of this name. Files that are here already are not downloaded again.
        say: Told what is done, a line each; the licence before anything is downloaded.
        progress: Of a file's name, what is told how much of it has arrived.

    Returns:
        Where it is now, and what it holds.

    Raises:
        UsageError: The mirror is no address.
        DataError: The files are not given to everybody, or are not what they should be; or as `install.install_made`.
        ResourceError: A file cannot be had at present.
        BudgetError: The disk is full.
    """
    if mirror is not None and (objection := address.objection(mirror)):
        raise UsageError(f"--mirror {objection}")
    install.target(dataset.name, replace=replace)
    if not dataset.files or not (mirror or dataset.can_be_downloaded):
        raise DataError(_by_hand(dataset))
    say(f"{dataset.name}: {dataset.source}")
    say(f"licence: {dataset.licence or 'its card does not tell'}")
    folder = paths.downloads() / dataset.name
    files = []
    for file in dataset.files:
        if mirror is not None:
            file = dataclasses.replace(file, urls=(f"{mirror.rstrip('/')}/{file.name}", *file.urls))
        with progress(file.name) as report:
            files.append(download(file, folder, say=say, report=report))
    return bring_in(files, name=dataset.name, replace=replace, say=say)


def _by_hand(dataset: Dataset) -> str:
    """What to do where files are not given to everybody."""
    how = " ".join(dataset.manual.split()) or f"Its source: {dataset.source}."
    names = " ".join(file.name for file in dataset.files) or "FILE…"
    return (
        f"'{dataset.name}' cannot be downloaded for you. {how}\nLicence: {dataset.licence or 'its card does not tell'}\n"
        f"Then: sracl data import {names} --name {dataset.name}"
    )
