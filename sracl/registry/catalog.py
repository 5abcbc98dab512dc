"""Everything that is registered: our cards, other distributions' cards and entry points. Nothing is imported."""

from __future__ import annotations

import functools
import importlib
import traceback
from collections import defaultdict
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.errors import PluginError, SraclError, UsageError, did_you_mean
from sracl.registry.card import ENTRY, FOLDERS, KINDS, Card, CardError, read_card
from sracl.registry.source import package_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

OWNER = "sracl"

_CARDS_GROUP = "sracl.cards"
_GROUPS: dict[str, str | None] = {**{f"sracl.{folder}": kind for kind, folder in KINDS.items()}, _CARDS_GROUP: None}
"""Groups of entry points -> the kind of what they name; None for packages of cards."""


class UnknownComponent(UsageError):
    """No card or entry point has this name."""


class AmbiguousComponent(UsageError):
    """Several cards or entry points have this name."""


class Catalog:
    """Cards by kind and name.

    Args:
        cards: All of them; names may collide, which is an error only for whoever asks for such a name.
        broken: Messages about other distributions' cards and entry points that cannot be read.
    """

    def __init__(self, cards: Iterable[Card], broken: Iterable[str] = ()) -> None:
        self.broken = tuple(broken)
        self._cards: dict[str, dict[str, list[Card]]] = {kind: defaultdict(list) for kind in FOLDERS}
        for card in cards:
            same = self._cards[card.kind][card.name]
            twin = next((other for other in same if (other.owner, other.entry) == (card.owner, card.entry)), None)
            if twin is None or (twin.path and card.path):
                same.append(card)
            elif card.path:  # a card says more than the bare entry point beside it
                same[same.index(twin)] = card

    def cards(self, kind: str | None = None) -> list[Card]:
        """All cards, or those of one kind, by kind, name and owner; colliding names are all there."""
        kinds = FOLDERS if kind is None else (kind,)
        return [card for each in kinds for name in sorted(self._cards[each]) for card in sorted(self._cards[each][name], key=_by_owner)]

    def names(self, kind: str) -> list[str]:
        """Registered names of one kind."""
        return sorted(self._cards[kind])

    def find(self, kind: str, name: str) -> Card:
        """The card of a component.

        Args:
            kind: Such as `loss`.
            name: A registered name; `distribution:name`, which tells two owners of one name apart; or
                `package.module:name`, which needs no registration.

        Raises:
            UnknownComponent: Nothing has this name.
            AmbiguousComponent: Several things have it; all their owners or files are named.
        """
        owner, _, bare = name.rpartition(":")
        found = self._cards[kind].get(bare, []) if bare else []
        if owner:
            owned = [card for card in found if _same_distribution(card.owner, owner)]
            if not owned and kind in KINDS and ENTRY.fullmatch(name):
                return Card(kind=kind, name=name, entry=name, summary="", owner=owner)
            found = owned
        if not found:
            raise UnknownComponent(self._unknown(kind, name))
        if len(found) > 1:
            raise AmbiguousComponent(_collision(kind, bare, found))
        return found[0]

    def ours(self, kind: str, name: str) -> str:
        """A bare name such that it means our own component where another distribution has the name, too."""
        owners = {card.owner for card in self._cards[kind].get(name, ())}
        return f"{OWNER}:{name}" if OWNER in owners and len(owners) > 1 else name

    def load(self, card: Card) -> Any:
        """Import what a card stands for.

        Raises:
            PluginError: The module cannot be imported or lacks the name; names the distribution, the module, the
                reason and the last lines of the traceback.
        """
        if card.entry is None:
            raise PluginError(f"{card.address} has no code to load.")
        module_name, _, name = card.entry.partition(":")
        try:
            module = importlib.import_module(module_name)
        except SraclError:
            raise
        except Exception as error:  # another distribution's module may raise anything; all of it becomes one message
            tail = "".join(traceback.format_exception(error)[-3:]).rstrip()
            reason = f"{type(error).__name__}: {error}"
            raise PluginError(f"{card.kind} '{card.name}' of '{card.owner}': importing {module_name} failed: {reason}\n{tail}") from error
        try:
            return getattr(module, name)
        except AttributeError:
            message = f"{card.kind} '{card.name}' of '{card.owner}': module {module_name} has no '{name}'."
            raise PluginError(message + did_you_mean(name, vars(module))) from None

    def _unknown(self, kind: str, name: str) -> str:
        """Message about a name that nothing has."""
        known = self.names(kind)
        near = did_you_mean(name, known) or _as_entry(kind, name)
        text = f"No {kind.replace('_', ' ')} is called '{name}'.{near} Registered: {', '.join(known) or 'none'}."
        return "\n".join([text, *self.broken])


def bare(name: str) -> str:
    """A component's name without our own before it: `sracl:sasrec` is `sasrec`."""
    return name.removeprefix(f"{OWNER}:")


@functools.cache
def catalog() -> Catalog:
    """All that is registered in this environment; read once per process.

    Raises:
        CardError: One of our own cards cannot be read. Other distributions' broken ones end up in `Catalog.broken`.
    """
    cards = read_cards(paths.shipped("registry"), OWNER)
    every = entry_points()
    broken = [
        f"Distribution '{owner}': the group '{group}' of its entry points is not read.{did_you_mean(group, _GROUPS)}"
        for group in sorted(every.groups)
        if group.startswith("sracl.") and group not in _GROUPS
        for owner in sorted({_owner(entry_point) for entry_point in every.select(group=group)})
    ]
    for entry_point, owner, kind in _entry_points():
        if kind is None:
            try:
                cards.extend(card for folder in _card_folders(entry_point, owner) for card in read_cards(folder, owner))
            except CardError as error:
                broken.append(f"Distribution '{owner}': {error}")
        elif ENTRY.fullmatch(entry_point.value):
            cards.append(Card(kind=kind, name=entry_point.name, entry=entry_point.value, summary="", owner=owner))
        else:
            broken.append(
                f"Distribution '{owner}': entry point '{entry_point.name}' should read package.module:name, got '{entry_point.value}'."
            )
    return Catalog(cards, broken)


def read_cards(folder: Path, owner: str) -> list[Card]:
    """All cards below a folder."""
    return [read_card(path, owner) for path in sorted(folder.rglob("*.toml"))]


def _entry_points() -> Iterator[tuple[EntryPoint, str, str | None]]:
    """Our groups' entry points: each with its distribution and kind (None for a package of cards)."""
    every = entry_points()
    for group, kind in _GROUPS.items():
        for entry_point in every.select(group=group):
            yield entry_point, _owner(entry_point), kind


def _owner(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else entry_point.value.split(".")[0]


def _card_folders(entry_point: EntryPoint, owner: str) -> list[Path]:
    folders = package_folders(entry_point.value)
    if not folders:
        raise CardError(
            f"its entry point '{entry_point.name}' in {_CARDS_GROUP} should name a package of TOML files, got '{entry_point.value}'."
        )
    return folders


def _as_entry(kind: str, name: str) -> str:
    """A sentence on how `my_lab/losses.py:mine` or `my_lab.losses.mine` is written, or nothing."""
    module, _, last = name.replace("/", ".").rpartition(":" if ":" in name else ".")
    entry = f"{module.removesuffix('.py')}:{last}"
    return f" Did you mean '{entry}'?" if kind in KINDS and ENTRY.fullmatch(entry) else ""


def _same_distribution(one: str, other: str) -> bool:
    """Distribution names differ neither in case nor in `-`, `_`, `.`."""
    return one.lower().replace("_", "-").replace(".", "-") == other.lower().replace("_", "-").replace(".", "-")


def _by_owner(card: Card) -> tuple[bool, str, str]:
    return (card.owner != OWNER, card.owner, str(card.path))


def _collision(kind: str, name: str, found: list[Card]) -> str:
    """Message about a name that several things have."""
    owners = sorted({card.owner for card in found})
    places = " and ".join(card.origin for card in found)
    text = f"{kind.replace('_', ' ').capitalize()} '{name}' is registered more than once: by {places}."
    if len(owners) == len(found):
        return f"{text} Say which: {', '.join(f'{owner}:{name}' for owner in owners)}."
    return f"{text} One owner may use a name once."
