"""The leaderboard: what the store holds, averaged over seeds, never across protocols.

A block holds figures of one protocol fingerprint and one group of users. A row is one variant at one point of its recipe's
matrix with one set of values; runs that differ in a value are never averaged, their rows say what differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl.compare import remarks
from sracl.compare.beside import asked_for, beside_baseline, beside_published, published_tables, title_of, unlike
from sracl.compare.board import Block, Leaderboard
from sracl.compare.rows import drafted, measured
from sracl.compare.tuning import best_validated
from sracl.errors import UsageError, did_you_mean
from sracl.tracking import artifacts, queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sracl.tracking.queries import EntryRow, MetricRow, RunRow
    from sracl.tracking.reader import Reader

METRICS = ("hr@10", "hr@20", "ndcg@10", "ndcg@20", "mrr@10")
"""Shown where none are asked for."""


def leaderboard(
    store: Reader,
    recipe: str | Sequence[str] | None = None,
    *,
    metrics: Sequence[str] | None = None,
    besides: Sequence[str] = (),
    group: str = "all",
    baseline: str | None = None,
    with_published: bool = True,
    run_ids: Collection[str] | None = None,
    places: Collection[EntryRow] | None = None,
    split: str = "test",
    tuned_by: str | None = None,
) -> Leaderboard:
    """Put the finished runs of recipes side by side.

    Args:
        store: Where the runs are.
        recipe: A recipe's name or file, several of them, or None for all.
        metrics: Columns, such as `ndcg@10`; by default `METRICS`, as far as they were measured.
        besides: Columns that are there in any case.
        group: `all`, one group of users such as `history<7`, or `history` or `target` for all groups of that kind.
        baseline: Variant that the others are compared with; by default what each recipe's report names.
        with_published: Put the figures that the recipes' reports name beside ours.
        run_ids: Only these runs.
        places: Only runs that fill these places, and only there.
        split: `test` or `valid`.
        tuned_by: Metric such as `mrr@10`, by which of each variant's rows only the one that validates best is shown. None shows all,
            but for test figures of recipes with a sweep, whose own metric chooses.

    Raises:
        UsageError: No such recipe, metric, group or baseline.
    """
    known = queries.recipes(store)
    asked = [recipe] if isinstance(recipe, str) else recipe
    names = recipe_names(asked, store) if asked else None
    every = queries.entries(store, names)
    places = [place for place in every if (run_ids is None or place.run_id in run_ids) and (places is None or place in places)]
    found = {run.id: run for run in queries.runs(store, ids={place.run_id for place in places})}
    places = [place for place in places if place.run_id in found]  # others were removed between the two looks
    done = {run.id for run in found.values() if run.state == "completed"}
    figures = _chosen_groups(queries.final_metrics(store, done, split=split), group)
    columns = _columns(figures, metrics, besides)
    reports = {name: row.report for name, row in known.items()}
    choosing = _choosing(reports, {place.recipe for place in places}, tuned_by, split)
    validated = [figure for figure in queries.final_metrics(store, done, split="valid") if figure.group == "all"] if choosing else []
    tables, notes = published_tables(reports, {place.recipe for place in places}) if with_published else ([], [])
    facts = queries.protocols(store)
    made = artifacts.neighbours_of(store, done)
    drafts = drafted([place for place in places if place.run_id in done], found)
    if baseline is not None and drafts and not any(draft.is_called(baseline) for draft in drafts):
        variants = list(dict.fromkeys(draft.name for draft in drafts))
        raise UsageError(f"No row is called '{baseline}'.{did_you_mean(baseline, variants)} Rows: {', '.join(variants)}.")
    blocks = []
    for fingerprint, users_group in _block_order(figures, facts, found, places):
        here = [figure for figure in figures if (figure.protocol, figure.group) == (fingerprint, users_group)]
        rows = [row for row in (measured(draft, here, columns) for draft in drafts) if row.figures]
        rows, tuned = best_validated(rows, [figure for figure in validated if figure.protocol == fingerprint], choosing)
        bases = {row.recipe: baseline or reports.get(row.recipe, {}).get("baseline") for row in rows}
        rows = [beside_baseline(row, rows, bases.get(row.recipe), whatever_cell=row.recipe in choosing) for row in rows]
        dataset = found[here[0].run_id].dataset
        said = [
            *tuned,
            *remarks.ambiguities(rows, bases),
            *unlike(rows, found),
            *remarks.leaks(rows),
            *remarks.mixtures(rows, found, made),
        ]
        if users_group == "all" and split == "test":
            rows = [beside_published(row, dataset, facts[fingerprint], asked_for(tables, reports, row)) for row in rows]
            said += remarks.absences(tables, dataset, facts[fingerprint])
            asking = {table.name: [row.name for row in rows if table in asked_for(tables, reports, row)] for table in tables}
            said += remarks.strangers(tables, dataset, facts[fingerprint], asking)
        counts = {figure.count for figure in here}
        users = counts.pop() if len(counts) == 1 else None
        blocks.append(Block(dataset, fingerprint, facts[fingerprint], split, users_group, users, columns, tuple(rows), tuple(said)))
    shown = {beside.source for block in blocks for row in block.rows for beside in row.published}
    sources = [f"{title_of(table, tables)} is {table.name}: {table.about}" for table in tables if table.name in shown]
    return Leaderboard(tuple(blocks), tuple(sources), tuple([*remarks.unfinished(places, found), *notes]))


def _choosing(reports: Mapping[str, Mapping[str, Any]], recipes: Collection[str], tuned_by: str | None, split: str) -> dict[str, str]:
    """Of recipes whose rows validation chooses among: the metric that it goes by."""
    if tuned_by is not None:
        return dict.fromkeys(recipes, tuned_by)
    metrics = {name: reports.get(name, {}).get("tuned") for name in sorted(recipes)}
    return {name: metric for name, metric in metrics.items() if metric} if split == "test" else {}


def print_leaderboard(
    store: Reader,
    recipe: str | Sequence[str],
    *,
    run_ids: Collection[str] | None = None,
    as_json: bool = False,
    errors: Sequence[str] = (),
) -> None:
    """Print the leaderboard of a recipe, or of several, on stdout: a table, or JSON, which tells what went wrong besides."""
    from sracl.compare import render

    board = leaderboard(store, recipe, run_ids=run_ids)
    if as_json:
        print(render.as_json(board, errors))
    else:
        render.show(board)


def recipe_names(asked: Sequence[str], store: Reader) -> list[str]:
    """Recipe names for what the user typed: a name, a file, or a shipped name such as `methods/sracl`.

    Raises:
        UsageError: No run of such a recipe is here.
    """
    known = queries.recipes(store)
    available = sorted({*known, *(place.recipe for place in queries.entries(store))})
    sources = {row.source: row.name for row in known.values()}
    names = []
    for text in asked:
        candidates = (text, sources.get(text), sources.get(str(Path(text).resolve())), Path(text).stem)
        name = next((candidate for candidate in candidates if candidate in available), None)
        if name is None:
            have = f" Recipes with runs: {', '.join(available)}." if available else ""
            raise UsageError(f"No run of a recipe called '{text}' is in {store.path}.{did_you_mean(text, available)}{have}")
        names.append(name)
    return names


def _chosen_groups(figures: list[MetricRow], group: str) -> list[MetricRow]:
    chosen = [figure for figure in figures if figure.group == group]
    if not chosen and group != "all":
        chosen = [figure for figure in figures if figure.group.startswith(group)]
    if figures and not chosen:
        have = list(dict.fromkeys(figure.group for figure in figures))
        raise UsageError(f"No figures are kept for a group '{group}'.{did_you_mean(group, have)} Groups: {', '.join(have)}.")
    return chosen


def _columns(figures: Sequence[MetricRow], asked: Sequence[str] | None, besides: Sequence[str]) -> tuple[str, ...]:
    available = list(dict.fromkeys(figure.name for figure in figures))
    if asked is None:
        asked = [name for name in METRICS if name in available] or available[: len(METRICS)]
    wanted = [name.strip().lower() for name in (*asked, *besides) if name.strip()]
    for name in wanted:
        if available and name not in available:
            raise UsageError(f"No metric is called '{name}'.{did_you_mean(name, available)} Measured: {', '.join(available)}.")
    return tuple(dict.fromkeys(wanted))


def _block_order(
    figures: Sequence[MetricRow], facts: Mapping[str, Mapping[str, Any]], found: Mapping[str, RunRow], places: Sequence[EntryRow]
) -> list[tuple[str, str]]:
    """Fingerprint and group of every block: data sets as they came, the protocol that the recipe chose first."""
    datasets = list(dict.fromkeys(place.dataset for place in sorted(places, key=lambda place: found[place.run_id].number)))
    ranked: dict[tuple[str, str], tuple[int, bool]] = {}
    for figure in figures:
        run = found[figure.run_id]
        chosen = run.values.get("evaluation", {}).get("seen_items", "keep")
        place = (datasets.index(run.dataset), facts[figure.protocol].get("seen_items") != chosen)
        ranked.setdefault((figure.protocol, figure.group), place)
    return sorted(ranked, key=lambda block: ranked[block])
