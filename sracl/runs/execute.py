"""Carries a plan out: each run once, resumed where it stopped, its results in the store."""

from __future__ import annotations

import fcntl
import json
import signal
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from sracl import paths
from sracl.engine import checkpoint
from sracl.engine.early_stopping import EarlyStopping
from sracl.engine.trainer import Outcome, Trainer
from sracl.errors import NO_SPACE, BudgetError, ResourceError, SraclError
from sracl.evaluation.metrics import metrics
from sracl.evaluation.ranking import rank
from sracl.runs.entries import enter, is_done, label, run_id
from sracl.runs.judge import judge
from sracl.runs.parts import Workshop, assemble
from sracl.tracking import identity
from sracl.tracking.queries import watched_metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import FrameType

    from sracl.recipes.plan import Plan, RunPlan
    from sracl.runs.screen import Screen
    from sracl.tracking.store import Store

Status = Literal["trained", "cached", "failed", "busy"]
HEARTBEAT_SECONDS = 5.0


@dataclass(frozen=True)
class Result:
    """What became of one run of a plan."""

    run_id: str
    label: str
    status: Status
    reason: str = ""
    code: int = 0
    """Exit code that the reason calls for."""


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that nothing on the way mistakes it for an error of its own."""


def execute(plan: Plan, store: Store, screen: Screen, *, device: str = "auto", fail_fast: bool = False) -> list[Result]:
    """Carry out every run of a plan that is not done yet; a failed run does not stop the others.

    Args:
        plan: What to run.
        store: Where it is recorded.
        screen: Where it is shown.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        fail_fast: Stop at the first failure.

    Raises:
        DataError: A data set is not there.
        BudgetError: The disk is full.
        ResourceError: The device is not there, or the project's folder cannot be written to.
        KeyboardInterrupt: Ctrl-C; the current run is marked interrupted and resumes at the same command.
        Terminated: The same for SIGTERM.
    """
    where = choose_device(device)
    shop = Workshop(where, screen.line)
    shop.demand_data(plan.runs)
    enter(store, plan)
    results: dict[str, Result] = {}
    with _sigterm():
        for run in plan.runs:
            if run.digest in results:  # two variants that amount to the same run
                continue
            result = results[run.digest] = _one(run_id(run), run, store, screen, shop)
            if result.status == "failed":
                screen.line(f"{label(run)} failed: {result.reason}")
                if fail_fast:
                    break
    return list(results.values())


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


def _one(key: str, run: RunPlan, store: Store, screen: Screen, shop: Workshop) -> Result:
    folder = paths.run_folder(key)
    if is_done(store, run):
        return Result(key, label(run), "cached")
    _make_folder(folder)
    try:
        with _lock(folder):
            if is_done(store, run):  # by another process, since the look above
                return Result(key, label(run), "cached")
            store.start(key, identity.current(), {"device": str(shop.device), "threads": torch.get_num_threads()})
            try:
                started = time.monotonic()
                with _full_disk_in_words(folder):
                    ending = _train(key, run, store, screen, shop, folder)
                screen.line(f"{label(run)}  done in {time.monotonic() - started:.0f} s: {ending}")
            except (KeyboardInterrupt, Terminated) as stop:
                store.finish(key, "interrupted", "SIGTERM" if isinstance(stop, Terminated) else "Ctrl-C")
                raise
            except BudgetError as error:  # no space is left for the other runs either, perhaps not even to say so
                with suppress(BudgetError):
                    store.finish(key, "failed", str(error))
                raise
            except Exception as error:  # whatever a component raises ends this run only: recorded, reported, and the next run starts
                reason = _in_words(error, folder)
                store.finish(key, "failed", reason)
                return Result(key, label(run), "failed", reason, getattr(error, "exit_code", 1))
            finally:
                screen.end()
    except ResourceError as error:
        return Result(key, label(run), "busy", str(error), error.exit_code)
    return Result(key, label(run), "trained")


def _train(key: str, run: RunPlan, store: Store, screen: Screen, shop: Workshop, folder: Path) -> str:
    """Train, judge and record one run; how it ended, in words."""
    (folder / "plan.json").write_text(json.dumps(run.json(), indent=1, ensure_ascii=False), encoding="utf-8")
    parts = assemble(run, shop)
    for name, made in parts.artifacts.items():
        store.artifact(key, name=name, path=str(made.folder), digest=made.digest, size=made.size, facts=made.facts)
    metric, patience = _watched(run)
    settings, batch_size = run.values["evaluation"], run.values["evaluation"]["batch_size"]
    seen_items = settings["seen_items"]

    def validate() -> dict[str, float]:
        ranks = rank(parts.backbone, parts.valid, parts.seen_valid, batch_size=batch_size)
        figures = metrics(getattr(ranks, seen_items).cpu().numpy(), settings["cutoffs"], num_items=parts.data.num_items)
        return {f"valid.{name}": value for name, value in figures.items()}

    before = 0  # epochs of earlier stages
    for training in parts.trainings:
        last = training is parts.trainings[-1]
        epochs = training.settings["epochs"]
        screen.begin(" · ".join(filter(None, (label(run), training.id))), epochs, metric if last else "")
        trainer = Trainer(
            backbone=parts.backbone,
            objectives=training.objectives,
            samples=training.samples,
            sampler=training.sampler,
            phases=training.phases(parts.backbone),
            validate=validate if last else None,
            stopping=EarlyStopping(metric, patience) if last else EarlyStopping("", None),
            streams=parts.streams,
            recorder=_Recorder(key, store, screen, stage=training.id, before=before),
            folder=folder,
            batch_size=training.settings["batch_size"],
            epochs=epochs,
            key=run.digest,
            hooks=training.hooks,
            name=training.id,
        )
        outcome = trainer.fit()  # a stage that is done already only loads where it ended
        before += outcome.epochs
        weights, _ = checkpoint.read(trainer.best_file, str(shop.device))
        parts.backbone.load_state_dict(weights)
        screen.end()
    store.forget_after(key, before)
    judge(key, run, store, parts, folder)
    best = {"epoch": before - outcome.epochs + outcome.best_epoch}  # counted through, as the series are
    for file in (trainer.best_file, folder / "ranks.npz"):
        store.artifact(key, name=file.stem, path=str(file), digest="", size=file.stat().st_size, facts=best)
    store.finish(key, "completed", _ending(outcome))
    for file in folder.glob("*last.safetensors"):  # only now: whoever dies before this line resumes from them
        file.unlink(missing_ok=True)
    return _ending(outcome)


def _watched(run: RunPlan) -> tuple[str, int | None]:
    """The metric that chooses the best epoch, and the patience with it."""
    stopping = run.values["train"]["early_stopping"]
    return watched_metric(run.values), stopping["patience"] if stopping else None


def _ending(outcome: Outcome) -> str:
    how = "stopped early" if outcome.stopped_early else "all epochs"
    return f"{outcome.epochs} epochs ({how}), best {outcome.best_epoch} with {outcome.best:.4f}"


class _Recorder:
    """Passes the engine's reports on to the store and the screen.

    Args:
        key: The run.
        store: Counts the epochs of all stages through.
        screen: Counts those of each.
        stage: Begins the names of an earlier stage's values.
        before: Epochs of the stages before.
    """

    def __init__(self, key: str, store: Store, screen: Screen, *, stage: str, before: int) -> None:
        self._key, self._store, self._screen = key, store, screen
        self._prefix, self._before = f"{stage}." if stage else "", before
        self._beat = time.monotonic()

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        self._screen.step(epoch, step, steps, loss)
        if time.monotonic() - self._beat > HEARTBEAT_SECONDS:
            self._store.beat(self._key)
            self._beat = time.monotonic()

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        self._store.log(self._key, self._before + epoch, {f"{self._prefix}{name}": value for name, value in values.items()})
        self._screen.epoch(epoch, values)


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
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise BudgetError(
            f"no space left for {error.filename or folder}. Free some space and run the same command again to continue."
        ) from error


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the run's folder; the system lets go of the lock however the process ends.

    Raises:
        ResourceError: Another process trains this run.
    """
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResourceError(f"another process is training this run now ({folder})") from error
        yield


@contextmanager
def _sigterm() -> Iterator[None]:
    """SIGTERM raises `Terminated` within, where this is the main thread."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: whoever started it handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _in_words(error: Exception, folder: Path) -> str:
    """The message of an error of ours; of any other, its name and where the traceback is."""
    if isinstance(error, SraclError):
        return str(error)
    kept = folder / "traceback.txt"
    kept.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return f"{type(error).__name__}: {error} (traceback in {kept})"
