"""What names on the command line mean: of things that have a card, and of runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sracl.registry.card import Card
    from sracl.registry.catalog import Catalog
    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader


def kinds_by_prefix() -> dict[str, str]:
    """What may stand before a name, `backbones/…` or `backbone/…` -> the kind."""
    from sracl.registry.card import FOLDERS

    return {**{folder: kind for kind, folder in FOLDERS.items()}, **{kind: kind for kind in FOLDERS}}


def bearer(cat: Catalog, name: str, kinds: Iterable[str]) -> Card | None:
    """The one card among some kinds that a name alone, or `distribution:name`, means; None where none has it.

    Raises:
        UsageError: Cards of several kinds have it.
    """
    from sracl.errors import UsageError
    from sracl.registry.card import FOLDERS

    meant = [kind for kind in kinds if name.rpartition(":")[2] in cat.names(kind)]
    if len(meant) > 1:
        raise UsageError(f"'{name}' is the name of several things. Say which: {', '.join(f'{FOLDERS[kind]}/{name}' for kind in meant)}.")
    return cat.find(meant[0], name) if meant else None


def runs_named(store: Reader, references: Sequence[str]) -> list[RunRow]:
    """The runs that are meant, each once.

    Raises:
        UsageError: Everything that means none, or several.
    """
    from sracl.errors import UsageError
    from sracl.tracking import queries

    found: dict[str, RunRow] = {}
    problems = []
    for reference in dict.fromkeys(references):
        try:
            run = queries.run(store, reference)
        except UsageError as problem:
            problems.append(str(problem))
        else:
            found[run.id] = run
    if problems:
        raise UsageError("\n".join(problems))
    return list(found.values())
