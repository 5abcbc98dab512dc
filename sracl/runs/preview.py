"""`sracl run --dry-run`: what would be run, what is there already, and how long it may take. Writes nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.errors import DataError
from sracl.registry import parameters
from sracl.registry.catalog import catalog
from sracl.runs import stages
from sracl.runs.artifacts import Artifacts, digest_of
from sracl.runs.entries import label, run_id
from sracl.runs.screen import duration
from sracl.tracking import queries
from sracl.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sracl.recipes.plan import Plan, RunPlan

MICROSECONDS_A_SEQUENCE = 60
"""Rule of thumb where nothing like the run was timed here: to train on one sequence of 20 items, width 64, on two cores."""


@dataclass(frozen=True)
class Outlook:
    """One run as it stands before anything is done."""

    run_id: str
    label: str
    state: str
    """`done`, `interrupted, goes on after epoch N`, `new`, or `same as RUN` for a variant that amounts to another's run."""
    seconds: float | None
    """At most, if every epoch is trained; None where the data set is absent."""
    basis: str
    """What the time rests on: `timed here`, or `rule of thumb`."""


@dataclass(frozen=True)
class Stage:
    """A stage before training, shared by the runs that need it."""

    name: str
    digest: str
    cached: bool
    runs: int


def preview(plan: Plan, *, as_json: bool = False) -> str:
    """The run matrix with states, the stages with what is cached, and the time to expect, as text or JSON."""
    outlooks = _outlooks(plan)
    shared = list(_stages(plan.runs))
    if as_json:
        data = {"recipe": plan.name, "source": plan.source, "runs": [asdict(o) for o in outlooks], "stages": [asdict(s) for s in shared]}
        return json.dumps({"schema": 1, "data": data, "errors": []}, indent=1)
    width = max(len(outlook.label) for outlook in outlooks)
    lines = [f"{plan.name} ({plan.source}): {len(outlooks)} runs; store {paths.store_file()}", ""]
    lines += [f"  {o.run_id}  {o.label:{width}}  {o.state}{_time(o)}" for o in outlooks]
    if shared:
        lines += ["", "stages before training, computed once and kept:"]
        names = max(len(stage.name) for stage in shared)
        lines += [f"  {s.digest[:10]}  {s.name:{names}}  {'cached' if s.cached else 'to do'}, for {s.runs} of the runs" for s in shared]
    left = [o.seconds for o in outlooks if o.seconds is not None and o.state != "done" and not o.state.startswith("same")]
    if left:
        lines += ["", f"at most about {duration(sum(left))} of training if no run stops early."]
    absent = sorted({run.values["data"]["name"] for run in plan.runs if run.data_fingerprint is None})
    lines += [f"the data set '{name}' is not here; `sracl data list` shows where it is looked for." for name in absent]
    return "\n".join(lines)


def _outlooks(plan: Plan) -> list[Outlook]:
    first: dict[str, str] = {}
    found = []
    timings = _Timings()
    for run in plan.runs:
        known = timings.runs.get(run.digest)
        if run.digest in first:
            state = f"same as {first[run.digest]}"
        elif known is not None and known.state == "completed":
            state = "done"
        elif known is not None and known.epoch and (paths.run_folder(known.id) / "last.safetensors").exists():
            state = f"{known.state}, goes on after epoch {known.epoch}"
        else:
            state = "new"
        first.setdefault(run.digest, label(run))
        seconds, basis = timings.estimate(run)
        found.append(Outlook(run_id(run), label(run), state, seconds, basis))
    return found


class _Timings:
    """Seconds an epoch takes, from the store where something like it was trained, else from a rule of thumb."""

    def __init__(self) -> None:
        self.runs: dict[str, queries.RunRow] = {}
        self._epochs: dict[str, list[float]] = {}
        if paths.store_file().exists():
            with Store.open(paths.store_file(), read_only=True) as store:
                for run in queries.runs(store):
                    self.runs[run.digest] = run
                    series = queries.series(store, run.id, ["seconds.train", "seconds.validate"])
                    if series:
                        spent = sum(median(value for _, value in points) for points in series.values())
                        self._epochs.setdefault(_likeness(run.values), []).append(spent)
        self._samples: dict[str, int] = {}

    def estimate(self, run: RunPlan) -> tuple[float | None, str]:
        """Seconds if all epochs are trained, and what that rests on."""
        epochs = run.values["train"]["epochs"]
        if timed := self._epochs.get(_likeness(run.values)):
            return epochs * median(timed), "timed here"
        samples = self._num_samples(run)
        if samples is None:
            return None, "data set absent"
        return epochs * samples * _sequences_a_sample(run) * MICROSECONDS_A_SEQUENCE / 1e6, "rule of thumb"

    def _num_samples(self, run: RunPlan) -> int | None:
        from sracl.data import datasets, splits

        table = dict(run.values["data"])
        key = json.dumps(table, sort_keys=True)
        if key not in self._samples:
            name, max_length = table.pop("name"), table.pop("max_length")
            try:
                data = datasets.load(name, table)
            except DataError:
                return None
            self._samples[key] = len(splits.training_prefixes(data, max_length))
        return self._samples[key]


def _likeness(values: Any) -> str:
    """What decides the time of an epoch: everything but seeds, weights and when to stop."""
    objectives = [{name: value for name, value in table.items() if name != "weight"} for table in values["objective"]]
    return json.dumps([values["data"], values["backbone"], objectives, values["train"]["batch_size"]], sort_keys=True)


def _sequences_a_sample(run: RunPlan) -> float:
    """Roughly how many sequences are encoded for one sample: itself, two views or partners, half of the neighbours."""
    count = 1.0
    for table in run.values["objective"]:
        component = {name: value for name, value in table.items() if name not in ("id", "weight")}
        needed = parameters.needs(catalog(), "objective", component)
        if "sequence_neighbours" in needed:
            count += 1 + run.values["semantics"]["sequences"]["k"] / 2
        elif table["use"] != "next_item":
            count += 2
    return count


def _stages(runs: Iterable[RunPlan]) -> Iterable[Stage]:
    artifacts = Artifacts(paths.cache())
    counted: dict[tuple[str, str], list[Any]] = {}
    distinct = {run.digest: run for run in runs}
    several = len({run.values["data"]["name"] for run in distinct.values()}) > 1
    for digest, run in distinct.items():
        if run.data_fingerprint is None:
            continue
        of = f"{run.values['data']['name']}: " if several else ""
        for name, stage, key in stages.planned(run.values, run.data_fingerprint):
            entry = counted.setdefault((of + name, digest_of(stage, key)), [artifacts.has(stage, key), set()])
            entry[1].add(digest)
    for (name, digest), (cached, users) in counted.items():
        yield Stage(name, digest, cached, len(users))


def _time(outlook: Outlook) -> str:
    if outlook.seconds is None or outlook.state == "done" or outlook.state.startswith("same"):
        return ""
    return f", at most {duration(outlook.seconds)} ({outlook.basis})"
