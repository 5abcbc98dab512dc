"""Packages that components cannot do without and that may not be installed, such as those of sracl's extras; cards name them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sracl.registry.parameters import refers
from sracl.registry.signatures import signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sracl.registry.card import Card
    from sracl.registry.catalog import Catalog


def missing(card: Card) -> list[str]:
    """What pip would have to install for a component, such as `sracl[ann]`. Nothing is imported."""
    return list(dict.fromkeys(requirement for module, requirement in card.needs.items() if not _is_there(module)))


def not_installed(requirement: str) -> str:
    """That it is not, and how that is mended."""
    return f'{requirement} is not installed: pip install "{requirement}"'


def lacking(cat: Catalog, kind: str, bound: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """Path and what is not installed, of a component and of all that fill its slots.

    Args:
        cat: What is registered.
        kind: Of the component.
        bound: Its table as `bind` completes it.
        where: Path of the table.
    """
    if refers(kind, bound):
        return
    card = cat.find(kind, bound["use"])
    for requirement in missing(card):
        yield f"{where}.use", f"{bound['use']}: {not_installed(requirement)}.{_others(cat, card)}"
    for parameter in signature(card).parameters.values():
        value = bound.get(parameter.name)
        if parameter.slot is not None and value is not None:
            for number, inner in enumerate(value if parameter.many else [value]):
                place = f"{where}.{parameter.name}"
                yield from lacking(cat, parameter.slot, inner, f"{place}.{number}" if parameter.many else place)


def _others(cat: Catalog, card: Card) -> str:
    """A sentence that names those that do the same and are there."""
    names = [other.name for other in cat.cards(card.kind) if other.owner == card.owner and not missing(other)]
    return f" Without it there are: {', '.join(names)}." if names else ""


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # imported by something that leaves no trace of where from
        return True
