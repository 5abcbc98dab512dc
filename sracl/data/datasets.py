"""Finds a data set by name: generated, or a folder below one of those that `SRACL_DATA` and the user's data folder name."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sracl import paths
from sracl.data import by_time, folder, search
from sracl.data.interactions import LEAVE_ONE_OUT, Interactions
from sracl.errors import DataError, did_you_mean
from sracl.registry.catalog import catalog
from sracl.registry.dataset import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sracl.registry.card import Card


@dataclass(frozen=True)
class DatasetInfo:
    """A data set that can be had, or that a card knows of."""

    name: str
    origin: Literal["generated", "folder", "absent"]
    where: str
    """The folder; the distribution whose code generates it; for an absent one, where to get it."""
    summary: str


def load(name: str, parameters: Mapping[str, Any] | None = None) -> Interactions:
    """The data set of this name, its items numbered at random (always the same way).

    Args:
        name: Of a card with code, or of a folder; `package.module:function` needs no card.
        parameters: Of the generator; the rest keep their defaults.

    Raises:
        DataError: There is no such data set, its files are malformed or their counts are not those of its card, or
            the parameters are not accepted.
    """
    described, path = _find(name)
    if path is not None:
        _no_parameters(name, parameters)
        interactions, counts = folder.read(path, name)
        check_counts(described, counts, str(path))
        return interactions
    generate = _generator(name, described, parameters)
    try:
        made = generate(**(parameters or {}))
    except (TypeError, ValueError) as error:
        raise DataError(f"data set '{name}' cannot be generated: {error}") from error
    if not isinstance(made, Interactions):
        raise DataError(f"data set '{name}' should be Interactions; its generator returned {type(made).__name__}")
    return dataclasses.replace(made, name=name, fingerprint=_generated_fingerprint(name, generate, parameters))


def of_run(values: Mapping[str, Any]) -> Interactions:
    """The data set of a run, divided as its evaluation says.

    Args:
        values: Of the run's plan.

    Raises:
        DataError: As `load`, or it cannot be divided so.
    """
    table = dict(values["data"])
    name = table.pop("name")
    table.pop("max_length")
    interactions, split = load(name, table), values["evaluation"]["split"]
    return interactions if split == LEAVE_ONE_OUT else by_time.divided(interactions, split)


def fingerprint(name: str, parameters: Mapping[str, Any] | None = None) -> str:
    """What `load` would give as `Interactions.fingerprint`, without reading or generating anything.

    Of a folder, the hash of its files; of a generator, that of its name, version and parameters. A generator's version
    is its module's `VERSION`, or its module's source where it has none.

    Raises:
        DataError: As `load`, as far as it can be told without reading.
    """
    described, path = _find(name)
    if path is not None:
        _no_parameters(name, parameters)
        return folder.fingerprint(path, name)
    return _generated_fingerprint(name, _generator(name, described, parameters), parameters)


def available() -> list[DatasetInfo]:
    """All data sets there are, generated ones first, then those that a card describes but no folder holds."""
    cards = {card.name: card for card in catalog().cards("dataset")}
    infos = [DatasetInfo(card.name, "generated", card.owner, card.summary) for card in cards.values() if card.entry]
    generated = {info.name for info in infos}
    for name, path in search.found().items():
        if name not in generated:
            infos.append(DatasetInfo(name, "folder", str(path), cards[name].summary if name in cards else ""))
    present = {info.name for info in infos}
    absent = (card for card in cards.values() if card.name not in present)
    infos.extend(DatasetInfo(card.name, "absent", str(card.facts.get("source", "")), card.summary) for card in absent)
    return sorted(infos, key=lambda info: (("generated", "folder", "absent").index(info.origin), info.name))


def card(name: str) -> Card | None:
    """The card of this data set; None where there is none."""
    if ":" in name or name in catalog().names("dataset"):
        return catalog().find("dataset", name)
    return None


def check_counts(card: Card | None, counts: folder.Counts, called: str) -> None:
    """Hold counts to those of the card, where it has any.

    Raises:
        DataError: They are others; `called` says what has them.
    """
    expected = card.facts.get("counts") if card is not None else None
    if card is None or not expected:
        return
    wrong = [
        f"{have:,} {what} where its card says {expected[what]:,}"
        for what, have in dataclasses.asdict(counts).items()
        if what in expected and expected[what] != have
    ]
    if wrong:
        raise DataError(
            f"{called}: is not the '{card.name}' it is called: it holds {', and '.join(wrong)}. "
            "If it is meant to differ, give it a name of its own."
        )


def _find(name: str) -> tuple[Card | None, Path | None]:
    """The card of a data set and its folder; at least one of them tells how to have it."""
    described = card(name)
    path = search.where(name)
    if described is not None and described.entry:
        if path is not None:
            raise DataError(f"'{name}' is both generated by '{described.owner}' and a folder, {path}; rename the folder")
        return described, None
    if path is None:
        raise DataError(_absent(name, described))
    return described, path


def _absent(name: str, card: Card | None) -> str:
    here = [info.name for info in available() if info.origin != "absent"]
    hindrances = {parent: search.hindrance(parent) for parent in paths.data_folders()}
    searched = "\n".join(f"  {parent} ({reason})" if reason else f"  {parent}" for parent, reason in hindrances.items())
    return (
        f"There is no data set '{name}'.{did_you_mean(name, here)} There are: {', '.join(here)}. Folders searched:\n{searched}\n"
        f"{_how_to_get(card)}Import files or a folder of yours by: sracl data import PATH… --name {name}"
        f"{'' if os.environ.get('SRACL_DATA') else ', or name the folder above it in SRACL_DATA'}"
    )


def _how_to_get(card: Card | None) -> str:
    if card is None:
        return ""
    if Dataset.of(card).can_be_downloaded:
        return f"Download it by: sracl data get {card.name}\n"
    return f"Get it from: {card.facts['source']}\n" if "source" in card.facts else ""


def _no_parameters(name: str, parameters: Mapping[str, Any] | None) -> None:
    if parameters:
        raise DataError(f"data set '{name}' is read from files and takes no parameters, got: {', '.join(parameters)}")


def _generator(name: str, card: Card | None, parameters: Mapping[str, Any] | None) -> Callable[..., Any]:
    """The function behind a card, whose parameters include those given."""
    assert card is not None  # `_find` gives a card wherever it gives no folder
    generate: Callable[..., Any] = catalog().load(card)
    known = list(inspect.signature(generate).parameters)
    unknown = [key for key in parameters or {} if key not in known]
    if unknown:
        raise DataError(f"data set '{name}' takes no '{unknown[0]}'.{did_you_mean(unknown[0], known)} It takes: {', '.join(known)}")
    return generate


def _generated_fingerprint(name: str, generate: Callable[..., Any], parameters: Mapping[str, Any] | None) -> str:
    defaults = {key: p.default for key, p in inspect.signature(generate).parameters.items() if p.default is not inspect.Parameter.empty}
    module = sys.modules[generate.__module__]
    version = getattr(module, "VERSION", None) or hashlib.sha256(inspect.getsource(module).encode()).hexdigest()
    identity = [name, generate.__module__, generate.__qualname__, version, {**defaults, **(parameters or {})}]
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
