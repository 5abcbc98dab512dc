"""Brings files of any known form in as a data set: read, prepared, checked against its card, kept."""

from __future__ import annotations

import codecs
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.data import datasets, folder_writer, install
from sracl.data.sources import table
from sracl.data.sources.amazon import Amazon
from sracl.data.sources.columns import ITEM, TIME, USER, Columns, time_column
from sracl.data.sources.delimited import Delimited, cells, parted
from sracl.data.sources.json_lines import JsonLines
from sracl.data.sources.lines import first_line, starts_with
from sracl.data.sources.parquet import Parquet
from sracl.data.sources.preparation import prepare, sequences
from sracl.data.sources.recbole import RecBole
from sracl.data.sources.times import seconds
from sracl.data.sources.yelp import Yelp
from sracl.errors import DataError
from sracl.registry.catalog import catalog
from sracl.registry.dataset import Dataset, Preparation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sracl.data.interactions import Interactions
    from sracl.data.sources.form import Form, Role
    from sracl.interfaces import ItemText

FORMS: tuple[Form, ...] = (Parquet(), RecBole(), Amazon(), Yelp(), JsonLines(), Delimited())
"""In the order in which they are tried; a table with a header is the last guess."""


_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class _Source:
    path: Path
    form: Form
    role: Role


@dataclass(frozen=True)
class _Header:
    option: str
    role: Role
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.option} {','.join(self.names)}"


def bring_in(
    files: Sequence[Path],
    *,
    name: str | None = None,
    columns: Columns | None = None,
    preparation: Mapping[str, Any] | None = None,
    replace: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Path, Interactions]:
    """Make a data set of files and put it into the user's data folder, whole or not at all.

    Args:
        files: One with interactions and at most one with items, in any order; their forms are recognised.
        name: What to call the data set; None takes that of the card that lists the file, or the file's own.
        columns: What is told of tables. Files without a header take its headers in order: the interactions, then the items.
        preparation: Fields of `Preparation` that differ from the card's; a name without a card drops duplicates only.
        replace: Replace an imported data set of this name.
        say: Told what is done, a line each.

    Returns:
        Where it is now, and what it holds.

    Raises:
        DataError: A file is not of a known form, or malformed; or as `install.install_made`.
        ResourceError: A file needs a package that is not installed.
        BudgetError: The disk is full.
    """
    columns = columns or Columns()
    interactions, items = _sources(files, columns)
    name = name or name_of(interactions.path)
    install.target(name, replace=replace)  # before hours of reading
    say(f"reading {interactions.path.name}: {interactions.form.title}")
    asked = dataclasses.replace(_preparation(name), **(preparation or {}))
    events = interactions.form.events(interactions.path, dataclasses.replace(columns, value=next(iter(asked.at_least), None)))
    if len(events) and events.times is None:  # a column of times under another name would decide which items test
        say(f"no column of times ({', '.join(TIME)}, or --time-column): each user's interactions stay in the order of the file")
    try:
        left, dropped = prepare(events, asked)
    except DataError as error:
        raise DataError(f"{interactions.path}: {error}") from None
    for line in dropped:
        say(line)
    chosen = sequences(left)
    texts: dict[str, ItemText] = {}
    if items is not None:
        say(f"reading {items.path.name}: {items.form.title}")
        wanted = {item for sequence in chosen.values() for item, _ in sequence}
        texts = items.form.texts(items.path, columns, wanted)
        if not texts:
            raise DataError(f"{items.path}: knows none of the {len(wanted):,} items in {interactions.path.name}, such as '{min(wanted)}'")
    return install.install_made(
        lambda folder: folder_writer.write(folder, chosen, texts), name, called=f"what {interactions.path.name} gives", replace=replace
    )


def name_of(path: Path) -> str:
    """The data set whose card lists a file of this name, compressed or not; otherwise the file's name without its endings."""
    bare = path.name.removesuffix(".gz")
    for card in catalog().cards("dataset"):
        if any(file.name.removesuffix(".gz") == bare for file in Dataset.of(card).files):
            return card.name
    return bare.rpartition(".")[0] or bare


def _preparation(name: str) -> Preparation:
    card = datasets.card(name)
    return Preparation() if card is None else Dataset.of(card).preparation


def _sources(files: Sequence[Path], columns: Columns) -> tuple[_Source, _Source | None]:
    """The file with interactions, and the one with items if there is one."""
    unheaded = _headers(columns)
    found = [_recognised(path.expanduser().resolve(), columns, unheaded) for path in files]
    if unheaded:
        raise DataError(
            f"{unheaded[0].option} names the columns of a file without a header, and there is none for it: "
            + "; ".join(f"{source.path.name} is {source.form.title}" for source in found)
        )
    interactions = [source for source in found if source.role == "interactions"]
    items = [source for source in found if source.role == "items"]
    if len(interactions) != 1 or len(items) > 1:
        what = "; ".join(f"{source.path.name} holds {source.role}" for source in found)
        raise DataError(f"a data set is made of one file with interactions and at most one with items. {what}.{_hint(found)}")
    return interactions[0], items[0] if items else None


def _hint(found: Sequence[_Source]) -> str:
    tables = any(isinstance(source.form, Delimited | JsonLines | Parquet | RecBole) for source in found if source.role == "items")
    return " A table holds interactions if it has a column of users: name it by --user-column." if tables else ""


def _headers(columns: Columns) -> list[_Header]:
    """Those the user gave, in the order in which files without one take them."""
    given: tuple[tuple[str, Role, tuple[str, ...] | None], ...] = (
        ("--header", "interactions", columns.header),
        ("--items-header", "items", columns.items_header),
    )
    found = [_Header(option, role, names) for option, role, names in given if names is not None]
    for header in found:
        named = [name.casefold() for name in header.names if name]
        if twice := next((name for name in named if named.count(name) > 1), None):
            raise DataError(f"{header}: names '{twice}' twice")
        if table.role(header.names, columns) != header.role:
            users = f"a column of users ({', '.join(USER)}, or --user-column)"
            items = f"one of items ({', '.join(ITEM)}, or --item-column)"
            raise DataError(
                f"{header}: should name {f'{users} and {items}' if header.role == 'interactions' else f'{items}, and none of users'}"
            )
    return found


def _unheaded(path: Path, head: str, columns: Columns, header: _Header) -> _Source:
    first = cells(head, parted(head, len(header.names)))
    if len(first) != len(header.names):
        raise DataError(
            f"{path}:1: {header} names {len(header.names)} columns, and the line has {len(first)} cells: {head[:80]!r}. "
            "Of files without a header the one with interactions comes first"
        )
    time = time_column(header.names, columns, str(header)) if header.role == "interactions" else None
    if _is_header(first, header.names, time):
        raise DataError(
            f"{path}:1: seems to be a header: {head[:80]!r}, and {header.option} is for a file without one. "
            "Name its columns by --user-column, --item-column and --time-column instead"
        )
    return _Source(path, Delimited(header.names), header.role)


def _is_header(first: Sequence[str], names: Sequence[str], time: int | None) -> bool:
    """Whether a first line names its columns: one as the user does, a user or an item; or has no time where times are."""
    if time is not None:
        try:
            seconds(first[time], "")
        except DataError:
            return True
    lowered = [cell.casefold() for cell in first]
    return any(cell and cell in (name.casefold(), *USER, *ITEM) for cell, name in zip(lowered, names, strict=True))


def _recognised(path: Path, columns: Columns, unheaded: list[_Header]) -> _Source:
    if path.is_dir():
        raise DataError(f"{path} is a folder; name the files in it, or a folder with interactions.tsv alone")
    head = first_line(path, columns.encoding)
    for form in FORMS:
        role = form.role(path, head, columns)
        if role is not None:
            return _Source(path, form, role)
    if not head:
        raise DataError(f"{path}: is empty, or its first line is")
    if starts_with(path, 2) in _UTF_16:
        raise DataError(f"{path}: is UTF-16 text; save it as UTF-8")
    if "\r" in head and "\0" not in head:
        raise DataError(f"{path}: its lines end with a carriage return alone, as on old Macs; save it with line feeds")
    if unheaded:
        return _unheaded(path, head, columns, unheaded.pop(0))
    forms = "\n".join(f"  {form.title}" for form in FORMS)
    raise DataError(
        f"{path}: is of no form that is known. It begins with {head[:80]!r}. Known are:\n{forms}\n"
        f"Of a table, columns of users ({', '.join(USER)}) and items ({', '.join(ITEM)}) are known by their names; others are named by "
        "--user-column, --item-column and --time-column. Columns of a table without a header are named by --header and --items-header."
    )
