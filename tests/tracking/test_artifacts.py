"""Files of runs, in a project that stays and in one that moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sracl.tracking import artifacts, queries
from sracl.tracking.store import Store
from tests.support.closed import closed_folder


def test_what_a_project_holds_is_found_where_it_was_moved_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, register: Any) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    folder, vectors = before / "runs" / "r1", tmp_path / "cache" / "vectors"
    for place in (folder, vectors):
        place.mkdir(parents=True)
    (folder / "ranks.npz").write_bytes(b"ranks")
    with Store.open(before / ".sracl" / "store.db") as store:
        register(store, folder=str(folder))
        store.artifact("r1", name="ranks", path=str(folder / "ranks.npz"), digest="", size=5, facts={})
        store.artifact("r1", name="embed.items", path=str(vectors), digest="ab", size=9, facts={})
        store.artifact("r1", name="gone", path=str(folder / "gone.npz"), digest="", size=1, facts={})
        store.artifact("r1", name="elsewhere", path="", digest="cd", size=1, facts={})
        store.finish("r1", "completed", "all epochs")

    before.rename(after)
    monkeypatch.setenv("SRACL_HOME", str(after))

    with Store.open(after / ".sracl" / "store.db") as store:
        assert queries.run(store, "r1").folder == str(after / "runs" / "r1")
        assert {row.name: row.path for row in artifacts.of_run(store, "r1")} == {
            "ranks": str(after / "runs" / "r1" / "ranks.npz"),
            "embed.items": str(vectors),  # of the cache, which has not moved
            "gone": str(folder / "gone.npz"),  # is nowhere; where it was says more than where it is not
            "elsewhere": "",
        }
        assert artifacts.completed_with(store, "ranks") == {"r1": ("ablation · full", str(after / "runs" / "r1" / "ranks.npz"))}


def test_a_project_that_was_copied_from_a_user_who_lets_nobody_look_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_folder() as theirs:
        monkeypatch.setenv("SRACL_HOME", str(theirs.parent))
        path = str(theirs / "runs" / "r1" / "ranks.npz")
        assert artifacts.whereabouts("r1", path) == path


def test_who_rests_on_what_is_known_the_newest_first(store: Store, register: Any) -> None:
    for run_id, recipes in (("r1", ("b", "a")), ("r2", ("b",)), ("r3", ("b",))):
        for recipe in recipes:
            register(store, run_id, recipe=recipe, dataset=f"data of {run_id}")
        store.artifact(run_id, name="ranks", path="ranks.npz", digest="", size=1, facts={})
    for run_id, name, digest in (("r1", "describe", "ab"), ("r2", "describe", "ab"), ("r2", "embed", "cd"), ("r2", "again", "cd")):
        store.artifact(run_id, name=name, path=digest, digest=digest, size=1, facts={})
    store.finish("r1", "completed")
    store.finish("r2", "failed")
    first = artifacts.Resting("r1", "data of r1", is_completed=True, recipes=("a", "b"))
    second = artifacts.Resting("r2", "data of r2", is_completed=False, recipes=("b",))
    assert artifacts.resting_on(store) == {"ab": [second, first], "cd": [second]}
