"""What a training step of each method costs beside SASRec's: in sequences encoded, in arithmetic, and in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case

if TYPE_CHECKING:
    from benchmarks.harness import Options

METHODS = (
    "gru4rec",
    "bert4rec",
    "s3rec",
    "cl4srec",
    "coserec",
    "iclrec",
    "duorec",
    "mclrec",
    "icsrec",
    "lrd",
    "lrd_aux",
    "llm_esr",
    "sracl",
    "bsarec",
    "gru4rec_sracl",
    "duorec_sracl",
    "bsarec_sracl",
)
"""Recipes below `recipes/methods/`."""
BASE = "sasrec"
COUNTED = 5
"""Steps whose matrix products are counted, after those that are timed."""


def cases(options: Options) -> dict[str, list[Case]]:
    """A case for each method; of one with stages, the first of them, which is its own."""
    return {
        "methods": [
            Case(
                f"method_{name}",
                f"step of methods/{name}, {options.data}, batch 256",
                "ms",
                "methods",
                peer=f"methods/{BASE}",
                arguments={"name": name, "data": options.data, "warmup": 3, "steps": 5 if options.quick else 15},
                prepare="prepare",
                repeats=min(options.repeats, 3),
            )
            for name in METHODS
        ]
    }


def prepare(*, name: str, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """Fill the cache of texts, vectors and neighbours."""
    from benchmarks import recipe

    recipe.setup(f"methods/{name}", _sets(data))
    return {}


def ours(*, name: str, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """Median milliseconds a step of all its updates; sequences and tokens that it encodes, and millions of products, a sample."""
    from pathlib import Path
    from statistics import median

    from benchmarks import recipe, timing
    from benchmarks.products import Products
    from benchmarks.sasrec_epoch import Silent
    from sracl.engine.early_stopping import EarlyStopping
    from sracl.engine.trainer import Trainer

    setup = recipe.setup(f"methods/{name}", _sets(data))
    parts, training = setup.parts, setup.parts.trainings[0]
    trainer = Trainer(
        backbone=parts.backbone,
        objectives=training.objectives,
        samples=training.samples,
        sampler=training.sampler,
        phases=training.phases(parts.backbone),
        validate=None,
        stopping=EarlyStopping("", None),
        streams=parts.streams,
        recorder=Silent(),
        folder=Path(folder),
        batch_size=256,
        epochs=1,
        key=setup.run.digest,
        hooks=training.hooks,
        precision=training.precision,
    )
    trainer.begin(1, 0)
    for module in trainer.modules().values():
        module.train()
    encoded = _count(parts.backbone)
    rows = [batch for batch in training.sampler(len(training.samples), 256) if len(batch) == min(256, len(training.samples))]
    rows = [rows[number % len(rows)] for number in range(warmup + steps)]
    times = timing.laps((trainer.step(batch) for batch in rows), warmup=warmup)
    samples = sum(map(len, rows))
    counts = {name: count / samples for name, count in encoded.items()}
    with Products() as products:
        for batch in rows[:COUNTED]:
            trainer.step(batch)
    return {
        "value": median(times),
        "min": min(times),
        **counts,
        "products": products.multiplications / sum(map(len, rows[:COUNTED])) / 1e6,
    }


def peer(*, name: str, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """The same of SASRec."""
    return ours(name=BASE, data=data, warmup=warmup, steps=steps, folder=folder)


def _sets(data: str) -> list[str]:
    return [f"data.name={data}", "train.batch_size=256"]


def _count(backbone: Any) -> dict[str, int]:
    """Count what a backbone is asked to encode from now on."""
    import torch

    found = {"sequences": 0, "without_gradient": 0, "tokens": 0}
    encode = backbone.encode

    def counted(items: Any, lengths: Any, **asked: Any) -> Any:
        found["sequences"] += len(items)
        found["without_gradient"] += 0 if torch.is_grad_enabled() else len(items)
        found["tokens"] += int(lengths.sum())
        return encode(items, lengths, **asked)

    backbone.encode = counted
    return found
