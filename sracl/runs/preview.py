"""`sracl run --dry-run`: what would be run, what is there already, and how long it may take. Writes nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from sracl import listing, paths
from sracl.errors import DataError, PluginError
from sracl.registry import parameters
from sracl.registry.catalog import bare, catalog
from sracl.registry.parameters import signature
from sracl.runs import llm_due, stages
from sracl.runs.artifacts import Artifacts, digest_of
from sracl.runs.entries import label, run_id
from sracl.runs.readiness import not_done, to_do
from sracl.runs.screen import duration
from sracl.tracking import queries
from sracl.tracking.reader import Reader
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sracl.interfaces import Sampler
    from sracl.recipes.plan import Plan, RunPlan
    from sracl.runs.llm_due import Due

TIMED = "timed here"
ABSENT = "data set absent"

MICROSECONDS_A_SEQUENCE = 60
"""Rule of thumb where nothing like the run was timed here: to train on one sequence of 20 items, width 64, on two cores."""


@dataclass(frozen=True)
class Outlook:
    """One run as it stands before anything is done."""

    run_id: str
    label: str
    state: str
    """`done`, `done, imported`, `interrupted, goes on after epoch N`, `new`, or `same as RUN` where two amount to the same run."""
    seconds: float | None
    """If every epoch is trained, so at most, but for a rule of thumb; None where the run cannot begin."""
    basis: str
    """What the time rests on: `timed here`, or `rule of thumb`; where there is none, `data set absent`, or what is wrong with it."""


@dataclass(frozen=True)
class Stage:
    """A stage before training, shared by the runs that need it."""

    name: str
    digest: str
    cached: bool
    runs: int


def preview(*plans: Plan, as_json: bool = False) -> str:
    """The run matrix with states, the stages with what is cached, requests still to be sent, and the time to expect, as text or JSON.

    Several plans are told one by one, as JSON in a list.

    Raises:
        PluginError: A provider of texts refuses its parameters.
    """
    if as_json:
        told = [_as_json(plan) for plan in plans]
        return listing.as_json(told if len(told) > 1 else told[0])
    return "\n\n".join(map(_as_text, plans))


def _as_json(plan: Plan) -> dict[str, Any]:
    told: dict[str, Iterable[Any]] = {"runs": _outlooks(plan), "stages": _stages(plan.runs), "requests": _requests(plan)}
    rows = {name: [asdict(row) for row in found] for name, found in told.items()}
    return {"recipe": plan.name, "source": plan.source, **rows}


def _as_text(plan: Plan) -> str:
    outlooks = _outlooks(plan)
    shared = list(_stages(plan.runs))
    asked = _requests(plan)
    width = max(len(outlook.label) for outlook in outlooks)
    lines = [f"{plan.name} ({plan.source}): {how_many(len(outlooks), 'run')}; store {paths.store_file()}", ""]
    lines += [f"  {o.run_id}  {o.label:{width}}  {o.state}{_time(o)}" for o in outlooks]
    if shared:
        lines += ["", "stages before training, computed once and kept:"]
        names = max(len(stage.name) for stage in shared)
        lines += [f"  {s.digest[:10]}  {s.name:{names}}  {'cached' if s.cached else 'to do'}, for {s.runs} of the runs" for s in shared]
    if asked:
        lines += ["", "requests to language models still to be sent:", *(f"  {line}" for each in asked for line in _in_words(each))]
    left = [(o.seconds, o.basis) for o in outlooks if o.seconds is not None and not o.state.startswith(("done", "same"))]
    if left:
        bound = "at most about" if all(basis == TIMED for _, basis in left) else "roughly"
        lines += ["", f"{bound} {duration(sum(seconds for seconds, _ in left))} of training if no run stops early."]
    absent = sorted({run.values["data"]["name"] for run in plan.runs if run.data_fingerprint is None})
    lines += [f"the data set '{name}' is not here; `sracl data list` shows where it is looked for." for name in absent]
    lines += dict.fromkeys(outlook.basis for outlook in outlooks if outlook.seconds is None and outlook.basis != ABSENT)
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
            state = "done, imported" if known.imported else "done"
        elif known is not None and known.epoch and any(paths.run_folder(known.id).glob("*last.safetensors")):
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
            with Reader.open(paths.store_file()) as store:
                for run in queries.runs(store):
                    self.runs[run.digest] = run
                    if run.imported:  # another machine took that time
                        continue
                    for prefix, training in _trainings(run.values):
                        series = queries.series(store, run.id, [f"{prefix}seconds.train", f"{prefix}seconds.validate"])
                        if series:
                            spent = sum(median(value for _, value in points) for points in series.values())
                            self._epochs.setdefault(_likeness(run.values, training), []).append(spent)
        self._samples: dict[str, int] = {}

    def estimate(self, run: RunPlan) -> tuple[float | None, str]:
        """Seconds if all epochs of all stages are trained, and what that rests on."""
        seconds, basis = 0.0, TIMED
        for _, training in _trainings(run.values):
            epochs = training["train"]["epochs"]
            if timed := self._epochs.get(_likeness(run.values, training)):
                seconds += epochs * median(timed)
                continue
            try:
                samples = self._num_samples(run.values, training["samples"])
            except DataError as error:
                return None, ABSENT if run.data_fingerprint is None else str(error)
            seconds += epochs * samples * _sequences_a_sample(run.values, training) * MICROSECONDS_A_SEQUENCE / 1e6
            basis = "rule of thumb"
        return seconds, basis

    def _num_samples(self, values: Mapping[str, Any], sampler: Mapping[str, Any]) -> int:
        """Training samples that a sampler makes of a run's data set.

        Raises:
            DataError: It is absent, malformed, or cannot be divided as the run asks.
        """
        from sracl.data import datasets, splits

        max_length = values["data"]["max_length"]
        key = json.dumps([values["data"], values["evaluation"]["split"], sampler], sort_keys=True)
        if key not in self._samples:
            interactions = datasets.of_run(values)
            if bare(sampler["use"]) == "prefix":  # counted without torch, which takes a second to load
                rows = splits.training_prefixes(interactions, max_length)
            else:
                rows = _sampler(sampler).rows(interactions, max_length)
            self._samples[key] = len(rows)
        return self._samples[key]


def _sampler(table: Mapping[str, Any]) -> Sampler:
    """The sampler alone, to see what its samples are."""
    import torch

    def given(name: str, path: str) -> Any:
        if name != "generator":
            raise PluginError(f"{path}: a sampler is given its generator, and no '{name}'")
        return torch.Generator()

    made: Sampler = parameters.build(catalog(), "sampler", table, given, "samples")
    return made


def _trainings(values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every stage of a run and last the run itself: how the names of its series begin, and its tables."""
    for stage in values.get("stage", ()):
        yield f"{stage['id']}.", stage
    yield "", values


def _likeness(values: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    """What decides the time of an epoch: everything but seeds, weights and when to stop."""
    objectives = [{name: value for name, value in table.items() if name != "weight"} for table in training["objective"]]
    decisive = [values["data"], values["evaluation"]["split"], values["backbone"], values.get("view"), training["samples"], objectives]
    return json.dumps([*decisive, training["train"]["batch_size"], training["train"].get("phase")], sort_keys=True)


def _sequences_a_sample(values: Mapping[str, Any], training: Mapping[str, Any]) -> float:
    """Roughly how many sequences are encoded for one sample, in all updates of a step."""
    count = 0.0
    for phase in training["train"].get("phase") or [{"weights": {}}]:
        pairs: set[str] = set()  # of views: two sequences each, however many objectives name them
        for table in training["objective"]:
            if phase["weights"].get(table["id"], table["weight"]) == 0:
                continue
            component = {name: value for name, value in table.items() if name not in ("id", "weight")}
            taken = signature(catalog().find("objective", table["use"])).parameters.values()
            own = {
                _pair(table["id"], component[slot.name]) for slot in taken if slot.slot in ("view", "augmenter") and component[slot.name]
            }
            pairs |= own
            if "sequence_neighbours" in parameters.needs(catalog(), "objective", component):
                count += 1 + values["semantics"]["sequences"]["k"] / 2  # synthesizers leave about half of them out
            elif not own:
                count += 1
        count += 2 * len(pairs)
    return count


def _pair(objective: str, component: Any) -> str:
    """A name for what makes two views of a sequence: one for all that share it."""
    return str(component["use"]) if isinstance(component, dict) and parameters.refers("view", component) else objective


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


def _requests(plan: Plan) -> list[Due]:
    """What texts that are still to be written would ask of servers."""
    artifacts = Artifacts(paths.cache())
    waiting = []
    for run in not_done(plan.runs):
        if run.data_fingerprint is not None:
            due = to_do(run, artifacts)
            texts = {kind: table for kind, table in run.values["semantics"].items() if f"semantics.{kind}.llm" in due}
            waiting.append(replace(run, values={**run.values, "semantics": texts}))
    return llm_due.due(waiting)


def _in_words(due: Due) -> Iterator[str]:
    of = f"{due.missing:,} of {due.requests:,} for {due.texts} of {due.dataset}, with {due.provider} ({due.model} at {due.server})"
    price = "of an unknown price" if due.dollars is None else f"about {due.dollars:,.2f} dollars at the price of {due.price_date}"
    yield f"{of}: {price}" if due.missing else f"{of}: nothing is left to ask"
    if due.key_missing:
        yield f"their server needs a key: the environment variable {due.key_missing} is not set"


def _time(outlook: Outlook) -> str:
    if outlook.seconds is None or outlook.state.startswith(("done", "same")):
        return ""
    if outlook.basis == TIMED:
        return f", at most {duration(outlook.seconds)} ({TIMED})"
    return f", roughly {duration(outlook.seconds)} (a guess; nothing like it was timed here)"
