"""Runs as they are entered in the store."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from sracl.recipes import digest
from sracl.recipes.plan import plan
from sracl.runs.entries import enter
from sracl.tracking import queries
from sracl.tracking.store import Store
from tests.support.recipes import sracl_recipe


@pytest.fixture
def from_its_source(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """sracl is imported from a folder and installed nowhere."""

    def without_sracl(name: str) -> str:
        if name == "sracl":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(digest, "version", without_sracl)
    digest.installed.cache_clear()
    yield
    digest.installed.cache_clear()


def test_sracl_that_is_not_installed_is_entered_as_such(from_its_source: None, tmp_path: Path) -> None:
    resolved = plan(str(sracl_recipe(tmp_path)))
    with Store.open(tmp_path / "store.db") as store:
        enter(store, resolved)
        (run,) = queries.runs(store)
    assert {name: run.environment[name] for name in ("sracl", "torch")} == {"sracl": "not installed", "torch": version("torch")}
    assert run.id == resolved.runs[0].digest[:10]
