from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from sracl.tracking import identity
from sracl.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Add(Protocol):
    def __call__(self, variant: str, seed: int, figures: Mapping[str, float], **changed: Any) -> str: ...


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
