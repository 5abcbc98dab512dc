"""What tests of screens share: runs to show, and what is on the screen as text."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from sracl.tracking import identity
from sracl.tracking.store import Store


def add(store: Store, run_id: str, *, figures: Mapping[str, float] | None = None, **changed: Any) -> None:
    """Register a run; with figures it is a finished one."""
    arguments: dict[str, Any] = {
        "digest": run_id,
        "recipe": "small",
        "variant": "",
        "cell": {},
        "seed": 1,
        "label": run_id,
        "dataset": "demo",
        "values": {},
        "origins": {},
        "leaky": (),
        "folder": "",
        "environment": {},
    }
    store.register(run_id=run_id, **{**arguments, **changed})
    if figures is not None:
        store.start(run_id, identity.current())
        store.metrics(run_id, split="test", protocol={"seen_items": "keep"}, group="all", values=figures, count=100)
        store.finish(run_id, "completed")


def text(app: App[None]) -> str:
    """The screen as letters, line by line, without the blanks at the ends of lines."""
    strips = app.screen._compositor.render_strips(app.screen.size)
    return "\n".join(strip.text.rstrip() for strip in strips)


async def until(pilot: Pilot[None], holds: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for a condition; fail with the screen when it does not come, on the slowest machine."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError(text(pilot.app))


async def shows(pilot: Pilot[None], *words: str) -> None:
    """Wait until all of these are on the screen."""
    await until(pilot, lambda: all(word in text(pilot.app) for word in words))
