from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from sracl.evaluation.metrics import metrics
from sracl.tracking import identity
from sracl.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class Add(Protocol):
    def __call__(self, variant: str, seed: int, figures: Mapping[str, float], **changed: Any) -> str: ...


class Train(Protocol):
    def __call__(self, variant: str, seed: int, ranks: Sequence[int], **changed: Any) -> str: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture
def add(store: Store) -> Add:
    """Enter a finished run with hand-made figures, the same for seen items kept and excluded unless told otherwise."""
    count = 0

    def enter(variant: str, seed: int, figures: Mapping[str, float], **changed: Any) -> str:
        nonlocal count
        count += 1
        run_id = f"r{count}"
        dataset = changed.pop("dataset", "demo")
        data = changed.pop("data", dataset)
        state = changed.pop("state", "completed")
        excluded = changed.pop("excluded", figures)
        groups = changed.pop("groups", {})
        split = changed.pop("split", "test")
        rules = {"data": data, **({"split": changed.pop("by")} if "by" in changed else {})}
        arguments: dict[str, Any] = {
            "digest": f"digest of {run_id}",
            "recipe": "ablation",
            "cell": {},
            "label": variant,
            "values": {"evaluation": {"seen_items": "keep"}},
            "origins": {},
            "leaky": (),
            "folder": "",
            "environment": {},
            "ordinal": count,
        }
        store.register(run_id=run_id, variant=variant, seed=seed, dataset=dataset, **{**arguments, **changed})
        store.start(run_id, identity.current())
        for seen_items, of_all in {"keep": figures, "exclude": excluded}.items():
            for group, of_group in {"all": of_all, **groups}.items():
                store.metrics(
                    run_id,
                    split=split,
                    protocol={"seen_items": seen_items, **rules},
                    group=group,
                    values=of_group,
                    count=100,
                )
        if state != "running":
            store.finish(run_id, state)
        return run_id

    return enter


@pytest.fixture
def train(store: Store, add: Add, tmp_path: Path) -> Train:
    """Enter a finished run with these ranks of users 0, 1, …, and the figures that they give."""

    def enter(variant: str, seed: int, ranks: Sequence[int], **changed: Any) -> str:
        kept = np.asarray(ranks, np.int32)
        excluded = np.asarray(changed.pop("excluded", ranks), np.int32)
        users = np.asarray(changed.pop("users", range(len(kept))), np.int32)
        cutoffs = changed.pop("cutoffs", [10])
        told = {name: changed.pop(name) for name in ("lengths", "popularity", "seen", "items", "head") if name in changed}
        besides = {name if name in ("items", "head") else f"test.{name}": np.asarray(given, np.int32) for name, given in told.items()}
        figures = changed.pop("figures", metrics(kept, cutoffs))
        run_id = add(variant, seed, figures, excluded=metrics(excluded, cutoffs), **changed)
        file = tmp_path / f"{run_id}.npz"
        np.savez_compressed(file, **{"test.keep": kept, "test.exclude": excluded, "test.users": users, **besides})  # type: ignore[arg-type]
        store.artifact(run_id, name="ranks", path=str(file), digest="", size=file.stat().st_size, facts={})
        return run_id

    return enter
