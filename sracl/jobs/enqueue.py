"""Lets the runs of a plan wait for devices: one job each, with everything that decides the run written down now."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sracl import paths
from sracl.jobs.sources import copy_sources
from sracl.runs.entries import enter, is_done, label, run_id
from sracl.tracking import jobs
from sracl.tracking.queue import Queue

if TYPE_CHECKING:
    from pathlib import Path

    from sracl.recipes.plan import Plan, RunPlan
    from sracl.tracking.store import Store

_KEPT = re.compile(r"(SRACL|OMP|GOMP|MKL|HF|TRANSFORMERS|PYTORCH)_|PYTHONPATH$")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|WORKER_LOCK|SRACL_JOB")
"""Variables that a job takes over from whoever let it wait, and those it never does: it is written down."""


@dataclass(frozen=True)
class Entered:
    """What became of one run of a plan."""

    run_id: str
    label: str
    status: Literal["queued", "waiting already", "done already"]
    job: int | None
    """Its job; None where there is nothing to do."""


def enqueue(store: Store, plan: Plan, *, device: str = "auto", priority: int = 0) -> list[Entered]:
    """Let every run of a plan that is not done wait for a device, each once.

    Args:
        store: Holds the queue.
        plan: What to run.
        device: `auto`, `cpu` or `cuda`.
        priority: The higher begins first.
    """
    enter(store, plan)
    pending = {row.run_id: row.number for row in jobs.jobs(store, written=jobs.UNFINISHED) if row.state != "interrupted"}
    entered: dict[str, Entered] = {}
    for run in plan.runs:
        key = run_id(run)
        if key in entered:  # two variants that amount to the same run
            continue
        if is_done(store, run):
            entered[key] = Entered(key, label(run), "done already", None)
        elif key in pending:
            entered[key] = Entered(key, label(run), "waiting already", pending[key])
        else:
            entered[key] = Entered(key, label(run), "queued", _add(Queue(store), plan, run, device, priority))
    return list(entered.values())


def _add(queue: Queue, plan: Plan, run: RunPlan, device: str, priority: int) -> int:
    folder = paths.run_folder(run_id(run))
    folder.mkdir(parents=True, exist_ok=True)
    order = folder / "queued.json"
    written = order.with_suffix(".tmp")
    written.write_text(json.dumps(replace(plan, runs=(run,)).json(), ensure_ascii=False, indent=1), encoding="utf-8")
    written.replace(order)
    environment = {name: value for name, value in os.environ.items() if _KEPT.match(name) and not _SECRET.search(name)}
    own = copy_sources(run.values, paths.project(), folder / "source")
    return queue.add(
        run_id=run_id(run),
        label=label(run),
        # -P keeps the folder it is started in off the import path, where edited modules lie
        command=[sys.executable, "-P", "-m", "sracl", "carry-out", str(order), "--device", device],
        folder=paths.project(),
        log=folder / "log.txt",
        environment={**environment, **_fixed(folder / "source" if own else None)},
        resources={"device": device, "vram": plan.resources["vram"]},
        priority=priority,
    )


def _fixed(source: Path | None) -> dict[str, str]:
    """Where the job finds its project, sracl itself, and the copies of the project's own modules before all others."""
    checkout = [str(paths.checkout())] if paths.checkout() else []
    searched = [*([str(source)] if source else []), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), *checkout]
    found = {"SRACL_HOME": str(paths.project()), "SRACL_DB": str(paths.store_file()), "PYTHONUNBUFFERED": "1"}
    return {**found, "PYTHONPATH": os.pathsep.join(dict.fromkeys(searched))} if searched else found
