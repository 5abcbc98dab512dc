"""What every test of the terminal interface stands on: settings of its own, and an account of the keys that it pressed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.dom import DOMNode

from sracl.tui import keys

tables = cache(keys.tables)
"""Looked for once: it takes as long as what a key does."""


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))


@pytest.fixture(autouse=True)
def _account(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold a test to its mark `presses`: each of these bindings was carried out through a key while it ran."""
    carried_out: set[str] = set()
    run_action = App.run_action

    async def recorded(app: App[Any], action: Any, default_namespace: DOMNode | None = None, namespaces: Any = None) -> bool:
        names = [name_of(kind, action) for kind in type(default_namespace).__mro__]  # before it is done: it may end the node
        done = await run_action(app, action, default_namespace, namespaces)
        if done:
            carried_out.update(filter(None, names))
        return done

    monkeypatch.setattr(App, "run_action", recorded)
    yield
    promised = {name for mark in request.node.iter_markers("presses") for name in mark.args}
    assert not promised - carried_out, f"never pressed: {sorted(promised - carried_out)}; pressed: {sorted(carried_out)}"


def name_of(kind: type, action: Any) -> str:
    """`RunsScreen runs.mark`: a binding that this very class adds; empty where it adds none for the action."""
    table = tables().get(kind, [])
    return next((f"{kind.__name__} {binding.id}" for binding in table if binding.action == action), "")


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's settings, to be written."""
    monkeypatch.setenv("SRACL_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "tui.toml"
