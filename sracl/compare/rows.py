"""Which runs are one row of a leaderboard: those of a variant at one point of its recipe, with the same values."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.compare.board import Figure, Row
from sracl.registry.wording import set_to

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.tracking.queries import EntryRow, MetricRow, RunRow


def drafted(places: Sequence[EntryRow], found: Mapping[str, RunRow]) -> list[Row]:
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
            flat = flat_values(json.loads(values))
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


def flat_values(values: Any, path: str = "") -> dict[str, Any]:
    """Nested values as path -> leaf; entries of a list go by their id where they have one."""
    if isinstance(values, dict):
        pairs = list(values.items())
    elif isinstance(values, list) and all(isinstance(entry, dict) for entry in values):
        pairs = [
            (str(entry.get("id", place)), {key: item for key, item in entry.items() if key != "id"}) for place, entry in enumerate(values)
        ]
    else:
        return {path: values}
    return {key: leaf for name, value in pairs for key, leaf in flat_values(value, f"{path}.{name}" if path else name).items()}


def _differing(alternatives: Sequence[Any]) -> list[str]:
    """Paths at which values differ; splits do not count, whose figures are never in one block."""
    flat = [flat_values(values) for values in alternatives]
    paths = dict.fromkeys(path for values in flat for path in values if not f"{path}.".startswith("evaluation.split."))
    return [path for path in paths if any(values.get(path) != flat[0].get(path) for values in flat)]


def measured(draft: Row, here: Sequence[MetricRow], columns: Sequence[str]) -> Row:
    """The row with those of its runs that have figures in a block, one a seed: others saw another version of the data."""
    here_too = {figure.run_id for figure in here}
    # of two runs with the same values, seed and data, made by different versions, the later one counts, wherever it was made
    of_seed = {seed: run_id for run_id, seed in zip(draft.runs, draft.seeds, strict=True) if run_id in here_too}
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
