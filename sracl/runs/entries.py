"""A plan's runs as the store knows them. No torch here: a finished recipe is recognised without loading it."""

from __future__ import annotations

import platform
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.recipes.digest import NOT_INSTALLED, installed
from sracl.registry.catalog import OWNER
from sracl.registry.wording import set_to
from sracl.runs.removal import alone
from sracl.runs.upcoming import announced
from sracl.tracking import queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sracl.recipes.plan import Plan, RunPlan
    from sracl.tracking.store import Store


def label(run: RunPlan) -> str:
    """Recipe, variant, matrix cell and seed, as shown to people."""
    return " · ".join(part for part in (run.recipe, run.variant, " ".join(set_to(run.cell)), f"seed {run.seed}") if part)


def run_id(run: RunPlan) -> str:
    """The run's name everywhere: the beginning of its digest."""
    return run.digest[:10]


def enter(store: Store, plan: Plan) -> None:
    """Make the store know every run of the plan, and which recipe, variant and seed it stands for."""
    with alone(store):
        register(store, plan)


@contextmanager
def coming_to(store: Store, plan: Plan) -> Iterator[None]:
    """As `enter`; and until the end others know that this process will come to what is not done."""
    with ExitStack() as until_the_end:
        with alone(store):
            register(store, plan)
            rows = queries.runs(store, ids={run_id(run) for run in plan.runs})
            attempts = {row.id: row.attempt for row in rows if row.state != "completed"}
            until_the_end.enter_context(announced(store, attempts))
        yield


def register(store: Store, plan: Plan) -> None:
    """As `enter`, for who is `alone` with the store."""
    store.recipe(plan.name, report=plan.report, source=plan.source)
    for ordinal, run in enumerate(plan.runs):
        store.register(
            run_id=run_id(run),
            digest=run.digest,
            recipe=plan.name,
            variant=run.variant,
            cell=run.cell,
            seed=run.seed,
            ordinal=ordinal,
            label=label(run),
            dataset=run.values["data"]["name"],
            values=run.values,
            origins=run.origins,
            leaky=run.leaky,
            folder=str(paths.run_folder(run_id(run))),
            environment=environment(run),
        )


def is_known(store: Store, run: RunPlan) -> bool:
    """Whether the store has this run: it may have been removed since it was entered."""
    return queries.run_by_digest(store, run.digest) is not None


def is_done(store: Store, run: RunPlan) -> bool:
    """Whether the store holds this run's results."""
    known = queries.run_by_digest(store, run.digest)
    return known is not None and known.state == "completed"


def count_imported(store: Store, plan: Plan) -> int:
    """How many runs of the plan are done because their results were imported."""
    known = (queries.run_by_digest(store, run.digest) for run in plan.runs)
    return sum(run is not None and run.state == "completed" and bool(run.imported) for run in known)


def environment(run: RunPlan) -> dict[str, Any]:
    """Versions and machine, as far as they can change a figure."""
    packages = {name: installed(name) or NOT_INSTALLED for name in (OWNER, "torch", "numpy")}
    own = {name: version for name, version in run.code.items() if name != OWNER}
    return {"python": platform.python_version(), "platform": platform.platform(), **packages, **({"code": own} if own else {})}
