"""Runs into a file for others: everything that a comparison reads of them, what explains them, and no weights, texts or data."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl.compare.selection import told_apart
from sracl.errors import DataError, UsageError
from sracl.evaluation import rank_file
from sracl.evaluation.rank_file import RANKS
from sracl.sharing.bundle import Writer, compressed
from sracl.sharing.discreet import discreet
from sracl.tracking import artifacts, queries
from sracl.tracking.artifacts import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sracl.sharing.record import Number
    from sracl.tracking.artifacts import ArtifactRow
    from sracl.tracking.queries import MetricRow, RunRow
    from sracl.tracking.reader import Reader

IMPORTED = "imported"
"""Name, in a run's environment, of what is known of the file that it came in."""


@dataclass(frozen=True)
class Exported:
    """What went into a file."""

    runs: int
    unfinished: int
    """Runs of the recipes that were asked for which have not been completed."""
    without_ranks: tuple[str, ...]
    """Runs that ought to have ranks, whose file is gone or damaged."""


def export(store: Reader, file: Path, selectors: Sequence[str] = (), *, project: Path, patches: bool = False) -> Exported:
    """Write completed runs as a bundle.

    Args:
        store: Where they are.
        file: Gzipped where its name ends with .gz.
        selectors: Recipes, by name or file, and runs, by the beginnings of their ids; all completed runs where there are none.
        project: Folder of the store: places in it are told relative to it.
        patches: Whether what the code had beyond its commits goes with them, which nobody may have meant to publish.

    Raises:
        UsageError: A selector means nothing, a run named by its id is not completed, or nothing is left to export.
    """
    runs, unfinished = chosen(store, selectors)
    clean = discreet(project)
    ids = {run.id for run in runs}
    figures: dict[str, list[MetricRow]] = {}
    for row in queries.final_metrics(store, split=None):
        if row.run_id in ids:
            figures.setdefault(row.run_id, []).append(row)
    kept = {run.id: {row.name: row for row in artifacts.of_run(store, run.id)} for run in runs}
    ranked = {run.id: _ranks(kept[run.id].get(RANKS)) for run in runs}
    texts: dict[str, str] = {}
    wanted = [name for name in PROVENANCE if patches or not name.endswith(".patch")]
    explained = {run.id: _explained(wanted, kept[run.id], texts, clean) for run in runs}
    known = queries.recipes(store)
    recipes = [known[name] for name in sorted({place.recipe for run in runs for place in run.entries}) if name in known]
    facts = queries.protocols(store)
    protocols = sorted({row.protocol for rows in figures.values() for row in rows})
    with compressed(file) as lines:
        counts = {
            "recipe": len(recipes),
            "protocol": len(protocols),
            "text": len(texts),
            "run": len(runs),
            "ranks": sum(map(bool, ranked.values())),
        }
        writer = Writer(lines, counts)  # type: ignore[arg-type]  # literals
        for recipe in recipes:
            writer.write("recipe", clean(asdict(recipe)))
        for fingerprint in protocols:
            writer.write("protocol", {"fingerprint": fingerprint, "facts": facts[fingerprint]})
        for name in sorted(texts):
            writer.write("text", {"name": name, "text": texts[name]})
        for run in runs:
            used = [row for row in kept[run.id].values() if row.digest]
            told = _record(run, queries.series(store, run.id), figures.get(run.id, ()), used, clean)
            writer.write("run", {**told, "kept": explained[run.id]})
            if (read := ranked[run.id]) is not None:
                of_ranks = kept[run.id][RANKS]
                writer.write("ranks", {"run": run.id, "facts": of_ranks.facts, "created": _moment(of_ranks.created), "arrays": read()})
    return Exported(len(runs), unfinished, tuple(run.id for run in runs if RANKS in kept[run.id] and ranked[run.id] is None))


def chosen(store: Reader, selectors: Sequence[str]) -> tuple[list[RunRow], int]:
    """Completed runs in the order in which they were registered, wherever that was; how many others were meant.

    Args:
        store: Where they are.
        selectors: Recipes, by name or file, and runs, by the beginnings of their ids; all completed runs where there are none.

    Raises:
        UsageError: A selector means nothing, a run named by its id is not completed, or nothing is left.
    """
    if not selectors:
        named: list[RunRow] = []
        found = queries.runs(store)
    else:
        recipes, named = told_apart(store, selectors)
        found = [*queries.runs(store, ids={place.run_id for place in queries.entries(store, recipes)}), *named]
    meant = {run.id: run for run in found}
    for run in named:
        if run.state != "completed":
            raise UsageError(f"Run '{run.id}' is {run.state}; only completed runs can be exported.")
    done = [run for run in meant.values() if run.state == "completed"]
    unfinished = len(meant) - len(done)
    if not done:
        raise UsageError(f"There is no completed run to export{f'; {unfinished} are not completed' if unfinished else ''}.")
    return sorted(done, key=lambda run: (run.created, run.id)), unfinished


def _record(
    run: RunRow,
    series: Mapping[str, Iterable[tuple[int, float]]],
    figures: Iterable[MetricRow],
    artifacts: Iterable[ArtifactRow],
    clean: Callable[[Any], Any],
) -> dict[str, Any]:
    """What a bundle says of a run; see `record.RunRecord`."""
    grouped: dict[tuple[str, str, str], list[MetricRow]] = {}
    for row in figures:
        grouped.setdefault((row.split, row.protocol, row.group), []).append(row)
    told = {
        "label": run.label,
        "reason": run.reason,
        "leaky": list(run.leaky),
        "values": run.values,
        "origins": run.origins,
        "environment": {name: value for name, value in run.environment.items() if name != IMPORTED},
        "places": [
            {
                "recipe": place.recipe,
                "variant": place.variant,
                "cell": json.loads(place.cell),
                "seed": place.seed,
                "ordinal": place.ordinal,
            }
            for place in sorted(run.entries, key=lambda place: (place.recipe, place.ordinal, place.variant, place.cell, place.seed))
        ],
        "artifacts": [
            {"name": row.name, "digest": row.digest, "size": row.size, "facts": row.facts, "created": _moment(row.created)}
            for row in artifacts
        ],
    }
    if run.tags:
        told["tags"] = run.tags
    if run.note:
        told["note"] = run.note
    return {
        "id": run.id,
        "digest": run.digest,
        "dataset": run.dataset,
        "seed": run.seed,
        "state": run.state,
        "attempt": run.attempt,
        "host": run.host,
        "created": _moment(run.created),
        "started": _moment(run.started),
        "finished": _moment(run.finished),
        "epoch": run.epoch,
        "series": {name: [(epoch, _number(value)) for epoch, value in points] for name, points in series.items()},
        "figures": [
            {
                "split": split,
                "protocol": protocol,
                "group": group,
                "count": rows[0].count,
                "values": {row.name: _number(row.value) for row in rows},
            }
            for (split, protocol, group), rows in grouped.items()
        ],
        **clean(told),
    }


def _explained(
    wanted: Iterable[str], kept: Mapping[str, ArtifactRow], texts: dict[str, str], clean: Callable[[Any], Any]
) -> dict[str, str]:
    """What explains a run and is still here: name -> file, whose text is added to those of other runs."""
    found: dict[str, str] = {}
    for name in wanted:
        file = Path(kept[name].path) if name in kept else None
        if file is None or not file.is_file():
            continue
        if file.name not in texts:
            texts[file.name] = "\n".join(_discreet(line, clean) for line in file.read_bytes().decode(errors="replace").split("\n"))
        found[name] = file.name
    return found


def _discreet(line: str, clean: Callable[[Any], Any]) -> str:
    """A line of a list or a patch; what a patch is put together from stays, so that it can still be applied."""
    if line in ("--- /dev/null", "+++ /dev/null"):
        return line
    return line[:1] + str(clean(f" {line[1:]}"))[1:]  # that something stands before a path, which is then no more than a part


def _ranks(artifact: ArtifactRow | None) -> Callable[[], dict[str, list[int]]] | None:
    """What reads the ranks of a run; None where it has none, or they cannot be read."""
    if artifact is None or not artifact.path:
        return None
    file = Path(artifact.path)
    try:
        rank_file.read(file)
    except DataError:
        return None
    return lambda: {name: ranks.tolist() for name, ranks in rank_file.read(file).items()}


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _number(value: float) -> Number:
    """A figure as JSON can hold it."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else "inf" if value > 0 else "-inf"
