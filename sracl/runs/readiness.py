"""Whether what runs need is here, told before anything is computed or paid for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sracl import paths
from sracl.errors import Problem, ResourceError
from sracl.llm_providers.served import Served
from sracl.recipes.schema import SEMANTICS
from sracl.runs import stages
from sracl.runs.artifacts import Artifacts
from sracl.runs.chain import SLOTS
from sracl.runs.llm_due import is_let_in, unanswered
from sracl.tracking import queries
from sracl.tracking.reader import Reader
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sracl.recipes.plan import Plan, RunPlan
    from sracl.runs.workshop import Workshop


def demand_packages(plan: Plan) -> None:
    """Refuse a plan while packages are not installed that its components cannot do without.

    Runs that are done need none, nor do stages whose results are kept.

    Raises:
        ResourceError: With all of them, each where its component is named, and how it is installed.
    """
    lacking = [run for run in plan.runs if run.lacking]
    _refuse(plan, [problem for run in not_done(lacking) for problem in _needed(run)])


def demand_parts(plan: Plan, shop: Workshop, *, slots: Collection[str] = tuple(SLOTS)) -> None:
    """Refuse a plan while a provider, encoder or retriever cannot be had that a stage is still to be done with.

    So that nothing is paid for before it is known that the rest can be done: a model that is not on this machine, a key that is
    not set while answers are missing.

    Args:
        plan: What to run.
        shop: Builds components.
        slots: Of `SLOTS`, those that are to be had.

    Raises:
        ResourceError: With all of them.
        DataError: A data set is absent or malformed.
    """
    found: dict[str, Problem | None] = {}
    for run in not_done(plan.runs):
        due = to_do(run, shop.artifacts)
        for kind, table in run.values["semantics"].items():
            for slot in slots:
                path = f"semantics.{kind}.{slot}"
                key = json.dumps([run.values["data"], kind, slot, table if slot == "llm" else table[slot]], sort_keys=True)
                if path in due and key not in found:
                    found[key] = _why_not(run, kind, slot, shop)
    _refuse(plan, [problem for problem in found.values() if problem])


def to_do(run: RunPlan, artifacts: Artifacts) -> set[str]:
    """Paths of the components that stages before training are still to be done with, such as `semantics.items.llm`."""
    every = [f"semantics.{kind}.{slot}" for kind in SEMANTICS if kind in run.values["semantics"] for slot in SLOTS]
    if run.data_fingerprint is None:
        return set(every)
    planned = stages.planned(run.values, run.data_fingerprint)
    return {path for path, (_, stage, key) in zip(every, planned, strict=True) if not artifacts.has(stage, key)}


def not_done(runs: Sequence[RunPlan]) -> Sequence[RunPlan]:
    """Those whose results are not in the store."""
    if not runs or not paths.store_file().exists():
        return runs
    with Reader.open(paths.store_file()) as store:
        known = {run.digest: queries.run_by_digest(store, run.digest) for run in runs}
    return [run for run in runs if (row := known[run.digest]) is None or row.state != "completed"]


def _refuse(plan: Plan, problems: Iterable[Problem]) -> None:
    found = dict.fromkeys(problems)
    if found:
        lines = [f"{plan.source} cannot be run here, for {how_many(len(found), 'reason')}:", *(f"  {problem}" for problem in found)]
        raise ResourceError("\n".join(lines))


def _why_not(run: RunPlan, kind: str, slot: str, shop: Workshop) -> Problem | None:
    """Why a component cannot be had; None if it can, or if something else is wrong with it, which its run fails with."""
    path = f"semantics.{kind}.{slot}"
    try:
        component = shop.component(SLOTS[slot], run.values["semantics"][kind][slot], path)
        if isinstance(component, Served) and not (shop.allowance.offline or is_let_in(component)):
            asked = unanswered(component, run, kind, shop.interactions(run))
            if any(prompt is not None for prompt in asked.values()):
                component.server.key()
    except ResourceError as error:
        return Problem(f"{path}.use", str(error), run.origins.get(f"{path}.use"))
    except Exception:  # of a component of others it may be anything
        return None
    return None


def _needed(run: RunPlan) -> Iterator[Problem]:
    due = to_do(run, Artifacts(paths.cache()))
    for path, problems in run.lacking.items():
        if path in due or not path.startswith("semantics."):
            yield from problems
