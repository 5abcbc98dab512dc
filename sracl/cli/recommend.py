"""`sracl recommend`: what a trained run would recommend."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sracl import listing
from sracl.cli import complete
from sracl.wording import how_many

if TYPE_CHECKING:
    from sracl.runs.recommending import Item, Recommendations, Recommender
    from sracl.tracking.queries import RunRow

_FEW = 100
"""Users whose lists are printed; those of more go to a file."""


def command(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|RECIPE",
            help="A completed run, by the beginning of its id, @last or @best:METRIC, or a recipe with one.",
            autocompletion=complete.runs_and_recipes,
        ),
    ],
    user: Annotated[
        list[str] | None, typer.Option("--user", "-u", metavar="ID", help="A user, as in the files of the data set. Repeatable.")
    ] = None,
    users: Annotated[
        Path | None, typer.Option("--users", metavar="FILE", help="A file of users, one a line.", exists=True, dir_okay=False)
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ITEM,ITEM,…",
            help="Instead of a user: items in the order they were chosen, the latest last. Repeatable, which suits ids that hold commas.",
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-k", metavar="K", min=1, help="Items of each list.")] = 10,
    split: Annotated[
        Literal["all", "valid", "test"],
        typer.Option(help="History to read: all of it, or, as evaluation did, what stands before the item that validates or tests."),
    ] = "all",
    seen: Annotated[
        Literal["keep", "exclude"] | None,
        typer.Option(help="Whether items of the history may be recommended; by default as in the evaluation of the recipe."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write .csv or .jsonl, gzipped with .gz behind it.", dir_okay=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", envvar="SRACL_DEVICE")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recommend items with the weights of a completed run: to some users, to all of them into a file, or after a history you type.

    With --split test the lists are those that were evaluated, and the item that was chosen next is marked in them.
    """
    names = _asked(user, users)
    _demand_one(names, history, split=split, output=output, as_json=as_json)

    from sracl import paths
    from sracl.compare.selection import one_trained
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        found = one_trained(store, run)
        from sracl.runs.execute import choose_device
        from sracl.runs.recommending import typed_items
        from sracl.runs.trained import recommender

        model = recommender(store, found, users=names or (), history=history or (), device=choose_device(device), report=_report)
    how: dict[str, Any] = {"count": count, "seen_items": seen or model.seen_items}
    if history is not None:
        lists, number = iter([model.after(typed_items(history, model.data.item_ids), **how)]), 1
    else:
        lists, number = model.to_users(names, split=split, **how), model.data.num_users if names is None else len(names)
    if output is not None:
        _write(output, lists, number, with_target=split != "all")
        return
    told = list(lists)
    if names is not None:
        told.sort(key=lambda each: names.index(each.user))
    _print(found, model, told, split=split, seen_items=how["seen_items"], as_json=as_json)


def _asked(user: Sequence[str] | None, users: Path | None) -> list[str] | None:
    """Users, each once, in the order they were named; None for all of them."""
    if user is None and users is None:
        return None
    listed = [] if users is None else [line.strip() for line in users.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    return list(dict.fromkeys([*(user or ()), *filter(None, listed)]))


def _demand_one(names: list[str] | None, history: Sequence[str] | None, *, split: str, output: Path | None, as_json: bool) -> None:
    """Refuse what does not go together."""
    if history is not None and names is not None:
        raise typer.BadParameter("it stands instead of a user; leave --user and --users out.", param_hint="--history")
    if history is not None and not "".join(history).strip(" ,"):
        raise typer.BadParameter("it names no item.", param_hint="--history")
    if history is not None and split != "all":
        raise typer.BadParameter("a history that is typed is read whole; leave it out.", param_hint="--split")
    if names is not None and not names:
        raise typer.BadParameter("the file names no user.", param_hint="--users")
    if output is not None and output.name.removesuffix(".gz").rpartition(".")[2] not in ("csv", "jsonl"):
        raise typer.BadParameter(f"the name ends with .csv or .jsonl, or either with .gz behind it, got {output}", param_hint="--output")
    if output is not None and as_json:
        raise typer.BadParameter("a file takes its form from its name; leave it out.", param_hint="--json")
    if output is None and names is None and history is None:
        raise typer.BadParameter("all users are meant; name some by --user or --users, or a file by -o.", param_hint="--output")
    if output is None and len(names or ()) > _FEW:
        raise typer.BadParameter(f"{len(names or ()):,} users are too many to print; name a file with -o.", param_hint="--output")


def _report(line: str) -> None:
    print(line, file=sys.stderr)


def _write(output: Path, lists: Iterator[Recommendations], number: int, *, with_target: bool) -> None:
    """Write lists as they come, a terminal shows how many of them, and say so."""
    from rich.console import Console
    from rich.progress import track

    from sracl.cli.output import write_output
    from sracl.cli.recommend_file import write

    console = Console(stderr=True)
    shown = track(lists, output.name, number, console=console, transient=True, disable=not console.is_terminal)
    done = write_output(output, lambda file: write(file, shown, with_target=with_target))
    typer.echo(f"{output}: {how_many(done, 'list')}")


def _print(run: RunRow, model: Recommender, told: Sequence[Recommendations], *, split: str, seen_items: str, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        shared = {"run": run.id, "label": run.label, "dataset": run.dataset, "split": split, "seen_items": seen_items}
        print(listing.as_json({**shared, "lists": [asdict(each) for each in told]}))
        return
    before = "included" if seen_items == "keep" else "excluded"
    print(f"run {run.id}  {run.label}\n{run.dataset}: {model.data.num_items:,} items, those chosen before {before}")
    for each in told:
        print()
        _print_list(each)


def _print_list(each: Recommendations) -> None:
    from sracl.cli.columns import print_columns

    whose = f"user {each.user}" if each.user else "the history given"
    print(f"{whose}: {how_many(each.known, 'item')} so far{', ending with' if each.known > len(each.latest) else ''}")
    for item in each.latest:
        print(_in_full(item))
    target = each.target
    if target is not None:
        rank = "beyond reach, since it was chosen before" if target.rank is None else f"ranked {target.rank:,}"
        listed = target.rank is not None and target.rank <= len(each.items)
        print(f"chosen next, {rank}{' (*)' if listed else ''}\n{_in_full(target)}")
    has_titles = any(item.title for item in each.items)
    rows = []
    for place, item in enumerate(each.items, start=1):
        mark = " *" if target is not None and target.rank == place else ""
        rows.append([f"{place}{mark}", item.item, f"{item.score:.4f}", *([item.title] if has_titles else [])])
    print_columns(["rank", "item", "score", *(["title"] if has_titles else [])], rows)


def _in_full(item: Item) -> str:
    """An item with its title on a line of its own, cut to the terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return f"  {item.item}  {item.title}".rstrip()[:width]
