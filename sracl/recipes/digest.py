"""The name of a run: two runs that would compute the same have the same digest."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from sracl.recipes import schema
from sracl.recipes.lines import join_path
from sracl.registry.catalog import OWNER, Catalog
from sracl.registry.parameters import decisive, refers, signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sracl.registry.card import Card

NOT_INSTALLED = "not installed"
"""In place of a version."""

_SOURCE = "source "
"""Begins what stands in place of a version where components have none; a hash of each of their files follows."""


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


def code_versions(cat: Catalog, components: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    """Version of sracl, of each distribution that owns a component, and of each component that no distribution owns.

    Args:
        cat: What is registered.
        components: Kind and bound table of each component; those within are found.
    """
    versions = {OWNER: installed(OWNER) or NOT_INSTALLED}
    sources: dict[str, set[str]] = {}  # a package may take its components from several files
    for card in (card for kind, bound in components for card in _cards(cat, kind, bound)):
        if found := installed(card.owner):
            versions[card.owner] = found
        elif card.owner != OWNER:
            sources.setdefault(card.owner, set()).add(_source(card))
    return versions | {owner: f"{_SOURCE}{' '.join(sorted(hashes))}" for owner, hashes in sources.items()}


def replaced(code: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Distributions that have another version now than in `code`: name -> that version, and the one of now.

    Components that no distribution owns are left out: a run that waits has a copy of them.
    """
    versions = {owner: (then, installed(owner) or NOT_INSTALLED) for owner, then in code.items() if not then.startswith(_SOURCE)}
    return {owner: (then, now) for owner, (then, now) in versions.items() if then != now}


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


def _source(card: Card) -> str:
    """Hash of the file of a component that has no version: named as module:Class, or a namesake of no distribution."""
    return hashlib.sha256(signature(card).path.read_bytes()).hexdigest()[:16]
