"""Published figures: result cards, and which of their rows may stand beside one of ours."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.registry.catalog import UnknownComponent, catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FACTS = ("split", "candidates", "seen_items")
"""What a card and a protocol must agree on, where the card says it. The data set is matched by name."""


@dataclass(frozen=True)
class PublishedRow:
    """What a publication prints for one system on one data set."""

    system: str
    dataset: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class PublishedTable:
    """One result card."""

    name: str
    title: str
    """Short enough for the row of a table, such as `Table 3`; the name where the card gives none."""
    about: str
    """What it holds and where it was printed."""
    protocol: Mapping[str, Any]
    rows: tuple[PublishedRow, ...]

    def differences(self, facts: Mapping[str, Any]) -> list[str]:
        """The facts in which this table's protocol departs from another, in words; empty if the two are comparable."""
        return [
            f"{fact} is {self.protocol[fact]} there and {facts[fact]} here"
            for fact in FACTS
            if fact in self.protocol and fact in facts and self.protocol[fact] != facts[fact]
        ]

    def row(self, system: str, dataset: str) -> PublishedRow | None:
        """What the table says of a system, by any spelling of its name that has the same letters and digits."""
        for row in self.rows:
            if row.dataset == dataset and _letters(row.system) == _letters(system):
                return row
        return None

    def systems(self, dataset: str) -> tuple[str, ...]:
        """Systems with figures on a data set, in the order of the card."""
        return tuple(dict.fromkeys(row.system for row in self.rows if row.dataset == dataset))

    def nearest(self, system: str, dataset: str) -> str | None:
        """The system that is called most like this one; None where none is much like it."""
        known = {_letters(name): name for name in self.systems(dataset)}
        found = difflib.get_close_matches(_letters(system), known, n=1, cutoff=0.5)
        return known[found[0]] if found else None

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets with figures, in the order of the card."""
        return tuple(dict.fromkeys(row.dataset for row in self.rows))


def tables(names: Iterable[str]) -> tuple[list[PublishedTable], list[str]]:
    """The result cards with these names, and a remark for each name that has none."""
    found, missing = [], []
    for name in dict.fromkeys(names):
        try:
            card = catalog().find("result", name)
        except UnknownComponent as error:
            missing.append(str(error))
        else:
            found.append(read(card.name, card.summary, card.facts))
    return found, missing


def read(name: str, summary: str, facts: Mapping[str, Any]) -> PublishedTable:
    """The figures of a card's table: `[protocol]`, and a `[[row]]` with system, dataset and values for each line printed."""
    about = " ".join([summary, *([f"({facts['source']})"] if "source" in facts else [])])
    rows = tuple(
        PublishedRow(row["system"], row["dataset"], {metric: float(value) for metric, value in row["values"].items()})
        for row in facts.get("row", ())
    )
    return PublishedTable(name=name, title=facts.get("table", name), about=about, protocol=facts.get("protocol", {}), rows=rows)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
