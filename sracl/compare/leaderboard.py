"""The leaderboard: what the store holds, averaged over seeds, never across protocols.

A block holds figures of one protocol fingerprint and one group of users. A row is one variant at one point of its recipe's
matrix with one set of values; runs that differ in a value are never averaged, their rows say what differs.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.compare import published, remarks
from sracl.compare.board import Beside, Block, Figure, Leaderboard, Row
from sracl.compare.tuning import best_validated
from sracl.errors import UsageError, did_you_mean
from sracl.registry.wording import set_to
from sracl.tracking import artifacts, queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sracl.compare.published import PublishedTable
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
    tables, notes = _tables(reports, {place.recipe for place in places}) if with_published else ([], [])
    facts = queries.protocols(store)
    made = artifacts.neighbours_of(store, done)
    drafts = _rows([place for place in places if place.run_id in done], found)
    if baseline is not None and drafts and not any(draft.is_called(baseline) for draft in drafts):
        variants = list(dict.fromkeys(draft.name for draft in drafts))
        raise UsageError(f"No row is called '{baseline}'.{did_you_mean(baseline, variants)} Rows: {', '.join(variants)}.")
    blocks = []
    for fingerprint, users_group in _block_order(figures, facts, found, places):
        here = [figure for figure in figures if (figure.protocol, figure.group) == (fingerprint, users_group)]
        rows = [row for row in (_measured(draft, here, columns) for draft in drafts) if row.figures]
        rows, tuned = best_validated(rows, [figure for figure in validated if figure.protocol == fingerprint], choosing)
        bases = {row.recipe: baseline or reports.get(row.recipe, {}).get("baseline") for row in rows}
        rows = [_beside_baseline(row, rows, bases.get(row.recipe), whatever_cell=row.recipe in choosing) for row in rows]
        dataset = found[here[0].run_id].dataset
        said = [
            *tuned,
            *remarks.ambiguities(rows, bases),
            *_unlike(rows, found),
            *remarks.leaks(rows),
            *remarks.mixtures(rows, found, made),
        ]
        if users_group == "all" and split == "test":
            rows = [_beside_published(row, dataset, facts[fingerprint], _asked(tables, reports, row)) for row in rows]
            said += remarks.absences(tables, dataset, facts[fingerprint])
            asking = {table.name: [row.name for row in rows if table in _asked(tables, reports, row)] for table in tables}
            said += remarks.strangers(tables, dataset, facts[fingerprint], asking)
        counts = {figure.count for figure in here}
        users = counts.pop() if len(counts) == 1 else None
        blocks.append(Block(dataset, fingerprint, facts[fingerprint], split, users_group, users, columns, tuple(rows), tuple(said)))
    shown = {beside.source for block in blocks for row in block.rows for beside in row.published}
    sources = [f"{_title(table, tables)} is {table.name}: {table.about}" for table in tables if table.name in shown]
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


def _tables(reports: Mapping[str, Mapping[str, Any]], names: Collection[str]) -> tuple[list[PublishedTable], list[str]]:
    return published.tables(card for name in sorted(names) for card in reports.get(name, {}).get("published", ()))


def _asked(tables: Sequence[PublishedTable], reports: Mapping[str, Mapping[str, Any]], row: Row) -> list[PublishedTable]:
    return [table for table in tables if table.name in reports.get(row.recipe, {}).get("published", ())]


def _rows(places: Sequence[EntryRow], found: Mapping[str, RunRow]) -> list[Row]:
    """Rows without figures yet, in the order of recipes and variants; with all their runs, the one registered last at the end."""
    settings: dict[tuple[str, str, str, str], dict[str, list[EntryRow]]] = {}
    for place in places:
        values = in_one_line(found[place.run_id].values)
        settings.setdefault((place.recipe, place.variant, place.cell, place.dataset), {}).setdefault(values, []).append(place)
    rows = []
    for (recipe, variant, cell_text, _), alternatives in settings.items():
        cell = json.loads(cell_text)
        differing = _differing([json.loads(values) for values in alternatives])
        for values, members in alternatives.items():
            flat = _flat(json.loads(values))
            parts = [variant or recipe, *set_to(cell)]
            members = sorted(members, key=lambda place: found[place.run_id].created)
            rows.append(
                Row(
                    recipe=recipe,
                    variant=variant,
                    cell=cell,
                    label=" ".join([*parts, *set_to({path: flat.get(path, "unset") for path in differing})]),
                    runs=tuple(place.run_id for place in members),
                    seeds=tuple(place.seed for place in members),
                    figures={},
                    leaky=tuple(dict.fromkeys(reason for place in members for reason in found[place.run_id].leaky)),
                    differing=tuple(differing),
                )
            )
    return rows


def in_one_line(values: Mapping[str, Any]) -> str:
    """All values of a run as JSON, the same text for equal ones: files in the project as imported runs tell them, relative to it."""
    return json.dumps(dict(values), sort_keys=True).replace(json.dumps(f"{paths.project()}/")[:-1], '"')


def _flat(values: Any, path: str = "") -> dict[str, Any]:
    """Nested values as path -> leaf; entries of a list go by their id where they have one."""
    if isinstance(values, dict):
        pairs = list(values.items())
    elif isinstance(values, list) and all(isinstance(entry, dict) for entry in values):
        pairs = [
            (str(entry.get("id", place)), {key: item for key, item in entry.items() if key != "id"}) for place, entry in enumerate(values)
        ]
    else:
        return {path: values}
    return {key: leaf for name, value in pairs for key, leaf in _flat(value, f"{path}.{name}" if path else name).items()}


def _differing(alternatives: Sequence[Any]) -> list[str]:
    """Paths at which values differ; splits do not count, whose figures are never in one block."""
    flat = [_flat(values) for values in alternatives]
    paths = dict.fromkeys(path for values in flat for path in values if not f"{path}.".startswith("evaluation.split."))
    return [path for path in paths if any(values.get(path) != flat[0].get(path) for values in flat)]


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


def _measured(draft: Row, here: Sequence[MetricRow], columns: Sequence[str]) -> Row:
    """The row with those of its runs that have figures in a block, one a seed: others saw another version of the data."""
    measured = {figure.run_id for figure in here}
    # of two runs with the same values, seed and data, made by different versions, the later one counts, wherever it was made
    of_seed = {seed: run_id for run_id, seed in zip(draft.runs, draft.seeds, strict=True) if run_id in measured}
    seeds = tuple(sorted(of_seed))
    row = replace(draft, runs=tuple(of_seed[seed] for seed in seeds), seeds=seeds)
    return replace(row, figures=_figures(row, here, columns))


def _figures(row: Row, here: Sequence[MetricRow], columns: Sequence[str]) -> dict[str, Figure]:
    figures = {}
    for metric in columns:
        values = [figure.value for figure in here if figure.name == metric and figure.run_id in row.runs]
        if values:
            figures[metric] = Figure.over(values)
    return figures


def _beside_baseline(row: Row, rows: Sequence[Row], name: str | None, *, whatever_cell: bool) -> Row:
    """The row with its difference to the baseline of the same recipe and cell, or to the only one there is elsewhere.

    Of several that differ in a value, to the one with the row's own. With `whatever_cell`, where of each variant one cell is left,
    to that of the same recipe.
    """
    if name is None or row.is_called(name):
        return row
    named = [other for other in rows if other.is_called(name)]
    own = [other for other in named if other.recipe == row.recipe]
    candidates = [other for other in own if whatever_cell or other.cell == row.cell] if own else named
    if len(candidates) > 1:
        candidates = [other for other in candidates if other.label.removeprefix(other.name) == row.label.removeprefix(row.name)]
    if len(candidates) != 1:
        return row
    base = candidates[0]
    shared = [metric for metric in row.figures if metric in base.figures]
    return replace(
        row, baseline=base.label, differences={metric: row.figures[metric].mean - base.figures[metric].mean for metric in shared}
    )


def _unlike(rows: Sequence[Row], found: Mapping[str, RunRow]) -> list[str]:
    """Rows set beside a baseline that has other values where a recipe was edited: only one of the two may have been run again."""
    told = []
    for row in rows:
        base = next((other for other in rows if other.label == row.baseline and other.recipe == row.recipe), None)
        if base is None or not row.differing:
            continue
        own, theirs = (_flat(dict(found[some.runs[-1]].values)) for some in (row, base))
        others = {path: theirs.get(path, "unset") for path in row.differing if theirs.get(path) != own.get(path)}
        if others:
            told.append(f"{row.label} is set beside {base.label}, which has {' '.join(set_to(others))}")
    return told


def _beside_published(row: Row, dataset: str, facts: Mapping[str, Any], tables: Sequence[PublishedTable]) -> Row:
    beside = []
    for table in tables:
        printed = table.row(row.name, dataset) if not table.differences(facts) else None
        values = {metric: value for metric, value in printed.values.items() if metric in row.figures} if printed else {}
        if values:
            differences = {metric: row.figures[metric].mean - value for metric, value in values.items()}
            beside.append(Beside(table.name, _title(table, tables), values, differences))
    return replace(row, published=tuple(beside))


def _title(table: PublishedTable, tables: Sequence[PublishedTable]) -> str:
    return table.title if sum(other.title == table.title for other in tables) == 1 else table.name
