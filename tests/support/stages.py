"""The stages before training, on a cache of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sracl.data.interactions import Interactions
from sracl.registry.catalog import catalog
from sracl.registry.parameters import bind, build
from sracl.runs import stages
from sracl.runs.artifacts import Artifacts


def bound(kind: str, name: str) -> dict[str, Any]:
    table, problems = bind(catalog(), kind, {"use": name}, kind)
    assert problems == []
    return table


PARTS = {"llm": bound("llm_provider", "template"), "text_encoder": bound("text_encoder", "lsa"), "retriever": bound("retriever", "exact")}
ITEMS: dict[str, Any] = {**PARTS, "prompt": "products", "contexts": 5, "k": 10}
SEQUENCES: dict[str, Any] = {**PARTS, "prompt": "purchases", "unit": "prefix", "k": 10, "pool": "train", "exclude": "same_user"}


def assemble(kind: str, table: Mapping[str, Any], path: str) -> Any:
    def given(name: str, path: str) -> Any:
        raise AssertionError(f"{path} asks for {name}")

    return build(catalog(), kind, table, given, path)


class Runner:
    """Both chains on one cache, with what was reported."""

    def __init__(self, root: Path) -> None:
        self.artifacts = Artifacts(root)
        self.told: list[str] = []

    def items(self, data: Interactions, **changes: Any) -> Any:
        tables, made = stages.item_neighbours(
            data, {**ITEMS, **changes}, artifacts=self.artifacts, assemble=assemble, report=self.told.append
        )
        return tables.neighbours, made

    def sequences(self, data: Interactions, max_length: int = 20, **changes: Any) -> Any:
        return stages.sequence_neighbours(
            data, {**SEQUENCES, **changes}, max_length=max_length, artifacts=self.artifacts, assemble=assemble, report=self.told.append
        )
