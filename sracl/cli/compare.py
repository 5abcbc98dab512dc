"""`sracl compare`: the leaderboard of what has been run."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from sracl.cli import complete

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.compare.board import Leaderboard
    from sracl.compare.floors import Floor
    from sracl.compare.render import Format

    _Form: TypeAlias = Format | Literal["picture"]

_BY_SUFFIX: dict[str, Format] = {".txt": "table", ".md": "markdown", ".tex": "latex", ".csv": "csv", ".json": "json"}


def command(
    recipes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE]...", help="Recipes, by name or file; by default all that were run.", autocompletion=complete.recipes_with_runs
        ),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Columns, e.g. hr@20,ndcg@20.")] = None,
    group: Annotated[
        str, typer.Option(help="Users: all, history or target (one table per group), or one group such as 'history<7' or target-tail.")
    ] = "all",
    split: Annotated[Literal["test", "valid"], typer.Option(help="Which interaction of a user was predicted.")] = "test",
    baseline: Annotated[str | None, typer.Option(help="Variant that the others are compared with, instead of the recipe's.")] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="METRIC", help="Highest first by this column, instead of recipe by recipe.", show_default=False)
    ] = None,
    tuned: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC", help="Of the rows of each variant only the one that validates best, e.g. by mrr@10.", show_default=False
        ),
    ] = None,
    published: Annotated[bool, typer.Option("--published/--no-published", help="Published figures beside ours.")] = True,
    current: Annotated[
        bool, typer.Option("--current", help="Of the recipes named, only runs with the values that they have as they stand now.")
    ] = False,
    wide: Annotated[
        bool, typer.Option("--wide", help="Data sets beside one another, a row a method, as papers print it; sorted by the first.")
    ] = False,
    sampled: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="ITEMS",
            help="What ranking among so many sampled items would have shown, for comparison with papers that do, instead of all figures.",
            show_default=False,
        ),
    ] = None,
    cost: Annotated[bool, typer.Option("--cost", help="Also parameters, epochs and times of training, a table per data set.")] = False,
    significance: Annotated[
        bool, typer.Option("--significance", help="Mark differences that are more than noise, and say how large they may be.")
    ] = False,
    alpha: Annotated[
        float | None, typer.Option(metavar="LEVEL", help="Of significance, which it turns on; by default 0.05.", show_default=False)
    ] = None,
    test: Annotated[
        Literal["ttest", "wilcoxon", "bootstrap"] | None,
        typer.Option(help="Of significance over users, which it turns on; by default ttest.", show_default=False),
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=LEAST",
            help="End with exit code 10 where a row has less, such as ndcg@10=0.04; stderr names each. Repeatable.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        Literal["table", "markdown", "latex", "csv", "json"] | None,
        typer.Option("--format", "-f", help="By default a table, or what the name of -o says."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file instead of stdout; .svg, .png or .pdf makes a picture."),
    ] = None,
) -> None:
    """Compare variants: mean ± standard deviation over seeds, a table per data set and protocol, published figures beside ours."""
    from sracl import paths
    from sracl.compare import render
    from sracl.compare.board import Leaderboard, sorted_by
    from sracl.compare.floors import Floor
    from sracl.compare.leaderboard import leaderboard
    from sracl.tracking.reader import Reader

    form: _Form = "json" if as_json else format or _form_of(output)
    if wide and form not in ("table", "markdown", "latex"):
        raise typer.BadParameter(f"a table, Markdown and LaTeX can have data sets side by side, not {form}", param_hint="--wide")
    if cost and form not in ("table", "markdown", "json"):
        raise typer.BadParameter(f"it is told in a table, Markdown and JSON, not {form}", param_hint="--cost")
    if current and not recipes:
        raise typer.BadParameter("name the recipes whose values of today are meant", param_hint="--current")
    floors = [Floor.of(text) for text in fail_under or ()]
    testing = significance or alpha is not None or test is not None
    if testing and sampled is not None:
        raise typer.BadParameter("differences are tested of full rankings, which tell more of them; leave it out", param_hint="--sampled")
    if testing and form == "picture":
        print("A picture has no marks; a table has.", file=sys.stderr)
    board, now = Leaderboard(()), None
    columns = metrics.split(",") if metrics else None
    if paths.store_file().is_file():
        with Reader.open(paths.store_file()) as store:
            if store.notice:
                print(store.notice, file=sys.stderr)
            if current:
                from sracl.compare.current import current as current_places

                now = current_places(store, recipes or ())
            board = leaderboard(
                store,
                recipes,
                places=None if now is None else now.places,
                metrics=columns,
                besides=[floor.metric for floor in floors],
                group=group,
                split=split,
                baseline=baseline,
                with_published=published and sampled is None,
                tuned_by=tuned,
            )
            if now is not None:
                board = replace(board, notes=(*board.notes, *now.notes))
            if sampled is not None:
                from sracl.compare.sampled import as_sampled

                board = as_sampled(store, board, sampled)
            if testing and form != "picture":
                from sracl.compare.significance import ALPHA, with_tests

                board = with_tests(store, board, alpha=ALPHA if alpha is None else alpha, test=test or "ttest")
    if sort is not None:
        board = sorted_by(board, sort)
    ours = board
    if cost and board.blocks:
        from sracl.compare.cost import with_costs

        with Reader.open(paths.store_file()) as store:
            board = with_costs(store, board)
    if wide:
        from sracl.compare.wide import side_by_side

        board = side_by_side(board)
    if not board.blocks:
        nothing_yet = "There is nothing to compare yet. `sracl run quickstart` trains a first model in about a minute."
        print(nothing_yet if now is None else "No finished run has the values of today.", file=sys.stderr)
        for note in board.notes:
            print(note, file=sys.stderr)
        if form != "json":
            _demand(floors, ours)
            return
    if output is not None:
        _write(board, form, output, as_asked=columns is not None)
    elif form == "table":
        render.show(board)
    elif form != "picture":  # which has a file
        print(render.render(board, form))
    _demand(floors, ours)


def _demand(floors: Sequence[Floor], board: Leaderboard) -> None:
    """Name all rows that are below a floor, on stderr.

    Raises:
        typer.Exit: There are some.
    """
    from sracl.compare.floors import EXIT_CODE, shortfalls

    if floors and (lines := shortfalls(board, floors)):
        print("\n".join(lines), file=sys.stderr)
        raise typer.Exit(EXIT_CODE)


def _form_of(output: Path | None) -> _Form:
    """What the name of a file says is to be written to it; a table where it says nothing, and on stdout.

    Raises:
        typer.BadParameter: It says something else.
    """
    from sracl.compare.plot import SUFFIXES

    suffix = output.suffix if output else ""
    if suffix in SUFFIXES:
        return "picture"
    if suffix and suffix not in _BY_SUFFIX:
        known = ", ".join((*_BY_SUFFIX, *SUFFIXES))
        raise typer.BadParameter(f"the name ends with {known}, or --format says what is written, got {output}", param_hint="--output")
    return _BY_SUFFIX.get(suffix, "table")


def _write(board: Leaderboard, form: _Form, output: Path, *, as_asked: bool) -> None:
    """Write a leaderboard to a file; a picture has panels for all its columns only where these were asked for."""
    from sracl.cli.output import write_output
    from sracl.compare import plot, render

    if form == "picture":
        write_output(output, lambda file: plot.save(board, file, board.blocks[0].metrics if as_asked else None))
    else:
        write_output(output, lambda file: file.write_text(render.render(board, form) + "\n", encoding="utf-8"))
    print(f"Written to {output}.", file=sys.stderr)
