from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from sracl.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sracl.tracking.queries import RunRow


class Register(Protocol):
    def __call__(self, store: Store, run_id: str = "r1", **changed: Any) -> RunRow: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / ".sracl" / "store.db") as opened:
        yield opened


@pytest.fixture
def register() -> Register:
    def enter(store: Store, run_id: str = "r1", **changed: Any) -> RunRow:
        arguments: dict[str, Any] = {
            "digest": f"digest of {run_id}",
            "recipe": "ablation",
            "variant": "full",
            "cell": {},
            "seed": 2024,
            "label": "ablation · full",
            "dataset": "demo",
            "values": {"train": {"early_stopping": {"metric": "valid.mrr@10", "patience": 10}}},
            "origins": {"train.early_stopping.patience": "default"},
            "leaky": (),
            "folder": f"runs/{run_id}",
            "environment": {"python": "3.11"},
        }
        return store.register(run_id=run_id, **{**arguments, **changed})

    return enter
