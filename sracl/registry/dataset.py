"""Data sets as their cards describe them: where their files are, and what is made of these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from sracl.errors import did_you_mean
from sracl.registry import address

if TYPE_CHECKING:
    from sracl.registry.card import Card

_FILE_KEYS = ("name", "urls", "sha256", "bytes")
_DUPLICATES = ("drop", "keep")


@dataclass(frozen=True)
class Preparation:
    """What is dropped of the interactions of a source before the rest is sorted by user and time."""

    since: date | None = None
    """Of these days only: the first one, UTC."""
    until: date | None = None
    """The first day that is too late."""
    duplicates: str = "drop"
    """What becomes of an interaction of the same user, item and time as an earlier one: `drop` or `keep`."""
    at_least: Mapping[str, float] = field(default_factory=dict)
    """What an interaction has under a name in the source, such as its `rating`, and the least with which it counts; one at most."""
    core: int = 1
    """Interactions that every user and every item has at the end."""

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Preparation:
        """As the table `preparation` of a card has it."""
        return cls(**table)


@dataclass(frozen=True)
class SourceFile:
    """A file that a data set is made from."""

    name: str
    urls: tuple[str, ...] = ()
    """Where it can be had, the best place first; none for a file that must be asked for."""
    sha256: str | None = None
    """Of its bytes, in hexadecimal, where it is known."""
    bytes: int | None = None
    """Its size, where it is known."""


@dataclass(frozen=True)
class Dataset:
    """A data set of files."""

    name: str
    also: str | None
    """Another name that `sracl data get` knows it by."""
    source: str
    licence: str
    files: tuple[SourceFile, ...]
    manual: str
    """How to come by files that cannot be downloaded; empty where they can."""
    preparation: Preparation
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, card: Card) -> Dataset:
        """The data set that a card of kind `dataset` describes."""
        facts = card.facts
        return cls(
            name=card.name,
            also=facts.get("also"),
            source=str(facts.get("source", "")),
            licence=str(facts.get("licence", "")),
            files=tuple(SourceFile(**{**file, "urls": tuple(file.get("urls", ()))}) for file in facts.get("files", ())),
            manual=facts.get("manual", ""),
            preparation=Preparation.of(facts.get("preparation", {})),
            counts=facts.get("counts", {}),
        )

    @property
    def can_be_downloaded(self) -> bool:
        """Whether every file has an address."""
        return bool(self.files) and all(file.urls for file in self.files)


def problems(facts: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with what a card of kind `dataset` says of files and preparation; other facts are free."""
    found = [f"{key}: should be a string." for key in ("also", "manual") if not isinstance(facts.get(key, ""), str)]
    preparation = facts.get("preparation", {})
    if not isinstance(preparation, Mapping):
        found.append("preparation: should be a table.")
    else:
        found += [f"preparation.{key}: {what}." for key, value in preparation.items() if (what := _preparation_objection(key, value))]
    files = facts.get("files", [])
    if not isinstance(files, list) or not all(isinstance(file, Mapping) for file in files):
        return [*found, "files: should be tables, [[files]]."]
    for number, file in enumerate(files):
        if "name" not in file:
            found.append(f"files.{number}.name: missing; every file has it.")
        found += [f"files.{number}.{key}: {what}." for key, value in file.items() if (what := _file_objection(key, value))]
    return found


def _preparation_objection(key: str, value: Any) -> str:
    """What a value should be, where it is not."""
    match key:
        case "since" | "until":
            return "" if type(value) is date else f"should be a date such as 2019-01-01, got {value!r}"
        case "duplicates":
            return "" if value in _DUPLICATES else f"should be 'drop' or 'keep', got {value!r}"
        case "at_least":
            is_one = isinstance(value, Mapping) and len(value) == 1 and all(type(each) in (int, float) for each in value.values())
            return "" if is_one else f"should be a table with one number, such as {{ rating = 4 }}, got {value!r}"
        case "core":
            return "" if _is_count(value) else f"should be a number of interactions, 1 or more, got {value!r}"
        case _:
            known = tuple(Preparation.__dataclass_fields__)
            return f"no such key.{did_you_mean(key, known)} Keys: {', '.join(known)}"


def _file_objection(key: str, value: Any) -> str:
    match key:
        case "name":
            plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", value)
            return "" if plain else f"should be the name of a file, without a folder, got {value!r}"
        case "urls":
            if not isinstance(value, list) or not value:
                return "should be a list of addresses, the best first"
            return next(filter(None, map(address.objection, value)), "")
        case "sha256":
            digits = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value)
            return "" if digits else f"should be 64 hexadecimal digits in lower case, got {value!r}"
        case "bytes":
            return "" if _is_count(value) else f"should be a number of bytes, 1 or more, got {value!r}"
        case _:
            return f"no such key.{did_you_mean(key, _FILE_KEYS)} Keys: {', '.join(_FILE_KEYS)}"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
