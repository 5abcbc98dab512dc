"""What `sracl run` sees to before it loads what trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sracl.cli.app import main
from sracl.cli.carry_out import _wait_briefly
from sracl.tracking import queries
from sracl.tracking.reader import Reader
from tests.support.jobs import store_file, surroundings
from tests.support.recipes import HELD, called, let_train, sracl_recipe


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "7")])
def test_how_threads_wait_is_the_users_to_say(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    before = dict(os.environ)
    _wait_briefly()
    assert dict(os.environ) == before


def test_threads_wait_briefly_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(other, "")  # so that what is set below is taken back afterwards
        monkeypatch.delenv(other)
    _wait_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == "10000"


def test_it_is_set_before_torch_is_loaded() -> None:
    code = "import sys, sracl.cli.carry_out as carrying; carrying._wait_briefly(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("option", [["--max-cost", "1"], ["--offline"]])
def test_what_a_job_of_the_queue_would_not_know_is_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "quickstart", "--detach", *option]) == 2
    assert "jobs of the queue know the recipe and the environment alone" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_sweep_is_tried_and_what_validation_chose_is_run_with_more_seeds(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path, name="tuning", users=60, epochs=1)
    recipe.write_text(
        recipe.read_text("utf-8") + '[sweep]\nmetric = "valid.ndcg@10"\ntrials = 2\n'
        'space = { "train.optimizer.lr" = { low = 1e-4, high = 1e-2, scale = "log" } }\n',
        "utf-8",
    )
    given = [str(recipe), "--device", "cpu", "--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--json"]
    there = surroundings(tmp_path)
    too_early = called("run", *given, "--tuned", environment=there)
    assert too_early.returncode == 2
    assert "2 trials of 2 of tuning are still to be done" in too_early.stdout
    assert not (tmp_path / ".sracl").exists()

    tried = json.loads(called("run", *given, environment=there).stdout)["data"]
    (shown,) = tried[0]["rows"]

    final = called("run", *given, "--tuned", "--seeds", "5,6", environment=there)
    assert final.returncode == 0, final.stderr
    (row,) = json.loads(final.stdout)["data"][0]["rows"]
    assert (row["cell"], row["seeds"]) == (shown["cell"], [5, 6])
    assert "validates best on" in final.stderr
    with Reader.open(store_file(tmp_path)) as store:
        assert len(queries.runs(store)) == 2 + 2


def test_a_job_of_the_queue_has_no_time_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "quickstart", "--detach", "--max-time", "2h"]) == 2
    assert "jobs of the queue end by themselves" in " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize(("length", "told"), [("2", "such as 30d, 12h or 2h30m; '2' is none"), ("0s", "leaves no time for anything")])
def test_a_time_that_is_none_is_refused(length: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "quickstart", "--max-time", length]) == 2
    assert told in capsys.readouterr().err


def test_after_its_time_no_run_is_begun_or_finished(tmp_path: Path) -> None:
    recipe = str(sracl_recipe(tmp_path, users=60, epochs=1))
    let_train(tmp_path, 0)
    is_over = threading.Event()

    def let_go() -> None:
        while not is_over.wait(0.05):
            if store_file(tmp_path).exists():
                with Reader.open(store_file(tmp_path)) as store:
                    if any(run.state == "running" for run in queries.runs(store)):
                        break
        is_over.wait(2)  # its time is up by then, since it was running a second ago
        let_train(tmp_path)

    letting_go = threading.Thread(target=let_go)
    letting_go.start()
    try:
        done = called("run", recipe, *HELD, "--max-time", "1s", environment=surroundings(tmp_path))
    finally:
        is_over.set()
        letting_go.join()
    assert done.returncode == 75
    assert "the time of --max-time is up; run the same command to go on" in done.stderr
    with Reader.open(store_file(tmp_path)) as store:
        assert [run.state in ("planned", "interrupted") for run in queries.runs(store)] == [True]


class TestSeveralRecipes:
    @pytest.fixture
    def recipes(self, tmp_path: Path) -> list[str]:
        recipes = [str(sracl_recipe(tmp_path, name=name, users=60, epochs=1)) for name in ("one", "two")]
        return [*recipes, "--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0"]

    def call(self, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return called("run", *arguments, environment=surroundings(home))

    def test_all_problems_of_all_are_told_before_anything_trains(self, recipes: list[str], tmp_path: Path) -> None:
        done = self.call(tmp_path, *recipes, "--set", "train.epochz=1")
        assert done.returncode == 3
        told = [line.split(":")[0] for line in done.stderr.splitlines()]
        assert told == [f"{recipes[0]} has 1 problem", "  --set", f"{recipes[1]} has 1 problem", "  --set"]
        done = self.call(tmp_path, recipes[0], "methods/sasrecc", "nothing")
        assert done.returncode == 2
        told = [line.partition(". ")[0] for line in done.stderr.splitlines()]
        assert told == ["No recipe is called 'methods/sasrecc'", "No recipe is called 'nothing'"]
        assert not (tmp_path / ".sracl").exists()
        done = self.call(tmp_path, *recipes, "--set", "train.epochz=1", "--json")
        assert [error.split(":")[1] for error in json.loads(done.stdout)["errors"]] == [" train.epochz"] * 2

    def test_models_that_are_absent_are_told_before_anything_trains(self, recipes: list[str], tmp_path: Path) -> None:
        absent = f'text_encoder = {{ use = "transformers", model = "{tmp_path}/absent" }}'
        for name in ("two", "three"):
            text = (tmp_path / "one.toml").read_text().replace('"one"', f'"{name}"')
            (tmp_path / f"{name}.toml").write_text(text.replace('text_encoder = { use = "lsa" }', absent, 1))
        done = self.call(tmp_path, recipes[0], recipes[1], str(tmp_path / "three.toml"), "--device", "cpu")
        assert done.returncode == 6
        assert [line for line in done.stderr.splitlines() if line.endswith("reason:")] == [
            f"{tmp_path}/two.toml cannot be run here, for 1 reason:",
            f"{tmp_path}/three.toml cannot be run here, for 1 reason:",
        ]
        assert not any((tmp_path / "runs").glob("*/*.safetensors"))
        assert self.states(tmp_path) == {}

    def test_data_that_are_absent_are_told_before_anything_trains(self, recipes: list[str], tmp_path: Path) -> None:
        for name in ("two", "three"):
            text = (tmp_path / "one.toml").read_text().replace('"one"', f'"{name}"')
            data = {"two": "sports", "three": "yelp"}[name]
            settings = ("num_items = 40\n", "num_users = 60\n", "length = 10\n")
            for setting in settings:
                text = text.replace(setting, "")
            (tmp_path / f"{name}.toml").write_text(text.replace('"markov"', f'"{data}"'))
        named = [str(tmp_path / f"{name}.toml") for name in ("one", "two", "three")]
        for way in ([], ["--detach"]):
            done = self.call(tmp_path, *named, *recipes[2:], *way)
            assert done.returncode == 4
            assert "sports" in done.stderr
            assert "yelp" in done.stderr
            assert not (tmp_path / ".sracl").exists()

    def test_they_train_one_after_the_other_into_one_leaderboard(self, recipes: list[str], tmp_path: Path) -> None:
        planned = self.call(tmp_path, *recipes, "--dry-run", "--json")
        assert [each["recipe"] for each in json.loads(planned.stdout)["data"]] == ["one", "two"]
        # the second has other values, or its run would be that of the first
        (tmp_path / "two.toml").write_text((tmp_path / "two.toml").read_text().replace("hidden_size = 16", "hidden_size = 8"))
        done = self.call(tmp_path, *recipes, "--quiet", "--json")
        assert done.returncode == 0, done.stderr
        rows = [row["recipe"] for block in json.loads(done.stdout)["data"] for row in block["rows"]]
        assert sorted(set(rows)) == ["one", "two"]
        again = self.call(tmp_path, recipes[1], *recipes)
        assert [line for line in again.stderr.splitlines() if "nothing left" in line] == [
            "two: nothing left to do, its run is done.",
            "one: nothing left to do, its run is done.",
        ]

    def test_the_first_failure_ends_all_where_that_is_asked_for(self, recipes: list[str], tmp_path: Path) -> None:
        for name in ("one", "two"):
            file = tmp_path / f"{name}.toml"
            file.write_text(file.read_text() + f'[train.optimizer]\nuse = "adam"\nlr = {1e30 if name == "one" else 1e-3}\n')
        assert self.call(tmp_path, *recipes, "--fail-fast", "--quiet").returncode == 1
        assert self.states(tmp_path) == {"one": "failed", "two": "planned"}
        assert self.call(tmp_path, *recipes, "--quiet").returncode == 7
        assert self.states(tmp_path) == {"one": "failed", "two": "completed"}

    def states(self, home: Path) -> dict[str, str]:
        with Reader.open(store_file(home)) as store:
            return {run.entries[0].recipe: run.state for run in queries.runs(store)}
