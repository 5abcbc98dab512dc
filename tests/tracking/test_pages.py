from __future__ import annotations

from typing import Any

import pytest

from sracl.tracking import identity, pages
from sracl.tracking.pages import Order
from sracl.tracking.store import Store

GONE = {**identity.current(), "pid_started": 1.0}
"""A process whose number another one has now."""


@pytest.fixture
def full(store: Store, register: Any) -> Store:
    """Five runs: a finished one, a living one, a dead one, a planned one, and one on other data."""
    for number, name in enumerate(("done", "alive", "dead", "planned", "office")):
        register(store, name, seed=(3, 1, 2, 9, 5)[number], variant=name, dataset="office" if name == "office" else "demo")
    for name, figures in {"done": (0.1, 0.3), "alive": (0.2,), "dead": (0.4, 0.2)}.items():
        store.start(name, GONE if name == "dead" else identity.current())
        for epoch, figure in enumerate(figures, start=1):
            store.log(name, epoch, {"valid.mrr@10": figure, "loss": 9.0})
    store.finish("done", "completed")
    return store


def ids(page: pages.Page) -> list[str]:
    return [line.id for line in page.lines]


@pytest.mark.parametrize(
    ("order", "descending", "expected"),
    [
        ("number", True, ["office", "planned", "dead", "alive", "done"]),
        ("number", False, ["done", "alive", "dead", "planned", "office"]),
        ("id", False, ["alive", "dead", "done", "office", "planned"]),
        ("seed", False, ["alive", "dead", "done", "office", "planned"]),
        ("seed", True, ["planned", "office", "done", "dead", "alive"]),
        ("dataset", True, ["office", "planned", "dead", "alive", "done"]),
        ("recipe", False, ["alive", "dead", "done", "office", "planned"]),
        ("epoch", True, ["dead", "done", "alive", "office", "planned"]),  # those without any stand last both ways
        ("epoch", False, ["alive", "dead", "done", "office", "planned"]),
        ("best", True, ["dead", "done", "alive", "office", "planned"]),
        ("state", False, ["done", "dead", "office", "planned", "alive"]),  # completed, interrupted, planned, running
        ("marked", True, ["planned", "alive", "office", "dead", "done"]),
    ],
)
def test_runs_are_sorted_by_any_column(full: Store, order: Order, descending: bool, expected: list[str]) -> None:
    assert ids(pages.page(full, size=9, order=order, descending=descending, marked=["alive", "planned"])) == expected


def test_pages_follow_one_another_and_the_last_one_is_never_left(full: Store) -> None:
    assert ids(pages.page(full, size=2)) == ["office", "planned"]
    second = pages.page(full, size=2, first=2)
    assert (ids(second), second.first, second.total) == (["dead", "alive"], 2, 5)
    beyond = pages.page(full, size=2, first=100)
    assert (ids(beyond), beyond.first) == (["done"], 4)


def test_a_state_is_the_one_that_is_shown(full: Store) -> None:
    assert ids(pages.page(full, size=9, state="running")) == ["alive"]
    dead = pages.page(full, size=9, state="interrupted")
    assert (ids(dead), dead.counts, dead.lines[0].state) == (["dead"], {"interrupted": 1}, "interrupted")
    assert pages.page(full, size=9, dataset="demo").counts == {"completed": 1, "running": 1, "interrupted": 1, "planned": 1}
    assert pages.page(full, size=9, state="failed").total == 0


def test_only_runs_of_a_recipe(full: Store, register: Any) -> None:
    register(full, "other", recipe="other", dataset="demo")
    assert ids(pages.page(full, size=9, recipe="other")) == ["other"]
