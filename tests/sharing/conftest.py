from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sracl import paths
from sracl.sharing.export import export
from sracl.tracking import identity
from sracl.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

RANKS = {"items": [80_000], "test.keep": [1, 3, 70_000], "test.users": [0, 1, 2]}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in ("SRACL_HOME", "SRACL_DB"):
            monkeypatch.delenv(name)


@contextmanager
def project(folder: Path) -> Iterator[Store]:
    """The store of a project that lies in this folder, which is the one of this process meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRACL_HOME", str(folder))
        with Store.open(paths.store_file()) as store:
            yield store


def train(store: Store, run_id: str = "r1", *, hit: float = 0.25, state: str = "completed", ranks: bool = True, **changed: Any) -> None:
    """Record a run as a training would."""
    folder = paths.run_folder(run_id)
    given: dict[str, Any] = {
        "digest": f"digest of {run_id}",
        "recipe": "ablation",
        "variant": "full",
        "cell": {"backbone.num_layers": 1},
        "seed": 1,
        "label": "ablation · full",
        "dataset": "demo",
        "values": {"backbone": {"use": "sasrec", "num_layers": 1}, "train": {"epochs": 2}},
        "origins": {"train.epochs": f"{paths.project()}/recipes/ablation.toml:7"},
        "leaky": (),
        "folder": str(folder),
        "environment": {"python": "3.11"},
        **changed,
    }
    store.recipe("ablation", {"baseline": "base", "published": []}, f"{paths.project()}/recipes/ablation.toml")
    store.register(run_id=run_id, **given)
    if state == "planned":
        return
    store.start(run_id, identity.current())
    for epoch in (1, 2):
        store.log(run_id, epoch, {"loss": float("nan") if epoch == 2 else float("inf"), "valid.mrr@10": hit / epoch})
    for seen_items in ("keep", "exclude"):
        store.metrics(
            run_id, split="test", protocol={"seen_items": seen_items}, group="all", values={"hr@10": hit, "ndcg@10": hit / 2}, count=3
        )
    store.artifact(run_id, name="embed.items", path="/elsewhere/cache/embed/aa", digest="aa", size=7, facts={"rows": 3})
    if ranks:
        folder.mkdir(parents=True)
        np.savez_compressed(folder / "ranks.npz", **{name: np.asarray(kept, dtype=np.int32) for name, kept in RANKS.items()})  # type: ignore[arg-type]
        store.artifact(run_id, name="ranks", path=str(folder / "ranks.npz"), digest="", size=1, facts={"epoch": 1})
    store.finish(run_id, state)  # type: ignore[arg-type]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Two runs of a project called `first`."""
    with project(tmp_path / "first") as store:
        train(store)
        train(store, "r2", seed=2, hit=0.5)
        export(store, tmp_path / "bundle.jsonl", project=paths.project())
    return tmp_path / "bundle.jsonl"
