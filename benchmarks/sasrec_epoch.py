"""One epoch of SASRec with its validation, inside a process and as a user sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.harness import Options

RECIPE = "methods/sasrec"
NOTES = (
    "RecBole as shipped: anomaly mode on (importing its models switches it on), eval_batch_size 4096; ours: evaluation in blocks of 256. "
    "End to end, RecBole goes without importing ray, which it needs for tuning only."
)


def cases(options: Options) -> dict[str, list[Case]]:
    """`sasrec_epoch` starts its clock when everything is loaded, `sasrec_end_to_end` when the process starts."""
    shared: dict[str, Any] = {
        "unit": "s",
        "peer": "RecBole 1.2.1 as shipped (anomaly mode on)",
        "arguments": {"data": options.data},
        "prepare": "prepare",
        "recbole": True,
        "repeats": min(options.repeats, 3),
        "notes": NOTES,
    }
    within = Case("sasrec_epoch", f"SASRec, an epoch and its validation, {options.data}", module="sasrec_epoch", **shared)
    whole = Case(
        "sasrec_end_to_end",
        f"SASRec, one epoch from starting the process to test metrics stored, {options.data}",
        module="end_to_end",
        **shared,
    )
    return {"sasrec_epoch": [within], "sasrec_end_to_end": [whole]}


def prepare(*, data: str, folder: str) -> dict[str, Any]:
    """Write the data set as RecBole reads it."""
    from benchmarks import recbole_peer

    return recbole_peer.write_interactions(data=data, folder=folder)


class Silent:
    """A recorder that keeps nothing."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Nothing."""

    def checkpoint(self, epoch: int, step: int | None) -> None:
        """Nothing."""

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Nothing."""


def ours(*, data: str, folder: str) -> dict[str, Any]:
    """Seconds of `Trainer.fit` for one epoch: training, validation, checkpoints."""
    import time
    from pathlib import Path

    from benchmarks import recipe
    from sracl.engine.early_stopping import EarlyStopping
    from sracl.engine.trainer import Trainer
    from sracl.evaluation.metrics import metrics
    from sracl.evaluation.ranking import rank

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    parts, values = setup.parts, setup.values

    def validate() -> dict[str, float]:
        ranks = rank(parts.backbone, parts.valid, parts.seen_valid, batch_size=values["evaluation"]["batch_size"])
        figures = metrics(ranks.keep.numpy(), values["evaluation"]["cutoffs"], num_items=parts.data.num_items)
        return {f"valid.{name}": value for name, value in figures.items()}

    where = Path(folder) / "run"
    where.mkdir(exist_ok=True)
    trainer = Trainer(
        backbone=parts.backbone,
        objectives=parts.objectives,
        samples=parts.samples,
        sampler=parts.sampler,
        phases=parts.trainings[-1].phases(parts.backbone),
        validate=validate,
        stopping=EarlyStopping("valid.mrr@10", None),
        streams=parts.streams,
        recorder=Silent(),
        folder=where,
        batch_size=values["train"]["batch_size"],
        epochs=1,
        key=setup.run.digest,
    )
    started = time.perf_counter()
    outcome = trainer.fit()
    elapsed = time.perf_counter() - started
    trainer.files.last.unlink()  # the next repeat starts from the beginning
    return {"value": elapsed, "valid.mrr@10": outcome.best}


def peer(*, data: str, folder: str) -> dict[str, Any]:
    """Seconds of RecBole's `Trainer.fit` for one epoch: training, validation, checkpoint."""
    import time

    from benchmarks import recbole_peer

    config, model, train, valid, _ = recbole_peer.load(data=data, folder=folder, anomaly=True, epochs=1)
    trainer = recbole_peer.trainer(config, model)
    started = time.perf_counter()
    best, _ = trainer.fit(train, valid, show_progress=False)
    return {"value": time.perf_counter() - started, "valid.mrr@10": float(best)}
