"""Carries a plan out: each run once, resumed where it stopped, its results in the store."""

from __future__ import annotations

import importlib
import sqlite3
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from sracl import paths, processor
from sracl.engine.wishes import Wishes
from sracl.errors import NO_SPACE, BudgetError, ResourceError, SraclError
from sracl.recipes.digest import modules
from sracl.runs.entries import coming_to, environment, is_done, is_known, label, run_id
from sracl.runs.folder import held
from sracl.runs.heart import Pulse, beating
from sracl.runs.log import FILE as LOG
from sracl.runs.provenance import provenance
from sracl.runs.readiness import demand_parts
from sracl.runs.room import demand_room
from sracl.runs.short_of_memory import memory_in_words
from sracl.runs.signals import Terminated, heeding_signals
from sracl.runs.training import train
from sracl.runs.workshop import Workshop
from sracl.sqlite import is_out_of_space
from sracl.tracking import identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sracl.llm_providers.allowance import Allowance
    from sracl.recipes.plan import Plan, RunPlan
    from sracl.runs.provenance import Provenance
    from sracl.runs.screen import Screen
    from sracl.tracking.store import Store

Status = Literal["trained", "cached", "failed", "busy"]


@dataclass(frozen=True)
class Result:
    """What became of one run of a plan."""

    run_id: str
    label: str
    status: Status
    reason: str = ""
    code: int = 0
    """Exit code that the reason calls for."""


def execute(
    plan: Plan,
    store: Store,
    screen: Screen,
    *,
    device: str = "auto",
    fail_fast: bool = False,
    allowance: Allowance | None = None,
    until: float | None = None,
) -> list[Result]:
    """Carry out every run of a plan that is not done yet; a failed run does not stop the others.

    Args:
        plan: What to run.
        store: Where it is recorded.
        screen: Where it is shown.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        fail_fast: Stop at the first failure.
        allowance: What may be spent on texts; by default as much as the recipe says.
        until: When it is to end as by SIGTERM, by `time.monotonic`; None is never.

    Raises:
        DataError: A data set is not there.
        BudgetError: The disk is full, or as good as full before anything is begun.
        ResourceError: The device is not there, or a model or key; or the project's folder cannot be written to.
        KeyboardInterrupt: Ctrl-C; the current run is marked interrupted and resumes at the same command.
        Terminated: The same for SIGTERM, and where the time is up, after a checkpoint. SIGUSR1 has one written, and training goes on.
    """
    where = choose_device(device)
    shop = Workshop(where, screen.line, allowance)
    shop.demand_data(plan.runs)
    demand_parts(plan, shop)
    demand_room(plan.runs, shop.artifacts)
    _import_own(plan)
    if where.type == "cpu" and any(map(_asks_for_bf16, plan.runs)) and not processor.multiplies_bf16():
        screen.line('precision = "bfloat16", for which this processor has no instructions: training takes longer than in float32.')
    results: dict[str, Result] = {}
    wishes = Wishes()
    made_of = provenance(where)  # once: the code of this process stays what it is now
    with coming_to(store, plan), heeding_signals(wishes, until):
        for run in plan.runs:
            if run.digest in results:  # two variants that amount to the same run
                continue
            result = results[run.digest] = _one(run_id(run), run, store, screen, shop, wishes, made_of)
            if result.status == "failed" and fail_fast:
                break
    return list(results.values())


def demand(plans: Sequence[Plan], *, device: str, allowance: Allowance | None = None) -> None:
    """What `execute` demands of a plan before it begins, of several before the first of them does.

    Args:
        plans: What to run, one after the other.
        device: As of `execute`.
        allowance: The same.

    Raises:
        DataError: A data set is not there.
        ResourceError: The device is not there, or models or keys; all that the plans lack.
        BudgetError: The disk is as good as full.
    """
    shop = Workshop(choose_device(device), lambda line: None, allowance)
    lacking = []
    for plan in plans:
        shop.demand_data(plan.runs)
        try:
            demand_parts(plan, shop)
        except ResourceError as error:
            lacking.append(str(error))
        _import_own(plan)
    if lacking:
        raise ResourceError("\n".join(lacking))
    demand_room([run for plan in plans for run in plan.runs], shop.artifacts)


def _import_own(plan: Plan) -> None:
    """Import modules that are known by what they hold while that is what digests say: one may be edited before its run begins."""
    for module in sorted({name for run in plan.runs for name in modules(run.code)}):
        with suppress(Exception):  # its runs fail with that
            importlib.import_module(module)


def _asks_for_bf16(run: RunPlan) -> bool:
    """Whether a stage of it trains in bfloat16."""
    return any(stage["train"].get("precision") == "bfloat16" for stage in (run.values, *run.values["stage"]))


def choose_device(asked: str) -> torch.device:
    """The torch device asked for; `auto` takes a GPU where there is one.

    Raises:
        ResourceError: There is no such device.
    """
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if asked.partition(":")[0] not in ("cpu", "cuda"):  # of other kinds no random numbers are checkpointed
        raise ResourceError(f"there is no device '{asked}' for sracl; it takes auto, cpu, cuda and cuda:N.")
    try:
        device = torch.device(asked)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ResourceError(f"there is no device '{asked}' here; try --device cpu or --device auto. ({error})") from error
    return device


def _one(key: str, run: RunPlan, store: Store, screen: Screen, shop: Workshop, wishes: Wishes, made_of: Provenance) -> Result:
    """A run, unless it is settled already or another process has it."""
    folder = paths.run_folder(key)
    if settled := _settled(key, run, store, screen):
        return settled
    _make_folder(folder)
    try:
        with held(folder):
            if settled := _settled(key, run, store, screen):  # by another process, since the look above
                return settled
            # versions again: those of the day on which it was entered may have been replaced since
            here = {**environment(run), "device": str(shop.device), "processor": processor.name(shop.device)}
            here = {**here, "threads": torch.get_num_threads(), **made_of.facts}
            attempt = store.start(key, identity.current(), here)
            with screen.logging(folder / LOG, f"attempt {attempt}: {label(run)}"):
                screen.note(made_of.in_words())
                return _trained(key, run, store, screen, shop, folder, wishes, made_of)
    except ResourceError as error:
        if is_done(store, run):  # imported, since the look before
            return Result(key, label(run), "cached")
        return Result(key, label(run), "busy", str(error), error.exit_code)


def _trained(
    key: str, run: RunPlan, store: Store, screen: Screen, shop: Workshop, folder: Path, wishes: Wishes, made_of: Provenance
) -> Result:
    """Train a run that has begun, and put down how it ended.

    Raises:
        BudgetError: No space is left, for the other runs either.
        KeyboardInterrupt: Ctrl-C.
        Terminated: SIGTERM, or the time is up.
    """
    try:
        started = time.monotonic()
        pulse = Pulse()
        with _full_disk_in_words(folder), memory_in_words(shop.device), beating(store, key, pulse):
            made_of.keep(store, key, folder)
            ending = train(key, run, store, screen, shop, folder, wishes, pulse)
        screen.line(f"{label(run)}  done in {time.monotonic() - started:.0f} s: {ending}")
    except (KeyboardInterrupt, Terminated) as stop:
        if not is_done(store, run):  # else it came after the last thing to do
            by = stop.by if isinstance(stop, Terminated) else "Ctrl-C"
            screen.told(f"{label(run)} interrupted: {by}")
            with suppress(BudgetError, ResourceError):  # whose process has ended is shown as interrupted in any case
                store.finish(key, "interrupted", by)
        raise
    except BudgetError as error:  # perhaps there is no space even to say so
        screen.told(f"{label(run)} failed: {error}")
        if not is_done(store, run):
            with suppress(BudgetError):
                store.finish(key, "failed", str(error))
        raise
    except Exception as error:  # whatever a component raises ends this run only: recorded, reported, and the next run starts
        if not is_done(store, run):  # else such as a terminal that is gone when it is to be told so; the checkpoint is gone by now, too
            if not isinstance(error, SraclError):
                screen.note("".join(traceback.format_exception(error)).rstrip())
            reason = _in_words(error, folder)
            store.finish(key, "failed", reason)
            return _failed(key, run, screen, reason, getattr(error, "exit_code", 1))
    finally:
        screen.end()
    return Result(key, label(run), "trained")


def _settled(key: str, run: RunPlan, store: Store, screen: Screen) -> Result | None:
    """What became of a run that is not to be trained: it is done, or has been removed."""
    if is_done(store, run):
        return Result(key, label(run), "cached")
    if not is_known(store, run):
        return _failed(key, run, screen, "was removed since this command began; run it again to train it", 1)
    return None


def _failed(key: str, run: RunPlan, screen: Screen, reason: str, code: int) -> Result:
    """Say at once that a run has failed; others may take hours yet."""
    screen.line(f"{label(run)} failed: {reason}")
    return Result(key, label(run), "failed", reason, code)


def _make_folder(folder: Path) -> None:
    """The run's folder.

    Raises:
        BudgetError: The disk is full.
        ResourceError: The folder cannot be made.
    """
    try:
        with _full_disk_in_words(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"the run's folder {folder} cannot be made ({error.strerror}). Set SRACL_HOME to another folder.") from error


@contextmanager
def _full_disk_in_words(folder: Path) -> Iterator[None]:
    """Whatever is being written when the space runs out.

    Raises:
        BudgetError: It did.
    """
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:  # of the files in a run's folder, SQLite writes one
        if getattr(error, "errno", None) not in NO_SPACE and not is_out_of_space(error):
            raise
        place = getattr(error, "filename", None) or folder
        raise BudgetError(f"no space left for {place}. Free some space and run the same command again to continue.") from error


def _in_words(error: Exception, folder: Path) -> str:
    """The message of an error of ours; of any other, its name and where the traceback is."""
    if isinstance(error, SraclError):
        return str(error)
    kept = folder / "traceback.txt"
    try:
        kept.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as obstacle:  # the reason is to reach the store nevertheless
        return f"{type(error).__name__}: {error} (its traceback cannot be kept in {kept}: {obstacle.strerror})"
    return f"{type(error).__name__}: {error} (traceback in {kept})"
