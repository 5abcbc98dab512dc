"""Whole runs through the command line: what is said when something is wrong, and what is left behind."""

from __future__ import annotations

import errno
import json
import os
import resource
import sqlite3
import sys
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sracl import paths, processor, whole_file
from sracl.compare.leaderboard import leaderboard
from sracl.data import datasets
from sracl.errors import BudgetError, ResourceError
from sracl.recipes.plan import Plan, RunPlan, plan
from sracl.runs import entries, execute
from sracl.runs.execute import choose_device
from sracl.runs.screen import Screen
from sracl.runs.signals import Terminated
from sracl.runs.training import train
from sracl.tracking import artifacts, queries
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from tests.support.recipes import called, project, sracl, sracl_recipe, start

PLAIN = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu")
"""SASRec alone: no texts, no neighbours."""


def test_prints_a_leaderboard_and_keeps_plan_ranks_and_weights(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path, epochs=1)
    done = sracl("run", str(recipe), *PLAIN, "--json", environment=project(tmp_path))
    assert done.returncode == 0, done.stderr
    board = json.loads(done.stdout)
    assert {block["protocol"]["seen_items"] for block in board["data"]} == {"keep", "exclude"}
    with Reader.open(tmp_path / ".sracl" / "store.db") as store:
        (run,) = queries.runs(store)
        kept = {artifact.name for artifact in artifacts.of_run(store, run.id)}
        figures = {(row.group, row.name): row.value for row in queries.final_metrics(store, [run.id], split="test")}
    assert kept - {"sracl.patch"} == {"packages", "best", "ranks"}
    folder = tmp_path / "runs" / run.id
    assert json.loads((folder / "plan.json").read_text())["digest"] == run.digest
    ranks = np.load(folder / "ranks.npz")
    parts = ("exclude", "keep", "lengths", "popularity", "seen", "users")
    assert sorted(ranks) == ["head", "items", *(f"{split}.{part}" for split in ("test", "valid") for part in parts)]
    assert ranks["items"].tolist() == [40]
    assert set(ranks["test.lengths"]) == {10}  # interactions of everyone in this source
    data = datasets.of_run(run.values)
    for split, held_out in {"test": 1, "valid": 2}.items():
        distinct = [len(set(data.sequence(user)[:-held_out].tolist())) for user in ranks[f"{split}.users"]]
        assert ranks[f"{split}.seen"].tolist() == distinct
    (head,) = ranks["head"]
    tail = ranks["test.exclude"][ranks["test.popularity"] < head]
    assert 0 < len(tail) < len(ranks["test.exclude"])
    assert figures["target-tail", "hr@10"] == pytest.approx((tail <= 10).mean())
    # the figures can be had again from the ranks alone; the last protocol stored is "exclude"
    assert figures["all", "hr@10"] == pytest.approx((ranks["test.exclude"] <= 10).mean())
    assert not (folder / "last.safetensors").exists()  # a finished run needs no more than its best weights


def test_a_run_that_is_asked_to_end_when_it_is_done_stays_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)

    def done(key: str, run: object, store: Store, *_: object) -> str:
        store.finish(key, "completed", "1 epochs")
        raise Terminated

    monkeypatch.setattr(execute, "train", done)
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        with pytest.raises(Terminated):
            execute.execute(plan(str(sracl_recipe(tmp_path))), store, screen, device="cpu")
        assert [run.state for run in queries.runs(store)] == ["completed"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_run_that_is_done_stays_done_whatever_fails_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)

    def done(key: str, run: object, store: Store, *_: object) -> str:
        store.finish(key, "completed", "1 epochs")
        raise OSError(number, os.strerror(number))  # as where the terminal that is written to is gone

    monkeypatch.setattr(execute, "train", done)
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        with suppress(BudgetError):
            (result,) = execute.execute(plan(str(sracl_recipe(tmp_path))), store, screen, device="cpu")
            assert result.status == "trained"
        assert [(run.state, run.reason) for run in queries.runs(store)] == [("completed", "1 epochs")]


def test_told_to_end_while_the_store_is_locked_it_begins_no_other_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)

    def ended(*_: object) -> str:
        raise Terminated

    def locked(*_: object) -> None:
        raise ResourceError("The store was kept locked by another program for 30 s.")

    monkeypatch.setattr(execute, "train", ended)
    monkeypatch.setattr(Store, "finish", locked)
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        with pytest.raises(Terminated):
            execute.execute(plan(str(sracl_recipe(tmp_path)), seeds=[1, 2]), store, screen, device="cpu")
        assert sorted(run.attempt for run in queries.runs(store)) == [0, 1]


def test_a_run_that_an_import_completes_as_it_is_about_to_begin_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    wanted = plan(str(sracl_recipe(tmp_path)))
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:

        def imported(run: RunPlan) -> dict[str, str]:
            store.finish(wanted.runs[0].digest[:10], "completed", "elsewhere")
            return {}

        monkeypatch.setattr(execute, "environment", imported)
        (result,) = execute.execute(wanted, store, screen, device="cpu")
        (run,) = queries.runs(store)
    assert result.status == "cached"
    assert (run.state, run.reason, run.attempt) == ("completed", "elsewhere", 0)


def test_all_files_of_a_run_are_on_the_disk_before_it_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    flush, finish = whole_file.flush, Store.finish
    flushed: set[str] = set()
    before: set[str] = set()

    def flushing(path: Path) -> None:
        flushed.add(path.name)
        flush(path)

    def finishing(*arguments: Any) -> None:
        before.update(flushed)
        finish(*arguments)

    monkeypatch.setattr(whole_file, "flush", flushing)
    monkeypatch.setattr(Store, "finish", finishing)
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        (result,) = execute.execute(plan(str(sracl_recipe(tmp_path, epochs=1))), store, screen, device="cpu")
        files = {Path(row.path).name for row in artifacts.of_run(store, result.run_id) if not row.digest}
    assert {"best.safetensors", "ranks.npz", "exhibit.db"} == {name for name in files if not name.endswith((".txt", ".patch"))}
    assert files <= before


def test_seeds_that_other_words_gave_the_same_neighbours_belong_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    recipe, words = sracl_recipe(tmp_path, users=40, epochs=1), (paths.shipped("registry") / "prompts" / "products.toml").read_text()
    recipe.write_text(recipe.read_text().replace("contexts = 2", 'contexts = 2\nprompt = "mine.toml"'))
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        for seed in (1, 2):  # which the texts of a template do not depend on
            (tmp_path / "mine.toml").write_text(words.replace("catalogue notes", f"catalogue notes of edition {seed}"))
            (result,) = execute.execute(plan(str(recipe), seeds=[seed]), store, screen, device="cpu")
            assert result.status == "trained", result.reason
        made = [{row.name: row for row in artifacts.of_run(store, run.id)}["retrieve.items"] for run in queries.runs(store)]
        assert made[0].digest != made[1].digest
        assert [block.notes for block in leaderboard(store).blocks] == [(), ()]


def test_the_environment_of_a_run_is_that_of_its_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(execute, "train", lambda key, run, store, *_: store.finish(key, "completed") or "done")
    wanted = plan(str(sracl_recipe(tmp_path)))
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        with monkeypatch.context() as earlier:
            earlier.setattr(entries, "installed", {"sracl": "0.0.1", "torch": "1.0", "numpy": "1.0"}.get)
            entries.enter(store, wanted)
        execute.execute(wanted, store, screen, device="cpu")
        (run,) = queries.runs(store)
    assert run.environment["torch"] == version("torch")
    assert run.environment["device"] == "cpu"
    assert run.environment["processor"] == processor.name(torch.device("cpu")) != ""


def test_a_component_that_is_edited_meanwhile_is_what_the_digest_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    lab = tmp_path / "lab_of_edits.py"
    lab.write_text('def mine(states, item_table, targets):\n    """A loss."""\n    raise ValueError("as it was")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lab_of_edits", raising=False)

    def edited(*arguments: Any) -> str:
        lab.write_text(lab.read_text().replace("as it was", "edited"))
        return train(*arguments)

    monkeypatch.setattr(execute, "train", edited)
    own = plan(str(sracl_recipe(tmp_path)), sets=["objective.next.loss=lab_of_edits:mine"])
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        (result,) = execute.execute(own, store, screen, device="cpu")
        (run,) = queries.runs(store)
    assert result.reason == "objective 'next': as it was"
    assert run.environment["code"] == {"lab_of_edits": own.runs[0].code["lab_of_edits"]}


def test_a_prompt_that_is_edited_before_its_run_begins_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    prompt = tmp_path / "mine.toml"
    prompt.write_text((paths.shipped("registry") / "prompts" / "products.toml").read_text())
    recipe = sracl_recipe(tmp_path, epochs=1)
    recipe.write_text(recipe.read_text().replace("contexts = 2", 'contexts = 2\nprompt = "mine.toml"'))
    asked = plan(str(recipe))
    (kept,) = Plan.of_json(json.loads(json.dumps(asked.json()))).runs
    assert kept.words == asked.runs[0].words
    prompt.write_text(prompt.read_text().replace("version = 1", "version = 2"))
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        (result,) = execute.execute(asked, store, screen, device="cpu")
        assert result.reason == f"the prompt '{prompt}' has changed since the recipe was resolved; run the command again."
        (result,) = execute.execute(plan(str(recipe)), store, screen, device="cpu")
        assert result.status == "trained"


def test_a_failed_run_does_not_stop_the_others(tmp_path: Path) -> None:
    variants = '\n[[variant]]\nname = "diverges"\nset = { "train.optimizer.lr" = 1e30 }\n[[variant]]\nname = "works"\n'
    recipe = sracl_recipe(tmp_path, epochs=2, extra=variants)
    done = called("run", str(recipe), *PLAIN, environment=project(tmp_path))
    assert done.returncode == 7, done.stderr
    assert "diverges" in done.stderr
    assert "Lower the learning rate" in done.stderr
    assert "works" in done.stdout
    with Reader.open(tmp_path / ".sracl" / "store.db") as store:
        assert sorted(run.state for run in queries.runs(store)) == ["completed", "failed"]


def test_an_absent_data_set_is_named_before_anything_starts(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path)
    text = recipe.read_text().replace('name = "markov"', 'name = "yelp"')
    recipe.write_text("\n".join(line for line in text.splitlines() if not line.startswith(("num_items", "num_users", "length"))))
    done = called("run", str(recipe), *PLAIN, environment=project(tmp_path))
    assert done.returncode == 4
    assert "yelp" in done.stderr
    assert "Traceback" not in done.stderr


def test_too_many_neighbours_for_the_pool_are_refused_with_both_numbers(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path, users=4)
    done = called("run", str(recipe), "--set", "semantics.sequences.k=500", "--device", "cpu", environment=project(tmp_path))
    assert done.returncode == 4
    assert "k = 500" in done.stderr
    assert "28 rows has only 27 others" in done.stderr  # 4 users of 10 interactions: 7 samples each


def test_a_full_disk_fails_with_that_reason_and_the_run_goes_on_once_there_is_space(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path, epochs=2)
    # 276 kB of weights in the best checkpoint fit below the limit, 830 kB with the optimizer's state do not
    sizes = ("--set", "data.num_items=400", "--set", "backbone.hidden_size=64")
    command = ["run", str(recipe), *PLAIN, *sizes]
    limit = 500_000
    full = start(*command, environment=project(tmp_path), before=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)))
    _, told = full.communicate(timeout=300)
    assert full.returncode == 5, told
    assert "no space left" in told
    assert "last.safetensors" in told
    with Reader.open(tmp_path / ".sracl" / "store.db") as store:
        (run,) = queries.runs(store)
    assert run.state == "failed"
    assert "no space left" in run.reason
    assert called(*command, environment=project(tmp_path)).returncode == 0


def test_a_disk_that_is_full_for_what_sqlite_writes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)

    def full(*_: object) -> str:
        connection = sqlite3.connect(tmp_path / "exhibit.db")
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE item (text TEXT)")
        connection.execute("INSERT INTO item VALUES (zeroblob(100000))")
        raise AssertionError("there was space")

    monkeypatch.setattr(execute, "train", full)
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        with pytest.raises(BudgetError, match="no space left for"):
            execute.execute(plan(str(sracl_recipe(tmp_path))), store, screen, device="cpu")
        assert [(run.state, run.reason[:13]) for run in queries.runs(store)] == [("failed", "no space left")]


def test_a_run_whose_traceback_cannot_be_kept_fails_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)

    def fail(key: str, run: object, store: Store, screen: object, shop: object, folder: Path, *_: object) -> str:
        (folder / "traceback.txt").mkdir()  # nothing can be written there
        raise RuntimeError("this went wrong")

    monkeypatch.setattr(execute, "train", fail)
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        (result,) = execute.execute(plan(str(sracl_recipe(tmp_path))), store, screen, device="cpu")
        (run,) = queries.runs(store)
    assert result.status == run.state == "failed"
    assert run.reason.startswith("RuntimeError: this went wrong (its traceback cannot be kept in ")


def test_a_bad_recipe_reports_all_its_problems_and_leaves_nothing_behind(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path)
    recipe.write_text(
        recipe.read_text().replace("hidden_size", "hiden_size").replace('"nt_xent"', '"ntxent"').replace("epochs = 4", 'epochs = "4"')
    )
    done = called("run", str(recipe), environment=project(tmp_path))
    assert done.returncode == 3
    assert "Did you mean 'hidden_size'?" in done.stderr
    assert done.stderr.count("Did you mean 'nt_xent'?") == 2
    assert "epochs" in done.stderr
    assert not (tmp_path / ".sracl").exists()


def test_runs_that_failed_are_among_the_errors_of_json(tmp_path: Path) -> None:
    recipe = str(sracl_recipe(tmp_path, epochs=1, extra='[train.optimizer]\nuse = "adam"\nlr = 1e30\n'))
    done = called("run", recipe, *PLAIN, "--json", environment=project(tmp_path))
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["data"] == []
    assert answer["errors"][0].startswith("small · seed 1: failed: ")
    assert answer["errors"][0] in done.stderr


def test_a_dry_run_tells_and_does_nothing(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path)
    told = called("run", str(recipe), "--dry-run", environment=project(tmp_path))
    assert told.returncode == 0, told.stderr
    assert "(a guess; nothing like it was timed here)" in told.stdout
    assert told.stdout.count("to do") == 6  # describe, embed, retrieve for items and sequences
    assert {path.name for path in tmp_path.iterdir()} == {"small.toml"}
    as_json = json.loads(called("run", str(recipe), "--dry-run", "--json", environment=project(tmp_path)).stdout)
    assert as_json["data"]["runs"][0]["run_id"] == plan(str(recipe)).runs[0].digest[:10]


def test_without_early_stopping_the_best_epoch_is_chosen_by_a_metric_that_is_computed(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path, epochs=1)
    lines = recipe.read_text().replace("cutoffs = [1, 5, 10]", "cutoffs = [1, 5]").splitlines()
    recipe.write_text("\n".join(line for line in lines if not line.startswith("early_stopping")))
    done = called("run", str(recipe), *PLAIN, environment=project(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "valid.mrr@5" in done.stderr


def test_keeps_what_was_made_of_items_and_of_sequences_apart(tmp_path: Path) -> None:
    done = called("run", str(sracl_recipe(tmp_path, epochs=1)), "--device", "cpu", environment=project(tmp_path))
    assert done.returncode == 0, done.stderr
    with Reader.open(tmp_path / ".sracl" / "store.db") as store:
        (run,) = queries.runs(store)
        kept = {artifact.name for artifact in artifacts.of_run(store, run.id)}
    made = {f"{stage}.{of}" for stage in ("describe", "embed", "retrieve") for of in ("items", "sequences")}
    assert kept - {"sracl.patch"} == {*made, "packages", "best", "ranks", "exhibit"}


def test_a_project_that_cannot_hold_runs_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file of the user's")
    done = called("run", str(sracl_recipe(tmp_path, epochs=1)), *PLAIN, environment=project(tmp_path))
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "runs") in done.stderr


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    done = called("run", str(sracl_recipe(tmp_path)), "--device", "cuda:7", environment=project(tmp_path))
    assert done.returncode == 6
    assert "no device 'cuda:7'" in done.stderr
    for kind in ("gpu", "meta"):
        with pytest.raises(ResourceError, match=f"no device '{kind}'.* cuda:N"):
            choose_device(kind)
