from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sracl.compare import render_diff
from sracl.compare.diff import Diff, Line, SectionName, diff
from sracl.errors import UsageError
from sracl.tracking.store import Store
from tests.compare.conftest import Add

LONG = "x" * 5000


def values(weight: float, **changed: Any) -> dict[str, Any]:
    return {
        "train": {"epochs": 3, "early_stopping": None},
        "objective": [{"id": "next", "use": "next_item"}, {"id": "cross", "weight": weight, "synthesizer": {"use": "attention"}}],
        **changed,
    }


@pytest.fixture
def two(add: Add) -> tuple[str, str]:
    first = add(
        "full",
        2024,
        {"ndcg@10": 0.05, "hr@10": 0.1},
        values=values(0.1, note=LONG + "1"),
        origins={"objective.cross": "methods/sracl.toml:31", "train.epochs": "default"},
        environment={"torch": "2.13", "python": "3.11"},
    )
    second = add(
        "w/o cross",
        2024,
        {"ndcg@10": 0.04, "hr@10": 0.1},
        values=values(0.0, note=LONG + "2"),
        origins={"objective.cross": "methods/sracl.toml:31", "objective.cross.weight": "variant 'w/o cross'", "train.epochs": "default"},
        environment={"torch": "2.12", "python": "3.11"},
    )
    return first, second


def lines(found: Diff, section: SectionName) -> dict[str, Line]:
    return {line.path: line for part in found.sections if part.name == section for line in part.lines}


def test_packages_that_differ_are_told_one_by_one(store: Store, add: Add, tmp_path: Path) -> None:
    runs = []
    for name, listed in (("one", "scipy==1.14\ntorch==2.13\n"), ("other", "annoy==1.17\nscipy==1.15\ntorch==2.13\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"packages-{name}.txt").write_text(listed)
        runs.append(add(name, 1, {}, environment={"packages": f"packages-{name}.txt"}, folder=str(tmp_path / name)))
    first, second = runs
    found = lines(diff(store, runs), "environment")
    assert {path: line.values for path, line in found.items()} == {
        "packages.scipy": {first: "1.14", second: "1.15"},
        "packages.annoy": {second: "1.17"},
    }
    (tmp_path / "one" / "packages-one.txt").unlink()
    assert lines(diff(store, runs), "environment").keys() == {"packages"}


def test_only_what_differs_with_where_it_was_set(store: Store, two: tuple[str, str]) -> None:
    first, second = two
    found = diff(store, two)
    weight = lines(found, "values")["objective.cross.weight"]
    assert weight.values == {first: 0.1, second: 0.0}
    assert weight.origins == {first: "methods/sracl.toml:31", second: "variant 'w/o cross'"}
    assert set(lines(found, "values")) == {"objective.cross.weight", "note"}
    assert lines(found, "environment").keys() == {"torch"}
    assert lines(found, "metrics").keys() == {"test.ndcg@10, seen items kept", "test.ndcg@10, seen items excluded"}
    assert lines(found, "run").keys() == {"label", "recipes"}
    assert lines(found, "data") == {}


def test_all_keeps_what_is_the_same_and_marks_it(store: Store, two: tuple[str, str]) -> None:
    found = lines(diff(store, two, everything=True), "values")
    assert not found["train.epochs"].differs
    assert found["train.early_stopping"].values == dict.fromkeys(two)  # a null is a value, and no absence
    assert found["note"].differs


def test_what_one_run_lacks_is_absent_and_not_null(store: Store, add: Add) -> None:
    with_it = add("a", 1, {}, values={"train": {"early_stopping": None}})
    without = add("b", 1, {}, values={"train": {}})
    line = lines(diff(store, [with_it, without]), "values")["train.early_stopping"]
    assert line.values == {with_it: None}
    assert line.differs
    assert render_diff.rows(diff(store, [with_it, without], sections=["values"]), diff(store, [with_it, without]).sections[1]) == [
        ["train.early_stopping", "nothing", "-"]
    ]


def test_a_third_run_that_is_different_makes_a_line_differ(store: Store, add: Add) -> None:
    runs = [add(name, 1, {}, values={"k": k}) for name, k in (("a", 10), ("b", 10), ("c", 20))]
    assert list(lines(diff(store, runs), "values")["k"].values.values()) == [10, 10, 20]
    assert "k" not in lines(diff(store, runs[:2]), "values")


def test_true_is_not_one_and_nan_is_like_itself(store: Store, add: Add) -> None:
    runs = [add("a", 1, {"hr@10": math.nan}, values={"x": True}), add("b", 1, {"hr@10": math.nan}, values={"x": 1})]
    found = diff(store, runs)
    assert "x" in lines(found, "values")
    assert not lines(found, "metrics")


@pytest.mark.parametrize("references", [["r1"], ["r1", "r1"], ["r1", "@last"]])
def test_one_run_has_no_difference(store: Store, add: Add, references: list[str]) -> None:
    add("only", 1, {})
    with pytest.raises(UsageError, match="two or more runs"):
        diff(store, references)


def test_another_data_set_of_the_same_name_is_seen(store: Store, add: Add) -> None:
    one = add("a", 1, {"hr@10": 0.1})
    other = add("b", 1, {"hr@10": 0.1})
    with Store.open(store.path) as again:
        again.artifact(one, name="retrieve.items", path="", digest="aaaa", size=1, facts={})
        again.artifact(other, name="retrieve.items", path="", digest="bbbb", size=1, facts={})
    assert lines(diff(store, [one, other]), "data")["retrieve.items.digest"].values == {one: "aaaa", other: "bbbb"}


def test_json_holds_long_values_whole(store: Store, two: tuple[str, str]) -> None:
    data = json.loads(render_diff.as_json(diff(store, two)))["data"]
    (note,) = (line for line in data["sections"]["values"] if line["path"] == "note")
    assert note["values"] == {two[0]: LONG + "1", two[1]: LONG + "2"}
    assert [run["id"] for run in data["runs"]] == list(two)


def test_markdown_escapes_pipes_and_names_the_runs(store: Store, add: Add) -> None:
    runs = [add("a|b", 1, {}, values={"k": 1}), add("c", 1, {}, values={"k": 2})]
    text = render_diff.as_markdown(diff(store, runs, sections=["values"]))
    assert "| r1 | a\\|b | completed |" in text
    assert "| k | 1 | 2 |" in text


def test_no_difference_is_said(store: Store, add: Add) -> None:
    runs = [add("a", 1, {}), add("b", 1, {})]
    assert "Nothing differs in values, data." in render_diff.as_markdown(diff(store, runs, sections=["values", "data"]))
