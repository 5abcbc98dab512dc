"""`sracl data`: data sets that can be had, what they look like, and how new ones come in."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sracl import listing
from sracl.cli import complete
from sracl.wording import how_many

if TYPE_CHECKING:
    from sracl.data.interactions import Interactions
    from sracl.data.sources.transfer import Report

app = typer.Typer(no_args_is_help=True, add_completion=False)

_DAYS = ["%Y-%m-%d"]

_Name = Annotated[str, typer.Argument(help="Name of a data set, as listed by `sracl data list`.", autocompletion=complete.datasets)]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(as_json: _Json = False) -> None:
    """List the data sets that are here, and those known but absent."""
    from sracl.data import search
    from sracl.data.datasets import available

    infos = available()
    unread = search.unread()
    if as_json:
        typer.echo(listing.as_json([{"name": i.name, "origin": i.origin, "where": i.where, "summary": i.summary} for i in infos], unread))
        return
    from sracl.cli.columns import print_columns

    print_columns(("name", "origin", "where", "what it is"), [(i.name, i.origin, i.where, i.summary) for i in infos])
    for sentence in unread:
        print(sentence, file=sys.stderr)


@app.command()
def stats(name: _Name, as_json: _Json = False) -> None:
    """Count users, items, interactions, lengths and texts."""
    from sracl.data.datasets import load
    from sracl.data.statistics import statistics

    interactions = load(name)
    figures = statistics(interactions)
    if as_json:
        typer.echo(listing.as_json([{"name": name, **figures, "notes": interactions.notes}]))
        return
    from sracl.cli.columns import print_columns

    print_columns(("figure", name), [(key.replace("_", " "), _figure(value)) for key, value in figures.items() if value is not None])
    _print_notes(interactions)


@app.command()
def verify(name: _Name, as_json: _Json = False) -> None:
    """Read every line of a data set and compare its counts with its card's.

    Ends with exit code 4 and the reason if anything is wrong.
    """
    from sracl.data.datasets import load

    interactions = load(name)
    if as_json:
        typer.echo(listing.as_json([{**_counts(interactions), "fingerprint": interactions.fingerprint, "notes": interactions.notes}]))
        return
    typer.echo(f"{name}: {_spoken(interactions)}; all is well")
    _print_notes(interactions)


@app.command()
def get(
    name: Annotated[
        str,
        typer.Argument(
            help="amazon-beauty, amazon-sports, amazon-office, or another that a card knows.", autocompletion=complete.absent_datasets
        ),
    ],
    mirror: Annotated[
        str | None, typer.Option("--mirror", metavar="URL", help="A folder that has the files, tried before the addresses on the card.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Make it anew if it has been imported.")] = False,
) -> None:
    """Download a data set from its source and import it.

    Its licence is shown before anything is downloaded.
    A download that breaks off goes on where it stopped, also in another run of this command.
    What has arrived is checked by its length and its SHA-256: the card's, or that of the first download.
    The files stay in the user's cache, so that nothing is downloaded twice.
    """
    from sracl.data import search
    from sracl.data.sources.get import find
    from sracl.data.sources.get import get as get_files

    dataset = find(name)
    if (here := search.where(dataset.name)) and not replace:
        typer.echo(f"{dataset.name} is here already, in {here}; --replace makes an imported one anew")
        return
    target, interactions = get_files(dataset, mirror=mirror, replace=replace, say=_say, progress=_progress)
    _print_imported(interactions, target)


@app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="A file with interactions and, if there is one, a file with items; or a folder.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="What to call the data set; by default as the card that lists the file, or as the file.")
    ] = None,
    core: Annotated[int | None, typer.Option("--core", min=1, help="Drop users and items until all have this many interactions.")] = None,
    at_least: Annotated[
        list[str] | None,
        typer.Option("--at-least", metavar="NAME=NUMBER", help="Only interactions with so much under this name, such as rating=4."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=_DAYS, metavar="DAY", help="First day whose interactions count (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=_DAYS, metavar="DAY", help="First day whose interactions no longer count.")
    ] = None,
    user_column: Annotated[str | None, typer.Option("--user-column", metavar="NAME", help="Column of a table that holds users.")] = None,
    item_column: Annotated[str | None, typer.Option("--item-column", metavar="NAME", help="Column of a table that holds items.")] = None,
    time_column: Annotated[
        str | None, typer.Option("--time-column", metavar="NAME", help="Column of a table that holds times: numbers or dates.")
    ] = None,
    header: Annotated[
        str | None, typer.Option("--header", metavar="NAMES", help="Columns of interactions without a header: user,item,rating,time.")
    ] = None,
    items_header: Annotated[
        str | None, typer.Option("--items-header", metavar="NAMES", help="Columns of items without a header: item,title,genres.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Of CSV, TSV and atomic files that are not UTF-8, such as latin-1.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an imported data set of this name.")] = False,
) -> None:
    """Make a data set of files you have, check it, and put it into the user's data folder.

    The form of a file is seen from its beginning, compressed or not:

    - RecBole atomic files: .inter, .item

    - Amazon 2014: reviews_X_5.json.gz, meta_X.json.gz

    - Yelp: yelp_academic_dataset_review.json, yelp_academic_dataset_business.json

    - CSV, TSV, fields parted by ::, or Parquet, with columns such as user_id, item_id and timestamp, or JSON lines with such keys

    - a folder with interactions.tsv[.gz] and items.jsonl[.gz], which is copied as it is

    Interactions are sorted by user and time; those of one time stay in the order of the file, and without times all do.
    Under the name of a card, what the card says is dropped first, and its counts must be met.
    """
    given = {key: day.date() for key, day in (("since", since), ("until", until)) if day}
    preparation = given | ({} if core is None else {"core": core}) | ({"at_least": _least(at_least)} if at_least else {})
    columns = (user_column, item_column, time_column, _names(header), _names(items_header))
    if len(files) == 1 and files[0].is_dir():
        if preparation or encoding is not None or any(columns):
            raise typer.BadParameter(
                "a folder is copied as it is: --core, --at-least, --since, --until, --encoding and names of columns are for files"
            )
        from sracl.data.install import install

        source = files[0].expanduser().resolve()
        target, interactions = install(source, name or source.name, replace=replace)
    else:
        from sracl.data.sources.bring import bring_in
        from sracl.data.sources.columns import Columns
        from sracl.data.sources.lines import reads_lines

        told = Columns(*columns) if encoding is None else Columns(*columns, encoding=encoding)
        if not reads_lines(told.encoding):
            raise typer.BadParameter(
                f"--encoding {encoding}: should be an encoding that Python knows and whose lines end as in ASCII, such as latin-1 or cp1252"
            )
        target, interactions = bring_in(files, name=name, columns=told, preparation=preparation, replace=replace, say=_say)
    _print_imported(interactions, target)


def _least(texts: list[str]) -> dict[str, float]:
    if len(texts) > 1:
        raise typer.BadParameter(f"should be given once, got {' and '.join(texts)}", param_hint="--at-least")
    (text,) = texts
    name, _, number = text.rpartition("=")
    try:
        least = float(number)
    except ValueError:
        least = math.nan
    if not name.strip() or not math.isfinite(least):
        raise typer.BadParameter(f"should be a name and a number, such as rating=4, got {text!r}", param_hint="--at-least")
    return {name.strip(): least}


def _names(header: str | None) -> tuple[str, ...] | None:
    return None if header is None else tuple(name.strip() for name in header.split(","))


def _print_imported(interactions: Interactions, target: Path) -> None:
    typer.echo(f"{interactions.name}: {_spoken(interactions)}{_as_on_card(interactions.name)}, now in {target}")
    _print_notes(interactions)


def _as_on_card(name: str) -> str:
    """Whether these counts are known to be right; wrong ones have been refused."""
    from sracl.data.datasets import card

    described = card(name)
    return ", as its card says" if described is not None and described.facts.get("counts") else ""


@contextmanager
def _progress(name: str) -> Iterator[Report]:
    """A bar on stderr for one file, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(name, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _counts(interactions: Interactions) -> dict[str, Any]:
    return {
        "name": interactions.name,
        "users": interactions.num_users,
        "items": interactions.num_items,
        "interactions": interactions.num_interactions,
    }


def _spoken(interactions: Interactions) -> str:
    counts = {"user": interactions.num_users, "item": interactions.num_items, "interaction": interactions.num_interactions}
    return ", ".join(how_many(count, name) for name, count in counts.items())


def _figure(value: Any) -> str:
    """A figure, or several with their names, for people."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_figure(entry)}" for key, entry in value.items())
    if isinstance(value, float):
        return f"{value:.2f}" if value >= 1 or value == 0 else f"{value:.4f}".rstrip("0")
    return value if isinstance(value, str) else f"{value:,}"


def _print_notes(interactions: Interactions) -> None:
    for note in interactions.notes:
        print(f"note: {note}", file=sys.stderr)
