"""What the rows of a leaderboard took to train: parameters, epochs and time, beside the machines that it was measured on."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sracl import listing
from sracl.compare.board import Figure
from sracl.tracking import artifacts, queries
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sracl.compare.board import Block, Leaderboard, Row
    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader

HEADER = ("", "n", "parameters", "epochs", "best", "s an epoch", "s to validate", "minutes")

_TRAIN, _VALIDATE = "seconds.train", "seconds.validate"


@dataclass(frozen=True)
class Cost:
    """Over the seeds of a row; stages before the training proper count in epochs and minutes alone."""

    label: str
    runs: tuple[str, ...]
    parameters: int | None
    """Trained ones of the backbone; None where no run says."""
    epochs: Figure
    best: Figure
    """Epoch whose weights were kept, of the training proper."""
    seconds_an_epoch: Figure
    """Median over the epochs of a run, without validation."""
    seconds_to_validate: Figure
    minutes: Figure
    """Of training and validation, from the first epoch to the last that was trained."""
    machines: tuple[str, ...] = ()
    """That its runs were trained on, each once."""

    @property
    def cells(self) -> tuple[str, ...]:
        """In the columns of `HEADER`."""
        parameters = "" if self.parameters is None else f"{self.parameters:,}"
        rounded = [
            _told(self.epochs, 0),
            _told(self.best, 0),
            _told(self.seconds_an_epoch, 1),
            _told(self.seconds_to_validate, 1),
            _told(self.minutes, 1),
        ]
        return (self.label, str(self.epochs.n), parameters, *rounded)


@dataclass(frozen=True)
class CostTable:
    """Rows that were trained on one data set, divided in one way."""

    dataset: str
    """With the fingerprint of its tables where another version of it is there."""
    split: str
    """How it was divided; rows of two splits trained on other parts of it."""
    rows: tuple[Cost, ...]
    notes: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """What it is about."""
        return f"{self.dataset}, {self.split}: what training took"


def with_costs(store: Reader, board: Leaderboard) -> Leaderboard:
    """The same with a table for each version of a data set and split, of the rows of its first block in their order."""
    first: dict[tuple[str, str, str], Block] = {}
    for block in board.blocks:
        first.setdefault((block.dataset, str(block.protocol.get("split", "?")), str(block.protocol.get("data", "?"))), block)
    often = Counter((dataset, split) for dataset, split, _ in first)
    ids = {run_id for block in first.values() for row in block.rows for run_id in row.runs}
    found = {run.id: run for run in queries.runs(store, ids=ids)}
    tables = []
    for (dataset, split, _), block in first.items():
        name = dataset if often[dataset, split] == 1 else f"{dataset}·{block.fingerprint[:6]}"
        tables.append(_table(store, name, split, block, found))
    return replace(board, costs=tuple(tables))


def as_json(cost: Cost) -> dict[str, Any]:
    """Unrounded."""
    figures = ("epochs", "best", "seconds_an_epoch", "seconds_to_validate", "minutes")
    told = {name: {"mean": getattr(cost, name).mean, "std": getattr(cost, name).std} for name in figures}
    return {"parameters": cost.parameters, **told, "machines": list(cost.machines)}


def aligned(table: CostTable) -> str:
    """As plain text, with what is to be said below it."""
    return "\n".join([table.heading, listing.aligned([HEADER, *(row.cells for row in table.rows)]), *(f"  {note}" for note in table.notes)])


def _table(store: Reader, dataset: str, split: str, block: Block, found: Mapping[str, RunRow]) -> CostTable:
    rows = tuple(cost for row in block.rows if (cost := _cost(store, block.called(row), row, found)) is not None)
    return CostTable(dataset, split, rows, tuple(_notes(rows)))


def _cost(store: Reader, label: str, row: Row, found: Mapping[str, RunRow]) -> Cost | None:
    """None where no run of the row has kept its times."""
    measured: list[dict[str, float]] = []
    parameters: int | None = None
    for run_id in row.runs:
        series = queries.series(store, run_id)
        own = [value for _, value in series.get(_TRAIN, ())]
        if not own:
            continue
        watched = [point for point in series.get(found[run_id].watched, ()) if not math.isnan(point[1])]
        every = {name: values for name, values in series.items() if name.endswith((_TRAIN, _VALIDATE))}
        # of any file of its training: ranks come along where a run is imported, weights do not
        own_files = [artifact.facts for artifact in artifacts.of_run(store, run_id) if not artifact.digest]
        parameters = next((facts["parameters"] for facts in own_files if "parameters" in facts), parameters)
        epochs = sum(len(values) for name, values in every.items() if name.endswith(_TRAIN))
        measured.append(
            {
                "epochs": epochs,
                "best": max(watched, key=lambda point: point[1])[0] - (epochs - len(own)) if watched else len(own),
                "seconds_an_epoch": statistics.median(own),
                "seconds_to_validate": statistics.median([value for _, value in series.get(_VALIDATE, ((0, 0.0),))]),
                "minutes": sum(value for values in every.values() for _, value in values) / 60,
            }
        )
    if not measured:
        return None
    figures = {name: _over([one[name] for one in measured]) for name in measured[0]}
    return Cost(label, row.runs, parameters, **figures, machines=tuple(dict.fromkeys(_machine(found[run_id]) for run_id in row.runs)))


def _over(values: Sequence[float]) -> Figure:
    return Figure(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


def _told(figure: Figure, digits: int) -> str:
    spread = "" if figure.std is None else f" ±{figure.std:.{digits}f}"
    return f"{figure.mean:.{digits}f}{spread}"


def _notes(rows: Iterable[Cost]) -> list[str]:
    """The machines, and whose times are of which where there are several."""
    machines: dict[str, list[str]] = {}
    for row in rows:
        for machine in row.machines:
            machines.setdefault(machine, []).append(row.label)
    if len(machines) < 2:
        return [f"on {machine}" for machine in machines]
    told = [f"on {machine}: {', '.join(labels)}" for machine, labels in machines.items()]
    return ["times of different machines are not to be compared", *told]


def _machine(run: RunRow) -> str:
    here = run.environment
    threads = here.get("threads")
    processor = str(here.get("processor") or here.get("platform") or "an unknown machine")
    return f"{processor}, {how_many(threads, 'thread')}" if threads else processor
