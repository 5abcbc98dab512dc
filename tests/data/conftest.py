"""Small data sets for the tests of this folder."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from sracl.data import datasets
from sracl.data.interactions import Interactions
from sracl.interfaces import ItemText


def write(path: Path, text: str) -> Path:
    """Write a file, compressed if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, the only one that is searched beside an empty user's one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("SRACL_DATA", str(home))
    monkeypatch.setattr("sracl.paths.user_data", lambda: tmp_path / "user")
    return home


@pytest.fixture
def make_folder(data_home: Path) -> Callable[..., Path]:
    """Writes `interactions.tsv` and `items.jsonl` (or others) into a data set's folder."""

    def make(name: str = "toy", **files: str) -> Path:
        folder = data_home / name
        for file, text in files.items():
            write(folder / {"interactions": "interactions.tsv", "items": "items.jsonl"}.get(file, file), text)
        return folder

    return make


def by_hand(sequences: Sequence[Sequence[int]], num_items: int | None = None) -> Interactions:
    """Interactions with exactly these item numbers."""
    items = np.array([item for sequence in sequences for item in sequence], dtype=np.int64)
    count = num_items or int(items.max())
    texts: Mapping[int, ItemText] = {i: ItemText(title=f"Thing {i}") for i in range(1, count + 1)}
    return Interactions(
        name="by hand",
        items=items,
        offsets=np.cumsum([0, *map(len, sequences)]).astype(np.int64),
        users=tuple(f"u{i}" for i in range(len(sequences))),
        item_ids=tuple(str(i) for i in texts),
        texts=tuple(texts.values()),
        fingerprint="by hand",
    )


@pytest.fixture
def toy() -> Interactions:
    """Users of 3, 4 and 6 interactions; the last one repeats items, and its test item is in its history."""
    return by_hand([[1, 2, 3], [4, 5, 6, 1], [2, 7, 2, 3, 7, 2]])


_LOADED: dict[str, Interactions] = {}


@pytest.fixture(params=["demo", "office", "beauty"])
def real_or_demo(request: pytest.FixtureRequest) -> Interactions:
    """The generated shop, and the real data sets where they are at hand."""
    name: str = request.param
    if name != "demo" and not any((Path(entry) / name).is_dir() for entry in os.environ.get("SRACL_DATA", "").split(os.pathsep) if entry):
        pytest.skip(f"SRACL_DATA has no {name}")
    if name not in _LOADED:
        _LOADED[name] = datasets.load(name)
    return _LOADED[name]
