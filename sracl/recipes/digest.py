"""The name of a run: two runs that would compute the same have the same digest."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import TYPE_CHECKING, Any

from sracl.recipes import schema
from sracl.recipes.lines import join_path
from sracl.registry.catalog import OWNER, Catalog
from sracl.registry.own_code import own_modules
from sracl.registry.parameters import decisive, refers
from sracl.registry.signatures import module_of, signature
from sracl.registry.source import source_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sracl.registry.card import Card

NOT_INSTALLED = "not installed"
"""In place of a version."""

_SOURCE = "source "
"""Begins what stands in place of a version where a module has none; a hash of its file follows."""


def digest(values: Mapping[str, Any], seed: int, code: Mapping[str, str], data_fingerprint: str | None) -> str:
    """SHA-256, in hexadecimal, of canonical JSON: sorted keys, no white space, shortest form of every number.

    Args:
        values: Complete values of one run.
        seed: Its seed.
        code: Version of everything that computes it, see `code_versions`.
        data_fingerprint: Of the data as it is now; None where the data set is absent.
    """
    content = {"values": values, "seed": seed, "code": dict(code), "data": data_fingerprint}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def decisive_values(cat: Catalog, values: Mapping[str, Any], components: Mapping[str, tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Values without those that decide only how a component works and not what comes of it, such as timeouts.

    Nor with those of `schema.LATER` where nothing else is said.

    Args:
        cat: What is registered.
        values: Of one run.
        components: Path -> kind and bound table.
    """

    def kept(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [kept(inner, (*path, inner["id"]) if isinstance(inner, Mapping) and "id" in inner else path) for inner in value]
        if not isinstance(value, Mapping):
            return value
        if "use" in value and (found := components.get(join_path(path))):
            return decisive(cat, found[0], value)
        known = schema.LATER if path[-1] == "train" else {}
        return {key: kept(inner, (*path, key)) for key, inner in value.items() if key not in known or inner != known[key]}

    return {key: kept(value, (key,)) for key, value in values.items()}


def code_versions(
    cat: Catalog, components: Iterable[tuple[str, Mapping[str, Any]]], read: dict[str, dict[str, str]] | None = None
) -> dict[str, str]:
    """Version of sracl and of each distribution that owns a component; of a component without one, what its modules hold.

    A component has none that no distribution owns, or one that is installed to be edited (`pip install -e`).

    Args:
        cat: What is registered.
        components: Kind and bound table of each component; those within are found.
        read: What the modules of a component hold, by its entry: filled, for the other runs of a plan.
    """
    read = {} if read is None else read
    versions = {OWNER: installed(OWNER) or NOT_INSTALLED}
    for card in (card for kind, bound in components for card in _cards(cat, kind, bound)):
        found = installed(card.owner)
        if card.owner == OWNER or (found and not _is_edited_in_place(card.owner)):
            versions[card.owner] = found or NOT_INSTALLED
        elif card.entry is not None:  # what a data set of files holds is part of a digest anyway
            if card.entry not in read:
                read[card.entry] = {name: _source(file) for name, file in own_modules(module_of(card.entry)).items()}
            versions |= read[card.entry]
    return versions


def replaced(code: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What is another version now than in `code`: a distribution's or a module's name -> that version, and the one of now.

    A run that waits has a copy of the project's own modules, which is on the import path in place of them.
    """
    versions = {}
    for name, then in code.items():
        if not then.startswith(_SOURCE):
            versions[name] = then, installed(name) or NOT_INSTALLED
        else:
            file = source_file(name)
            versions[name] = then, _source(file) if file else NOT_INSTALLED
    return {name: (then, now) for name, (then, now) in versions.items() if then != now}


def modules(code: Mapping[str, str]) -> list[str]:
    """Modules that have no version in `code`, but what they hold."""
    return [name for name, then in code.items() if then.startswith(_SOURCE)]


def _cards(cat: Catalog, kind: str, bound: Mapping[str, Any]) -> Iterator[Card]:
    """The cards of a component and of all that fill its slots."""
    if refers(kind, bound):
        return
    card = cat.find(kind, bound["use"])
    yield card
    for parameter in signature(card).parameters.values():
        value = bound.get(parameter.name)
        if parameter.slot is not None and value is not None:
            for inner in value if parameter.many else [value]:
                yield from _cards(cat, parameter.slot, inner)


@functools.cache
def installed(distribution: str) -> str | None:
    """Version of a distribution; None where it is not installed, as sracl is not where it runs from its source alone."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


@functools.cache
def _is_edited_in_place(name: str) -> bool:
    """Whether a distribution is installed as a link to its source, whose edits leave its version as it was."""
    told = json.loads(distribution(name).read_text("direct_url.json") or "{}")
    return bool(told.get("dir_info", {}).get("editable"))


def _source(file: Path) -> str:
    return f"{_SOURCE}{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"
