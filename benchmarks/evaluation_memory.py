"""The most memory that ranking all items for all users takes."""

from __future__ import annotations

from typing import Any

from benchmarks.evaluation import RECIPE, prepare
from benchmarks.machine import peak_memory

__all__ = ["ours", "peer", "prepare"]


def ours(*, data: str, folder: str) -> dict[str, Any]:
    """MiB after the ranking, and before."""
    from benchmarks import recipe
    from sracl.evaluation.ranking import rank

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    parts = setup.parts
    before = peak_memory()
    rank(parts.backbone, parts.test, parts.seen_test, batch_size=setup.values["evaluation"]["batch_size"])
    return {"value": peak_memory(), "before": before}


def peer(*, data: str, folder: str) -> dict[str, Any]:
    """The same for RecBole's trainer."""
    from benchmarks import recbole_peer

    config, model, _, _, test = recbole_peer.load(data=data, folder=folder, anomaly=False)
    trainer = recbole_peer.trainer(config, model)
    before = peak_memory()
    trainer.evaluate(test, load_best_model=False)
    return {"value": peak_memory(), "before": before}
