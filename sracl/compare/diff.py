"""What tells runs apart: their values and where these were set, data, environment, figures and how they ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from sracl.errors import UsageError, did_you_mean
from sracl.recipes.flat import flat, origin
from sracl.tracking import artifacts, queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.tracking.artifacts import ArtifactRow
    from sracl.tracking.queries import MetricRow, RunRow
    from sracl.tracking.reader import Reader

SectionName = Literal["run", "values", "data", "environment", "metrics"]
SECTIONS: tuple[SectionName, ...] = get_args(SectionName)

_PACKAGES = "packages"
"""Name, in a run's environment, of the file in its folder that lists what was installed."""


@dataclass(frozen=True)
class Line:
    """One thing that is known of at least one of the runs."""

    path: str
    values: Mapping[str, Any]
    """Run id -> what it has here; a run that has nothing is not in it."""
    origins: Mapping[str, str]
    """Run id -> where the value was set; of values only."""
    differs: bool


@dataclass(frozen=True)
class Section:
    """Lines of one sort."""

    name: SectionName
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Diff:
    """Runs side by side."""

    runs: tuple[RunRow, ...]
    sections: tuple[Section, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The runs in the order they were asked for."""
        return tuple(run.id for run in self.runs)


def diff(store: Reader, references: Sequence[str], *, sections: Sequence[SectionName] = SECTIONS, everything: bool = False) -> Diff:
    """Put runs of a store side by side.

    Args:
        store: Where the runs are.
        references: Two or more runs: ids, beginnings of ids, `@last` or `@best:METRIC`.
        sections: What to compare.
        everything: Keep the lines in which the runs agree as well.

    Raises:
        UsageError: Fewer than two runs are meant, or one of the references means none or several.
    """
    runs = tuple({run.id: run for run in (queries.run(store, reference) for reference in references)}.values())
    if len(runs) < 2:
        raise UsageError(f"A diff takes two or more runs; {' and '.join(references) or 'nothing'} {'is one' if runs else 'names none'}.")
    figures = queries.final_metrics(store, [run.id for run in runs], split=None, group="all")
    files = {run.id: artifacts.of_run(store, run.id) for run in runs}
    return compare(runs, figures, files, queries.protocols(store), sections=sections, everything=everything)


def named(names: Sequence[str]) -> tuple[SectionName, ...]:
    """The sections with these names, all of them where none is named.

    Raises:
        UsageError: There is no such section.
    """
    for name in names:
        if name not in SECTIONS:
            raise UsageError(f"A diff has no section '{name}'.{did_you_mean(name, SECTIONS)} Sections: {', '.join(SECTIONS)}.")
    return tuple(section for section in SECTIONS if not names or section in names)


def compare(
    runs: Sequence[RunRow],
    figures: Sequence[MetricRow],
    files: Mapping[str, Sequence[ArtifactRow]],
    protocols: Mapping[str, Mapping[str, Any]],
    *,
    sections: Sequence[SectionName] = SECTIONS,
    everything: bool = False,
) -> Diff:
    """The same over rows that have been read.

    Args:
        runs: Two or more.
        figures: Their final metrics.
        files: Run id -> its artifacts.
        protocols: The facts behind every fingerprint.
        sections: What to compare.
        everything: Keep the lines in which the runs agree as well.
    """
    tables: dict[SectionName, dict[str, Mapping[str, Any]]] = {
        "run": {run.id: _state(run) for run in runs},
        "values": {run.id: dict(flat(run.values)) for run in runs},
        "data": {run.id: _data(run, figures, files.get(run.id, ()), protocols) for run in runs},
        "environment": _environments(runs),
        "metrics": {run.id: _metrics(run, figures, protocols) for run in runs},
    }
    origins = {run.id: run.origins for run in runs}
    found = []
    for name in sections:
        lines = _lines(tables[name], origins if name == "values" else {})
        found.append(Section(name, tuple(line for line in lines if everything or line.differs)))
    return Diff(tuple(runs), tuple(found))


def _lines(tables: Mapping[str, Mapping[str, Any]], origins: Mapping[str, Mapping[str, str]]) -> list[Line]:
    """One line per path that any of the tables has, in their order."""
    lines = []
    for path in dict.fromkeys(path for table in tables.values() for path in table):
        values = {run_id: table[path] for run_id, table in tables.items() if path in table}
        first = next(iter(values.values()))
        differs = len(values) < len(tables) or not all(_same(first, value) for value in values.values())
        set_in = {run_id: origin(origins[run_id], path) for run_id in values if run_id in origins}
        lines.append(Line(path, values, set_in, differs))
    return lines


def _same(one: Any, other: Any) -> bool:
    """Equal, not a number being like itself, and true and 1 being two values."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _state(run: RunRow) -> dict[str, Any]:
    """How the run came about and how it ended; moments and processes, which differ always, are left to `sracl runs --json`."""
    places = sorted({"/".join(filter(None, (place.recipe, place.variant))) for place in run.entries})
    return {
        "label": run.label,
        "recipes": places,
        "seed": run.seed,
        "state": run.state,
        "reason": run.reason,
        "epoch": run.epoch,
        "attempts": run.attempt,
        "leaky": list(run.leaky),
    }


def _environments(runs: Sequence[RunRow]) -> dict[str, Mapping[str, Any]]:
    """What the runs were trained on and with: package by package where they differ in these, and each has kept a list of them."""
    tables = {run.id: dict(flat(run.environment)) for run in runs}
    lists = {run.id: _packages(run) for run in runs}
    if all(lists.values()) and len({table[_PACKAGES] for table in tables.values()}) > 1:
        for run_id, table in tables.items():
            del table[_PACKAGES]
            table.update(lists[run_id])
    return dict(tables)


def _packages(run: RunRow) -> dict[str, str]:
    """`packages.NAME` -> version of what was installed; empty where no list was kept, or it is not here."""
    try:
        listed = (Path(run.folder) / Path(run.environment[_PACKAGES]).name).read_text(encoding="utf-8").splitlines()
    except (KeyError, TypeError, OSError, ValueError):
        return {}
    return {f"{_PACKAGES}.{name}": version for name, _, version in (line.partition("==") for line in listed)}


def _data(
    run: RunRow, figures: Sequence[MetricRow], files: Sequence[ArtifactRow], protocols: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The data set, the hash of it that the figures rest on, and what the stages before training made of it."""
    known = [protocols.get(figure.protocol, {}) for figure in figures if figure.run_id == run.id]
    hashes = sorted({str(facts["data"]) for facts in known if "data" in facts})
    made = {f"{file.name}.digest": file.digest for file in files if file.digest}
    return {"dataset": run.dataset, **({"hash": hashes[0] if len(hashes) == 1 else hashes} if hashes else {}), **made}


def _metrics(run: RunRow, figures: Sequence[MetricRow], protocols: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Final figures of all users: `test.ndcg@10, seen items kept`."""
    words = {"keep": "seen items kept", "exclude": "seen items excluded"}
    found = {}
    for figure in figures:
        if figure.run_id == run.id and figure.group == "all":
            seen_items = str(protocols.get(figure.protocol, {}).get("seen_items", figure.protocol))
            found[f"{figure.split}.{figure.name}, {words.get(seen_items, seen_items)}"] = figure.value
    return found
