"""Trains one run, stage by stage, and has it judged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sracl.engine.early_stopping import EarlyStopping
from sracl.engine.trainer import Outcome, Trainer
from sracl.evaluation.metrics import metrics
from sracl.evaluation.ranking import rank
from sracl.runs.assembly import assemble
from sracl.runs.entries import label
from sracl.runs.exhibit import FILE
from sracl.runs.exhibiting import exhibit
from sracl.runs.judge import judge
from sracl.runs.room import demand_checkpoints
from sracl.tracking.artifacts import CONTENTS
from sracl.tracking.lines import watched_metric
from sracl.whole_file import sweep
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sracl.engine.wishes import Wishes
    from sracl.recipes.plan import RunPlan
    from sracl.runs.heart import Pulse
    from sracl.runs.screen import Screen
    from sracl.runs.workshop import Workshop
    from sracl.tracking.store import Store


def train(key: str, run: RunPlan, store: Store, screen: Screen, shop: Workshop, folder: Path, wishes: Wishes, pulse: Pulse) -> str:
    """Train, judge and record one run, whose folder is held; how it ended, in words."""
    sweep(folder, "*.safetensors", "ranks.npz", FILE)
    (folder / "plan.json").write_text(json.dumps(run.json(), indent=1, ensure_ascii=False), encoding="utf-8")
    parts = assemble(run, shop)
    for name, made in parts.artifacts.items():
        facts = {**made.facts, CONTENTS: made.contents}
        store.artifact(key, name=name, path=str(made.folder), digest=made.digest, size=made.size, facts=facts)
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
            recorder=_Recorder(key, store, screen, pulse, stage=training.id, before=before),
            folder=folder,
            batch_size=training.settings["batch_size"],
            epochs=epochs,
            key=run.digest,
            hooks=training.hooks,
            name=training.id,
            wishes=wishes,
            precision=training.precision,
        )
        demand_checkpoints(trainer.files)
        outcome = trainer.fit()  # a stage that is done already only loads where it ended
        pulse.rest()
        before += outcome.epochs
        parts.backbone.load_state_dict(trainer.files.best_weights(str(shop.device)))
        screen.end()
    store.forget_after(key, before)
    judge(key, run, store, parts, folder)
    facts = {
        "epoch": before - outcome.epochs + outcome.best_epoch,  # counted through, as the series are
        "parameters": sum(weight.numel() for weight in parts.backbone.parameters() if weight.requires_grad),
    }
    for file in filter(None, (trainer.files.best, folder / "ranks.npz", exhibit(run, shop, parts, folder))):
        store.artifact(key, name=file.stem, path=str(file), digest="", size=file.stat().st_size, facts=facts)
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
    return f"{how_many(outcome.epochs, 'epoch')} ({how}), best {outcome.best_epoch} with {outcome.best:.4f}"


class _Recorder:
    """Passes the engine's reports on to the store and the screen.

    Args:
        key: The run.
        store: Counts the epochs of all stages through.
        screen: Counts those of each.
        pulse: Is to know that the training goes on.
        stage: Begins the names of an earlier stage's values.
        before: Epochs of the stages before.
    """

    def __init__(self, key: str, store: Store, screen: Screen, pulse: Pulse, *, stage: str, before: int) -> None:
        self._key, self._store, self._screen, self._pulse = key, store, screen, pulse
        self._prefix, self._before = f"{stage}." if stage else "", before

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        self._pulse.step()
        self._screen.step(epoch, step, steps, loss)

    def checkpoint(self, epoch: int, step: int | None) -> None:
        self._screen.checkpoint(epoch, step)

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        self._store.log(self._key, self._before + epoch, {f"{self._prefix}{name}": value for name, value in values.items()})
        self._screen.epoch(epoch, values)
        self._pulse.epoch()
