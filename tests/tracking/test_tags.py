from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sracl.errors import UsageError
from sracl.tracking import pages, queries, tagging, tags
from sracl.tracking.reader import Reader
from sracl.tracking.removal import take_out
from sracl.tracking.store import Store


@pytest.fixture
def three(store: Store, register: Any) -> Store:
    for name in ("r1", "r2", "r3"):
        register(store, name)
    tagging.tag(store, ["r1", "r2"], add=["old", "ablation"])
    tagging.tag(store, ["r2"], add=["old", "größer"], remove=["ablation", "unknown"])
    tagging.note(store, "r1", "diverged once\nwith seed 2025")
    return store


def told(store: Reader) -> dict[str, tuple[tuple[str, ...], str]]:
    return {run.id: (run.tags, run.note) for run in queries.runs(store)}


def test_tags_are_given_and_taken_away(three: Store) -> None:
    assert told(three) == {"r1": (("ablation", "old"), "diverged once\nwith seed 2025"), "r2": (("größer", "old"), ""), "r3": ((), "")}
    assert tags.counts(three) == {"ablation": 1, "größer": 1, "old": 2}
    tagging.note(three, "r1", "")
    assert told(three)["r1"] == (("ablation", "old"), "")


def test_runs_are_found_by_all_of_their_tags(three: Store) -> None:
    assert [run.id for run in queries.runs(three, tags=["old"])] == ["r2", "r1"]
    assert [run.id for run in queries.runs(three, tags=["old", "ablation"])] == ["r1"]
    assert queries.runs(three, tags=["new"]) == []
    page = pages.page(three, size=10, tags=["old"])
    assert [(line.id, line.tags) for line in page.lines] == [("r2", ("größer", "old")), ("r1", ("ablation", "old"))]
    assert page.counts == {"planned": 2}


@pytest.mark.parametrize("name", ["", "two words", "+x", "-x", "a,b", "tag:x", "x" * 65, "[red]"])
def test_what_is_no_word_is_no_tag(three: Store, name: str) -> None:
    with pytest.raises(UsageError, match=r"A tag is a word of letters"):
        tagging.tag(three, ["r3"], add=["good", name])
    assert told(three)["r3"] == ((), "")


def test_they_go_with_their_run(three: Store) -> None:
    with three.writing() as session:
        take_out(session, ["r1"])
    assert tags.counts(three) == {"größer": 1, "old": 1}
    assert told(three) == {"r2": (("größer", "old"), ""), "r3": ((), "")}


def test_a_store_of_before_there_were_tags_is_read_as_it_is_and_brought_up_to_date_by_a_writer(tmp_path: Path, register: Any) -> None:
    path = tmp_path / "store.db"
    with Store.open(path) as store:
        digest = register(store).digest
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE tag")
        connection.execute("DROP TABLE note")
        connection.execute("UPDATE schemaversion SET version = 2")
    with Reader.open(path) as reader:
        assert told(reader) == {"r1": ((), "")}
        assert queries.runs(reader, tags=["old"]) == []
        assert pages.page(reader, size=10, tags=["old"]).total == 0
        assert tags.counts(reader) == {}
    with Store.open(path) as store:
        tagging.tag(store, ["r1"], add=["old"])
        assert told(store) == {"r1": (("old",), "")}
        assert queries.run(store, "r1").digest == digest
    assert told(Reader(path.with_name("store.db.version-2"), 2)) == {"r1": ((), "")}
