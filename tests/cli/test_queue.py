"""Runs as jobs, by the commands that people and scripts use."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sracl.tracking import queries
from sracl.tracking.queries import RunRow
from sracl.tracking.reader import Reader
from tests.support.jobs import add, rows, store_file, surroundings, swept, wait_until
from tests.support.plugins import MEAN_BACKBONE
from tests.support.recipes import HELD, called, let_train, sracl_recipe

PLAIN = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0")
"""SASRec alone: no texts, no neighbours."""
VARIANTS = """
[[variant]]
name = "both"
[[variant]]
name = "w/o cross"
set = { "objective.cross.weight" = 0.0 }
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with swept(tmp_path):
        yield tmp_path


def call(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return called(*arguments, environment={**surroundings(home), **environment})


def data(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


def run(home: Path, run_id: str) -> RunRow:
    with Reader.open(store_file(home)) as store:
        return queries.run(store, run_id)


def until_epoch(home: Path, run_id: str, epoch: int) -> None:
    end = time.monotonic() + 300
    while (run(home, run_id).epoch or 0) < epoch:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_detached_recipe_is_waited_for_and_compared(home: Path) -> None:
    recipe = str(sracl_recipe(home, epochs=2, extra=VARIANTS))
    assert call(home, "queue", "pause").returncode == 0  # else it may be done before it is entered again
    entered = data(call(home, "run", recipe, "--detach", "--json"))
    assert [(entry["id"], entry["label"], entry["status"]) for entry in entered] == [
        (1, "small · both · seed 1", "queued"),
        (2, "small · w/o cross · seed 1", "queued"),
    ]
    again = data(call(home, "run", recipe, "--detach", "--json"))
    assert [(entry["id"], entry["status"]) for entry in again] == [(1, "waiting already"), (2, "waiting already")]
    assert call(home, "queue", "start").returncode == 0
    waited = call(home, "queue", "wait")
    assert waited.returncode == 0, waited.stderr
    assert [job["state"] for job in data(call(home, "queue", "ls", "--json"))] == ["completed", "completed"]
    assert [entry["status"] for entry in data(call(home, "run", recipe, "--detach", "--json"))] == ["done already", "done already"]
    assert "both" in call(home, "compare").stdout
    log = call(home, "logs", "1")
    assert "job 1, attempt 1" in log.stdout
    assert "epoch 2/2" in log.stdout
    assert call(home, "logs", "--follow", entered[0]["run_id"]).stdout == log.stdout


def test_wait_ends_with_the_code_of_the_worst(home: Path) -> None:
    recipe = str(sracl_recipe(home, epochs=2, extra='[train.optimizer]\nuse = "adam"\nlr = 1e30\n'))
    entered = data(call(home, "run", recipe, *PLAIN, "--detach", "--json"))
    waited = call(home, "queue", "wait", str(entered[0]["id"]))
    assert waited.returncode == 1
    assert "the loss is" in waited.stderr
    assert run(home, entered[0]["run_id"]).state == "failed"


def test_a_run_is_cancelled_and_retried_and_equals_one_left_in_peace(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    peace = tmp_path_factory.mktemp("peace")
    assert call(peace, "run", str(sracl_recipe(peace)), "--device", "cpu").returncode == 0
    recipe, cache = str(sracl_recipe(home)), str(peace / "cache")  # texts and vectors are at hand
    let_train(home, 1)
    (entered,) = data(call(home, "run", recipe, *HELD, "--detach", "--json", SRACL_CACHE_DIR=cache))
    until_epoch(home, entered["run_id"], 1)
    assert call(home, "queue", "checkpoint", "1").returncode == 0
    wait_until(home, lambda found: not found[1].wanted)  # it was told so, and heeds it after its next step
    let_train(home, 2)
    log = home / "runs" / entered["run_id"] / "log.txt"
    wait_until(home, lambda found: "checkpoint after step" in log.read_text())
    assert call(home, "queue", "cancel", entered["run_id"][:6]).returncode == 0
    wait_until(home, lambda _: "job 1 is asked to end" in (home / ".sracl" / "worker.log").read_text())
    let_train(home)
    assert call(home, "queue", "wait", "1").returncode == 143
    assert (run(home, entered["run_id"]).state, rows(home)[1].state) == ("cancelled", "cancelled")
    told = call(home, "logs", "1").stdout
    assert (told.count("checkpoint after step"), told.count("epoch 1/4"), told.count("attempt 1")) == (2, 1, 1)
    assert call(home, "logs", "@last").stdout == told
    assert call(home, "queue", "cancel", "@last").stdout == "1  small · seed 1  cancelled\n"
    assert call(home, "queue", "checkpoint", "1").returncode == 2
    assert call(home, "queue", "retry", "1").returncode == 0
    assert call(home, "queue", "wait").returncode == 0
    assert rows(home)[1].attempt == 2
    assert figures(home) == figures(peace)


def figures(home: Path) -> dict[Any, float]:
    with Reader.open(store_file(home)) as store:
        (only,) = queries.runs(store)
        assert only.state == "completed"
        return {(row.split, row.protocol, row.group, row.name): row.value for row in queries.final_metrics(store, [only.id])}


def test_a_queue_on_hold_begins_nothing(home: Path) -> None:
    assert call(home, "queue", "pause").returncode == 0
    add(home, "open('begun.txt', 'w')")
    waited = call(home, "queue", "wait")
    assert waited.returncode == 6
    assert "on hold" in waited.stderr
    assert "on hold" in call(home, "queue", "ls").stderr
    assert not (home / "begun.txt").exists()
    assert call(home, "queue", "start").returncode == 0
    assert call(home, "queue", "wait").returncode == 0
    assert (home / "begun.txt").exists()


def test_what_is_edited_after_queueing_does_not_run(home: Path) -> None:
    module = home / "my_models.py"
    module.write_text(MEAN_BACKBONE)
    recipe = sracl_recipe(home, epochs=1)
    recipe.write_text(
        recipe.read_text().replace('use = "sasrec"\nhidden_size = 16\ninner_size = 32', 'use = "my_models:MeanOfItems"\nhidden_size = 8')
    )
    assert call(home, "queue", "pause").returncode == 0
    (entered,) = data(call(home, "run", str(recipe), *PLAIN, "--detach", "--json"))
    module.write_text("raise RuntimeError('edited')\n")
    recipe.write_text("nonsense")
    assert call(home, "queue", "start").returncode == 0
    waited = call(home, "queue", "wait")
    assert waited.returncode == 0, (home / "runs" / entered["run_id"] / "log.txt").read_text()
    assert run(home, entered["run_id"]).state == "completed"


def test_secrets_of_the_shell_are_not_written_down(home: Path) -> None:
    recipe = str(sracl_recipe(home, epochs=1))
    environment = {**surroundings(home), "OPENAI_API_KEY": "canary-key", "HF_TOKEN": "canary-token", "SRACL_API_KEY": "canary-own"}
    assert called("queue", "pause", environment=environment).returncode == 0
    assert called("run", recipe, "--detach", environment=environment).returncode == 0
    for path in [*home.rglob("*.json"), *(home / ".sracl").glob("store.db*")]:
        assert b"canary" not in path.read_bytes(), path


def test_priority_moves_a_job_and_unknown_ones_are_named(home: Path) -> None:
    assert call(home, "queue", "pause").returncode == 0
    add(home, "", count=2)
    assert call(home, "queue", "move", "2", "--priority", "3").returncode == 0
    assert [job["job"] for job in data(call(home, "queue", "ls", "--json"))] == [2, 1]
    lower = call(home, "queue", "move", "2", "--by=-4")
    assert lower.stdout.endswith("priority -1\n")
    assert [job["job"] for job in data(call(home, "queue", "ls", "--json"))] == [1, 2]
    for said in ([], ["--priority", "1", "--by", "1"]):
        assert "Say either a priority, by --priority," in call(home, "queue", "move", "2", *said).stderr
    assert call(home, "queue", "cancel", "--all").returncode == 0
    assert {job["state"] for job in data(call(home, "queue", "ls", "--json"))} == {"cancelled"}
    unknown = call(home, "queue", "cancel", "77")
    assert unknown.returncode == 2
    assert "no job '77'" in unknown.stderr
    assert call(home, "run", str(sracl_recipe(home)), "--detach", "--device", "cuda:1").returncode == 2


def test_jobs_that_are_named_are_not_mistaken_for_all(home: Path) -> None:
    add(home, "", count=2)
    for line in (["cancel", "1", "--all"], ["retry", "1", "--failed"], ["cancel"]):
        refused = call(home, "queue", *line)
        assert refused.returncode == 2, refused.stdout
    assert {row.state for row in rows(home).values()} == {"queued"}


def test_jobs_of_a_state_are_listed_and_retried(home: Path) -> None:
    ended = ["failed", "failed", "cancelled", "interrupted", "completed"]
    assert call(home, "queue", "pause").returncode == 0
    add(home, "", count=len(ended))
    with sqlite3.connect(store_file(home)) as connection:  # some ended long ago
        for number, state in enumerate(ended, start=1):
            connection.execute("UPDATE job SET state = ?, finished = '2026-01-01 00:00:00.000000' WHERE number = ?", (state, number))
    assert sorted(job["job"] for job in data(call(home, "queue", "ls", "--state", "failed", "--json"))) == [1, 2]
    assert call(home, "queue", "ls", "--state", "paused").stderr == "No job is paused.\n"
    done = call(home, "queue", "retry", "--state", "failed")
    assert done.stderr.splitlines()[0] in ("2 jobs in state failed: 1, 2", "2 jobs in state failed: 2, 1")
    assert sorted(line.split() for line in done.stdout.splitlines()) == [["1", "job", "queued"], ["2", "job", "queued"]]
    assert call(home, "queue", "retry", "--state", "failed").stderr == "No job is failed.\n"
    assert call(home, "queue", "retry", "3", "--state", "cancelled").returncode == 2
    assert call(home, "queue", "retry", "--state", "completed").returncode == 2
    assert [rows(home)[number].state for number in (3, 4, 5)] == ["cancelled", "interrupted", "completed"]


def test_an_empty_project_has_no_jobs(home: Path) -> None:
    listed = call(home, "queue", "ls")
    assert listed.returncode == 0
    assert "No job waits or runs" in listed.stderr
    assert not store_file(home).exists()


def test_jobs_and_their_commands_need_no_torch(home: Path) -> None:
    script = (
        "import sys; from sracl.cli.app import main; code = main(['run', sys.argv[1], '--detach']);"
        "import sracl.jobs.waiting, sracl.jobs.worker; sys.exit(code or ('torch' in sys.modules))"
    )
    environment = surroundings(home)
    assert call(home, "queue", "pause").returncode == 0
    assert subprocess.run([sys.executable, "-c", script, str(sracl_recipe(home))], env=environment, check=False).returncode == 0
    wait_until(home, lambda found: len(found) == 1)


def test_slots_that_are_no_number_are_told_before_anything_is_queued(home: Path) -> None:
    refused = called("run", str(sracl_recipe(home)), "--detach", environment={**surroundings(home), "SRACL_SLOTS": "many"})
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.strip() == (
        "SRACL_SLOTS is 'many'; it should be how many jobs may share the processor, 1 or more, such as SRACL_SLOTS=2."
    )
    assert not store_file(home).exists()
