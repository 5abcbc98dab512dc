"""Whether what runs need is here, told before anything is computed or paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl import paths
from sracl.errors import ResourceError
from sracl.recipes.schema import SEMANTICS
from sracl.runs import stages
from sracl.runs.artifacts import Artifacts
from sracl.runs.chain import SLOTS
from sracl.tracking import queries
from sracl.tracking.reader import Reader
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sracl.errors import Problem
    from sracl.recipes.plan import Plan, RunPlan


def demand_packages(plan: Plan) -> None:
    """Refuse a plan while packages are not installed that its components cannot do without.

    Runs that are done need none, nor do stages whose results are kept.

    Raises:
        ResourceError: With all of them, each where its component is named, and how it is installed.
    """
    lacking = [run for run in plan.runs if run.lacking]
    found = dict.fromkeys(problem for run in _not_done(lacking) for problem in _needed(run))
    if found:
        lines = [f"{plan.source} cannot be run here, for {how_many(len(found), 'reason')}:", *(f"  {problem}" for problem in found)]
        raise ResourceError("\n".join(lines))


def to_do(run: RunPlan, artifacts: Artifacts) -> set[str]:
    """Paths of the components that stages before training are still to be done with, such as `semantics.items.llm`."""
    every = [f"semantics.{kind}.{slot}" for kind in SEMANTICS if kind in run.values["semantics"] for slot in SLOTS]
    if run.data_fingerprint is None:
        return set(every)
    planned = stages.planned(run.values, run.data_fingerprint)
    return {path for path, (_, stage, key) in zip(every, planned, strict=True) if not artifacts.has(stage, key)}


def _not_done(runs: list[RunPlan]) -> list[RunPlan]:
    if not runs or not paths.store_file().exists():
        return runs
    with Reader.open(paths.store_file()) as store:
        known = {run.digest: queries.run_by_digest(store, run.digest) for run in runs}
    return [run for run in runs if (row := known[run.digest]) is None or row.state != "completed"]


def _needed(run: RunPlan) -> Iterator[Problem]:
    due = to_do(run, Artifacts(paths.cache()))
    for path, problems in run.lacking.items():
        if path in due or not path.startswith("semantics."):
            yield from problems
