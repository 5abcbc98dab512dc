"""`sracl export` and `sracl import` with runs that were trained, in two projects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.mlflow_server import serving
from tests.support.recipes import called, project, sracl_recipe

PLAIN = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu", "--quiet")
"""SASRec alone: no texts, no neighbours."""


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two seeds."""
    return trained(tmp_path_factory.mktemp("laptop"), "1,2")


def trained(folder: Path, seeds: str) -> Path:
    done = called("run", str(sracl_recipe(folder, epochs=1, users=60)), *PLAIN, "--seeds", seeds, environment=project(folder))
    assert done.returncode == 0, done.stderr
    return folder


def said(folder: Path, *arguments: str, code: int = 0) -> str:
    done = called(*arguments, environment=project(folder))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def test_runs_of_one_project_are_compared_in_another_as_in_their_own(laptop: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "laptop.jsonl.gz")
    assert said(laptop, "export", "small", "-o", file) == "2 runs\n"
    assert said(tmp_path, "import", file) == f"{file}: 2 new runs; 0 were known\n"
    for form in ("table", "json"):
        assert said(tmp_path, "compare", "--format", form) == said(laptop, "compare", "--format", form)
    runs = json.loads(said(tmp_path, "runs", "--json"))["data"]
    assert {run["imported"] for run in runs} == {"laptop.jsonl.gz"}
    assert "imported from laptop.jsonl.gz" in said(tmp_path, "show", runs[0]["id"])
    assert "train" not in said(tmp_path, "diff", runs[0]["id"], runs[1]["id"], "--section", "values")
    assert said(tmp_path, "runs").count("small [imported]") == 2


def test_what_explains_a_run_comes_along(laptop: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    said(laptop, "export", "-o", str(first))
    said(tmp_path, "import", str(first))
    run = json.loads(said(laptop, "show", "@last", "--json"))["data"][0]
    ours = json.loads(said(tmp_path, "show", run["id"], "--json"))["data"][0]
    assert ours["environment"] == {**run["environment"], "imported": ours["environment"]["imported"]}
    name = run["environment"]["packages"]
    assert (tmp_path / "runs" / run["id"] / name).read_bytes() == (laptop / "runs" / run["id"] / name).read_bytes()
    said(tmp_path, "export", "-o", str(second))
    assert first.read_bytes() == second.read_bytes()


def test_a_recipe_whose_runs_were_imported_is_not_trained_again(laptop: Path, tmp_path: Path) -> None:
    said(laptop, "export", "-o", str(tmp_path / "laptop.jsonl"))
    said(tmp_path, "import", str(tmp_path / "laptop.jsonl"))
    recipe = str(sracl_recipe(tmp_path, epochs=1, users=60))
    done = called("run", recipe, *PLAIN[:-1], "--seeds", "1,2", environment=project(tmp_path))
    assert done.returncode == 0
    assert "nothing left to do, 2 of 2 runs are done, 2 of them imported" in done.stderr
    looked = said(tmp_path, "run", recipe, *PLAIN, "--seeds", "1,2", "--dry-run")
    assert looked.count("done, imported") == 2
    assert "done already" in said(tmp_path, "run", recipe, *PLAIN[:-1], "--seeds", "2,1", "--detach")


def test_seeds_of_two_machines_make_one_row(laptop: Path, tmp_path: Path) -> None:
    trained(tmp_path, "2,3")
    said(laptop, "export", "-o", str(tmp_path / "laptop.jsonl"))
    assert said(tmp_path, "import", str(tmp_path / "laptop.jsonl")).endswith("1 new run; 1 was known\n")
    board = json.loads(said(tmp_path, "compare", "--json"))
    assert [row["seeds"] for block in board["data"] for row in block["rows"]] == [[1, 2, 3]] * 2


def test_runs_are_sent_to_a_server_in_place_of_a_file(laptop: Path, tmp_path: Path) -> None:
    with serving() as server:
        assert said(laptop, "export", "small", "--mlflow", server.url) == "2 runs sent; 0 were there\n"
        assert said(laptop, "export", "--mlflow", server.url) == "0 runs sent; 2 were there\n"
        names = {metric["key"] for run in server.runs.values() for metric in run.metrics}
        assert {"loss", "seconds.train", "test.seen_keep.ndcg_at_10", "valid.seen_exclude.history7-10.hr_at_10"} <= names
        for neither_or_both in ([], ["-o", str(tmp_path / "x.jsonl"), "--mlflow", server.url]):
            assert "give a file to write" in said(laptop, "export", *neither_or_both, code=2)


def test_what_cannot_be_exported_or_imported_is_said(laptop: Path, tmp_path: Path) -> None:
    assert "There is no store" in said(tmp_path, "export", "-o", str(tmp_path / "x.jsonl"), code=8)
    assert "neither a recipe with runs here nor" in said(laptop, "export", "nothing", "-o", str(tmp_path / "x.jsonl"), code=2)
    assert not (tmp_path / "x.jsonl").exists()
    assert list(tmp_path.glob(".part*")) == []
    (tmp_path / "foreign.jsonl").write_text('{"kind": "another"}\n')
    told = said(tmp_path, "import", str(tmp_path / "foreign.jsonl"), code=4)
    assert told.startswith(f"{tmp_path / 'foreign.jsonl'}:1: should be the first line of a file of `sracl export`")
