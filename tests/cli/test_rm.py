"""`sracl rm`: what is shown, what is asked, what goes, and what does not, also when a process is killed."""

from __future__ import annotations

import json
import os
import pty
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sracl.tracking import queries
from sracl.tracking import removal as rows
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from sracl.tracking.tables import Entry, Point, Run
from sracl.tracking.values import now
from tests.support.recipes import HELD, called, let_train, project, sracl_recipe, start

PLAIN = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu")
"""SASRec alone: no texts, no neighbours."""


def store_file(home: Path) -> Path:
    return home / ".sracl" / "store.db"


def ids(home: Path) -> list[str]:
    """Runs in the store, the newest first."""
    with Reader.open(store_file(home)) as store:
        return [run.id for run in queries.runs(store)]


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "runs").iterdir())


def said(home: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = called(*arguments, environment=project(home))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two seeds of a recipe."""
    home = tmp_path_factory.mktemp("trained")
    said(home, "run", str(sracl_recipe(home, epochs=1, users=60)), *PLAIN, "--quiet", "--seeds", "1,2")
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, in a folder of its own."""
    shutil.copytree(trained, tmp_path / "project")
    return tmp_path / "project"


def made_up(home: Path, count: int) -> None:
    """Runs with rows and files, as many as asked for; the rows in one transaction, which is quick."""
    with Store.open(store_file(home)) as store:
        store.recipe("many", {}, "many.toml")
        with store.writing() as session:
            for number in range(count):
                run_id = f"r{number:03}"
                session.add(
                    Run(id=run_id, digest=run_id, dataset="demo", seed=number, label=run_id, state="completed", created=now(), leaky=[],
                        values={}, origins={}, environment={}, folder="")
                )  # fmt: skip
                session.flush()
                session.add(Entry(recipe="many", variant="", cell="{}", seed=number, dataset="demo", ordinal=0, run_id=run_id))
                session.add(Point(run_id=run_id, name="loss", epoch=1, value=1.0))
        for run_id in ids(home):
            for name in ("best.safetensors", "ranks.npz", "plan.json"):
                (home / "runs" / run_id).mkdir(parents=True, exist_ok=True)
                (home / "runs" / run_id / name).write_bytes(b"x" * 1000)


def test_a_script_is_shown_what_would_go_and_nothing_goes(home: Path) -> None:
    before = ids(home)
    shown = said(home, "rm", "--recipe", "small")
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["state", "run", "recipe", "data", "seed", "age", "size"]
    assert [line.split()[1] for line in lines[1:]] == before
    size = sum(path.stat().st_size for path in (home / "runs").rglob("*") if path.is_file())
    assert shown.stderr == f"2 runs, {size / 1000:.1f} kB. Nothing was removed; the same command with --yes removes them.\n"
    assert ids(home) == before == sorted(folders(home), key=before.index)


def test_a_run_that_was_removed_is_trained_again_and_its_neighbour_is_not(home: Path) -> None:
    second, first = ids(home)
    told = said(home, "rm", second[:6], "--yes")
    assert told.stdout.splitlines()[-1].startswith("Removed 1 run, ")
    assert (ids(home), folders(home)) == ([first], [first])
    again = said(home, "run", str(home / "small.toml"), *PLAIN, "--seeds", "1,2")
    assert "seed 2  epoch 1/1" in again.stderr
    assert "seed 1  epoch" not in again.stderr
    assert sorted(ids(home)) == sorted([first, second])
    with Reader.open(store_file(home)) as store:
        assert {run.attempt for run in queries.runs(store)} == {1}


def test_an_imported_run_can_be_trained_here_once_it_was_removed(home: Path, tmp_path: Path) -> None:
    said(home, "export", "-o", str(tmp_path / "runs.jsonl"))
    mine = tmp_path / "mine"
    mine.mkdir()
    recipe = str(sracl_recipe(mine, epochs=1, users=60))
    said(mine, "import", str(tmp_path / "runs.jsonl"))
    assert "2 of 2 runs are done, 2 of them imported" in said(mine, "run", recipe, *PLAIN, "--seeds", "1,2").stderr
    assert "[imported]" in said(mine, "rm", "--recipe", recipe, "--yes").stdout
    assert (ids(mine), folders(mine)) == ([], [])
    said(mine, "run", recipe, *PLAIN, "--seeds", "1,2", "--quiet")
    assert sorted(ids(mine)) == sorted(ids(home))
    assert all((mine / "runs" / run_id / "best.safetensors").is_file() for run_id in ids(mine))
    assert "[imported]" not in said(mine, "runs").stdout


def test_everything_that_is_wrong_with_a_command_line_is_told_at_once(home: Path) -> None:
    told = said(home, "rm", "zzz", "yyy", "--yes", code=2).stderr
    assert "There is no run 'zzz'." in told
    assert "There is no run 'yyy'." in told
    assert "Which runs?" in said(home, "rm", "--yes", code=2).stderr
    assert "not both" in said(home, "rm", "zzz", "--recipe", "small", "--yes", code=2).stderr
    for empty in (("",), (ids(home)[0], ""), ("--recipe", ""), ("--recipe", "", "--state", "completed")):
        assert "An empty name means no run" in said(home, "rm", *empty, "--yes", code=2).stderr
    assert "Did you mean 'small'?" in said(home, "rm", "--recipe", "smal", "--yes", code=2).stderr
    assert len(ids(home)) == 2


def test_states_choose_runs_and_none_is_no_error(home: Path) -> None:
    assert "There is no run of recipe 'small' in state failed" in said(home, "rm", "--recipe", "small", "--state", "failed", "-y").stderr
    said(home, "rm", "--state", "completed", "--yes")
    assert ids(home) == []
    assert "There is no run of recipe 'small': nothing to remove." in said(home, "rm", "--recipe", "small", "--yes").stderr
    assert "its runs were removed" in said(home, "show", "small", code=2).stderr
    assert said(home, "compare").returncode == 0


def test_json_says_what_would_go_and_what_went(home: Path) -> None:
    looked = json.loads(said(home, "rm", "@last", "--json").stdout)
    assert [(row["id"], row["removed"], row["recipes"]) for row in looked["data"]] == [(ids(home)[0], False, ["small"])]
    assert looked["data"][0]["bytes"] > 1000
    gone = json.loads(said(home, "rm", "@last", "--json", "--yes").stdout)
    assert [row["removed"] for row in gone["data"]] == [True]
    assert gone["data"][0]["id"] not in ids(home)


def test_a_run_of_several_recipes_is_said_to_go_from_all(home: Path) -> None:
    other = home / "other.toml"
    other.write_text((home / "small.toml").read_text().replace('name = "small"', 'name = "other"'))
    said(home, "run", str(other), *PLAIN, "--quiet", "--seeds", "1,2")
    assert (
        f"Run {ids(home)[1]} stands in the recipes small, other, and goes from all of them." in said(home, "rm", "--recipe", "other").stderr
    )


def answered(home: Path, answer: str) -> str:
    """What `sracl rm @last` prints in a terminal where its question gets this answer."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sracl", "rm", "@last"]
    process = subprocess.Popen(command, env=project(home), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    printed = ""
    while True:
        try:
            printed += os.read(ours, 65536).decode()
        except OSError:  # the other end is closed
            break
        if printed.rstrip().endswith("[y/N]:") and answer:
            os.write(ours, f"{answer}\n".encode())
            answer = ""
    os.close(ours)
    assert process.wait(300) == 0, printed
    return printed


def test_a_terminal_is_asked(home: Path) -> None:
    before = ids(home)
    assert "for good? [y/N]:" in answered(home, "n")
    assert ids(home) == before
    assert "Removed 1 run" in answered(home, "y")
    assert ids(home) == before[1:]


def test_what_is_trained_and_what_waits_for_the_same_process_stays(tmp_path: Path) -> None:
    let_train(tmp_path, 1)
    recipe = str(sracl_recipe(tmp_path, epochs=2, users=60))
    process = start("run", recipe, *PLAIN, *HELD, "--seeds", "1,2", environment=project(tmp_path))
    try:
        until = time.monotonic() + 300
        while not epochs(tmp_path).get(1):
            assert time.monotonic() < until, process.poll()
            time.sleep(0.02)
        planned, training = ids(tmp_path)
        refused = said(tmp_path, "rm", "--recipe", "small", "--yes", code=6)
        assert refused.stdout == ""
        first = f"end it with Ctrl-C, or `kill {process.pid}`, first."
        assert refused.stderr == (
            f"Run {planned} (small · seed 2) waits for process {process.pid} on this machine, which will train it: {first}\n"
            f"Run {training} (small · seed 1) is being trained by process {process.pid} on this machine: {first}\n"
            "Nothing was removed.\n"
        )
        with Store.open(store_file(tmp_path)) as store, store.writing() as session:
            rows.take_out(session, [planned])  # as an earlier version of sracl does
    finally:
        let_train(tmp_path)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 7, errors
    assert "small · seed 2: failed: was removed since this command began; run it again to train it" in errors
    assert ids(tmp_path) == folders(tmp_path) == [training]
    assert not list(store_file(tmp_path).parent.glob("upcoming*"))
    said(tmp_path, "rm", training, "--yes")


def test_a_process_that_is_killed_holds_back_none_of_the_runs_it_had_not_begun(tmp_path: Path) -> None:
    let_train(tmp_path, 1)
    recipe = str(sracl_recipe(tmp_path, epochs=2, users=60))
    process = start("run", recipe, *PLAIN, *HELD, "--seeds", "1,2", environment=project(tmp_path))
    while not epochs(tmp_path).get(1):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=300)
    planned, begun = ids(tmp_path)
    said(tmp_path, "rm", planned, begun, "--yes")
    assert ids(tmp_path) == []


def epochs(home: Path) -> dict[int, int | None]:
    """Seed -> epochs that the store knows of."""
    if not store_file(home).exists():
        return {}
    with Reader.open(store_file(home)) as store:
        return {run.seed: run.epoch for run in queries.runs(store)}


def _hold_the_last() -> None:
    """Removals of 120 runs do not end."""
    take_out = rows.take_out
    transactions = count(1)

    def held(*given: Any) -> Any:
        if next(transactions) == 6:
            time.sleep(300)
        return take_out(*given)

    rows.take_out = held  # type: ignore[assignment]


@pytest.mark.parametrize("trial", [0, 1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_killed_at_any_moment_every_run_is_whole_or_gone(tmp_path: Path, trial: int) -> None:
    made_up(tmp_path, 120)
    process = start("rm", "--recipe", "many", "--yes", environment=project(tmp_path), before=_hold_the_last)
    while len(ids(tmp_path)) == 120:
        assert process.poll() is None
        time.sleep(0.001)
    time.sleep(random.Random(trial).uniform(0, 0.05))  # they go in six transactions, with the files of twenty runs after each
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    left = ids(tmp_path)
    assert left
    assert {len(list((tmp_path / "runs" / run_id).glob("*.*"))) for run_id in left} == {3}
    assert not dangling(tmp_path)
    said(tmp_path, "rm", left[0], "--yes")  # and completes what was broken off
    assert folders(tmp_path) == sorted(left[1:])
    said(tmp_path, "rm", "--recipe", "many", "--yes")
    assert (ids(tmp_path), folders(tmp_path)) == ([], [])


def dangling(home: Path) -> list[Any]:
    with closing(sqlite3.connect(store_file(home))) as view:
        return view.execute("PRAGMA foreign_key_check").fetchall()
