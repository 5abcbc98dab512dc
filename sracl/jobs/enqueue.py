"""Lets the runs of a plan wait for devices: one job each, with everything that decides the run written down now."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from sracl import paths
from sracl.data import datasets
from sracl.data.interactions import LEAVE_ONE_OUT
from sracl.invocation import command
from sracl.jobs.sources import copy_sources
from sracl.jobs.surroundings import written_down
from sracl.recipes import schema
from sracl.registry.catalog import catalog
from sracl.registry.find_card import is_file
from sracl.registry.named_llm import names_file
from sracl.runs.entries import is_done, label, register, run_id
from sracl.runs.log import FILE as LOG
from sracl.runs.removal import alone
from sracl.tracking import jobs
from sracl.tracking.queue import Queue
from sracl.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sracl.recipes.plan import Plan, RunPlan
    from sracl.tracking.store import Store


@dataclass(frozen=True)
class Entered:
    """What became of one run of a plan."""

    run_id: str
    label: str
    status: Literal["queued", "waiting already", "paused", "done already"]
    job: int | None
    """Its job; None where there is nothing to do."""


def enqueue(store: Store, plan: Plan, *, device: str = "auto", priority: int = 0) -> list[Entered]:
    """Let every run of a plan that is not done wait for a device, each once.

    Args:
        store: Holds the queue.
        plan: What to run.
        device: `auto`, `cpu` or `cuda`.
        priority: The higher begins first.

    Raises:
        DataError: A data set is not there, or cannot be divided as a run asks.
    """
    demand_data(plan)
    entered: dict[str, Entered] = {}
    with alone(store):  # two at once would both find a run without a job
        register(store, plan)
        pending = {row.run_id: row for row in jobs.jobs(store, written=jobs.UNFINISHED) if row.state != "interrupted"}
        for run in plan.runs:
            key = run_id(run)
            if key in entered:  # two variants that amount to the same run
                continue
            if is_done(store, run):
                entered[key] = Entered(key, label(run), "done already", None)
            elif job := pending.get(key):
                entered[key] = Entered(key, label(run), "paused" if job.state == "paused" else "waiting already", job.number)
            else:
                entered[key] = Entered(key, label(run), "queued", _add(Queue(store), plan, run, device, priority))
    return list(entered.values())


def demand_data(plan: Plan) -> None:
    """Refuse what could only fail later: a run is known by its data, too.

    Raises:
        DataError: A data set is not there, or cannot be divided as a run asks.
    """
    divided: list[Any] = []
    for run in plan.runs:
        how = [run.values["data"], run.values["evaluation"]["split"]]
        if how[1] != LEAVE_ONE_OUT and how not in divided:
            datasets.of_run(run.values)
            divided.append(how)
        if run.data_fingerprint is None:
            table = {key: value for key, value in run.values["data"].items() if key not in schema.DataSettings.model_fields}
            datasets.fingerprint(run.values["data"]["name"], table)


def _add(queue: Queue, plan: Plan, run: RunPlan, device: str, priority: int) -> int:
    folder = paths.run_folder(run_id(run))
    folder.mkdir(parents=True, exist_ok=True)
    order = folder / "queued.json"
    kept = replace(plan, runs=(replace(run, values=_with_own_cards(run.values, folder)),))
    write_whole(order, lambda part: part.write_text(json.dumps(kept.json(), ensure_ascii=False, indent=1), encoding="utf-8"))
    own = copy_sources(run.values, paths.project(), folder / "source")
    return queue.add(
        run_id=run_id(run),
        label=label(run),
        command=command("carry-out", str(order), "--device", device),
        folder=paths.project(),
        log=folder / LOG,
        environment=written_down(run.values, *([folder / "source"] if own else [])),
        resources={"device": device, "vram": plan.resources["vram"]},
        priority=priority,
    )


def _with_own_cards(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The values with copies of the files that hold prompts and language models, which may be edited before the run begins."""
    semantics = dict(values["semantics"])
    for kind, table in semantics.items():
        if is_file(table["prompt"]):
            table = {**table, "prompt": str(shutil.copy2(table["prompt"], folder / f"prompt-{kind}.toml"))}
        if names_file(catalog(), table["llm"]):
            copy = shutil.copy2(table["llm"]["llm"], folder / f"llm-{kind}.toml")
            table = {**table, "llm": {**table["llm"], "llm": str(copy)}}
        semantics[kind] = table
    return {**values, "semantics": semantics}
