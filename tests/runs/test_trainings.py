"""Stages of a run: each begins where the one before it ended, whatever comes between."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sracl.recipes.plan import plan
from sracl.runs.execute import execute
from sracl.runs.screen import Screen
from sracl.tracking import artifacts, queries
from sracl.tracking.queries import RunRow
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from tests.runs.test_faults import wait_for_epoch
from tests.support.plugins import ROOT
from tests.support.recipes import HELD, called, let_train, project, start

STAGED = """
recipe = 1
name = "staged"
seeds = [1]

[data]
name = "markov"
max_length = 8
num_items = 40
num_users = 100
length = 10

[backbone]
use = "sasrec"
hidden_size = 16
inner_size = 32

[[view]]
id = "pair"
use = "independent"
augmenter = { use = "crop", keep = 0.6 }

[[stage]]
id = "pretrain"
samples = "user"

[[stage.objective]]
id = "contrast"
use = "view_contrast"
views = "view.pair"
loss = "nt_xent"

[[stage.objective]]
id = "watch"
use = "tests.support.components:Watchful"
views = "view.pair"

[stage.train]
batch_size = 16
epochs = 3

[[objective]]
id = "next"
use = "next_item"
loss = "cross_entropy"

[[objective]]
id = "contrast"
use = "view_contrast"
weight = 0.1
views = "view.pair"
loss = "nt_xent"

[train]
batch_size = 64
epochs = 4

[evaluation]
seen_items = "keep"
cutoffs = [1, 10]
"""

PRETRAIN, MAIN = 3, 4


class Interrupting(Screen):
    """Stops the run as Ctrl-C would.

    Args:
        stage: In which: the number of `begin`s before it.
        epoch: Of that stage, from 1; 0 stops before its first.
        step: Of that epoch.
    """

    def __init__(self, stage: int, epoch: int, step: int) -> None:
        super().__init__(quiet=True)
        self.stage, self.at = stage, (epoch, step)
        self.begun = -1

    def begin(self, label: str, epochs: int, metric: str) -> None:
        super().begin(label, epochs, metric)
        self.begun += 1
        if self.begun == self.stage and self.at[0] == 0:
            raise KeyboardInterrupt

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        super().step(epoch, step, steps, loss)
        if self.begun == self.stage and (epoch, step) == self.at:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipes") / "staged.toml"
    path.write_text(STAGED)
    return path


def train(recipe: Path, home: Path, monkeypatch: pytest.MonkeyPatch, screen: Screen, *sets: str) -> str:
    """Carry the recipe out in a project of its own; the run's id."""
    monkeypatch.setenv("SRACL_HOME", str(home))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(home / "cache"))
    monkeypatch.delenv("SRACL_DB", raising=False)
    with Store.open(home / ".sracl" / "store.db") as store, screen:
        (result,) = execute(plan(str(recipe), sets=sets), store, screen, device="cpu")
    assert result.status == "trained", result.reason
    return result.run_id


def outcome(home: Path) -> tuple[RunRow, dict[str, list[tuple[int, float]]], dict[str, torch.Tensor], Mapping[str, Any]]:
    """The one run of a project: its row, series without times, final weights, and ranks."""
    with Reader.open(home / ".sracl" / "store.db") as store:
        (run,) = queries.runs(store)
        series = {name: points for name, points in queries.series(store, run.id).items() if "seconds." not in name}
    folder = home / "runs" / run.id
    with np.load(folder / "ranks.npz") as ranks:
        return run, series, load_file(folder / "best.safetensors"), {name: ranks[name] for name in ranks}


def assert_same(ours: Path, theirs: Path) -> None:
    """Two runs ended alike, bit for bit."""
    (run, series, weights, ranks), (_, expected_series, expected_weights, expected_ranks) = outcome(ours), outcome(theirs)
    assert run.state == "completed"
    assert series == expected_series  # every epoch of every stage, each once
    assert weights.keys() == expected_weights.keys()
    assert all(torch.equal(weights[name], expected_weights[name]) for name in weights)
    assert all((ranks[name] == expected_ranks[name]).all() for name in expected_ranks)
    assert list((ours / "runs" / run.id).glob("*last.safetensors")) == []


@pytest.fixture(scope="module")
def undisturbed(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as monkeypatch:
        train(recipe, home, monkeypatch, Screen(quiet=True))
    return home


def test_series_of_a_stage_have_its_name_and_epochs_are_counted_through(undisturbed: Path) -> None:
    run, series, _, _ = outcome(undisturbed)
    epochs = {name: [epoch for epoch, _ in points] for name, points in series.items()}
    first, last = list(range(1, PRETRAIN + 1)), list(range(PRETRAIN + 1, PRETRAIN + MAIN + 1))
    assert {name: found for name, found in epochs.items() if name.startswith("pretrain.")} == {
        "pretrain.loss": first,
        "pretrain.loss.contrast": first,
        "pretrain.loss.watch": first,
    }
    assert epochs["loss"] == epochs["loss.next"] == epochs["loss.contrast"] == epochs["valid.mrr@10"] == last
    assert run.epoch == PRETRAIN + MAIN


def test_the_best_epoch_is_counted_through_as_well(undisturbed: Path) -> None:
    run, series, _, _ = outcome(undisturbed)
    with Reader.open(undisturbed / ".sracl" / "store.db") as store:
        facts = {artifact.name: artifact.facts for artifact in artifacts.of_run(store, run.id)}
    best, value = max(reversed(series["valid.mrr@10"]), key=lambda point: point[1])
    assert dict(series["valid.mrr@10"])[facts["best"]["epoch"]] == value
    assert facts["best"]["epoch"] <= best
    assert facts["ranks"] == facts["best"]


def test_nothing_to_go_on_from_is_left_and_the_weights_of_the_stage_are(undisturbed: Path) -> None:
    run, _, _, _ = outcome(undisturbed)
    kept = {path.name for path in (undisturbed / "runs" / run.id).glob("*.safetensors")}
    assert kept == {"best.safetensors", "pretrain.best.safetensors"}


def test_a_stage_begins_with_the_weights_that_the_one_before_it_ended_with(
    recipe: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a training that moves next to nothing ends where it began: at the end of the stage
    run_id = train(recipe, tmp_path, monkeypatch, Screen(quiet=True), "train.optimizer.lr=1e-20")
    stage, end = (load_file(tmp_path / "runs" / run_id / name) for name in ("pretrain.best.safetensors", "best.safetensors"))
    assert stage.keys() == end.keys()
    for name in stage:
        torch.testing.assert_close(end[name], stage[name], atol=1e-15, rtol=0)
    run, _, _, _ = outcome(undisturbed)
    same = load_file(undisturbed / "runs" / run.id / "pretrain.best.safetensors")
    assert all(torch.equal(stage[name], same[name]) for name in same)  # and the stage itself knows nothing of what follows


def test_the_stage_makes_a_difference(recipe: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = tmp_path / "alone.toml"
    alone.write_text(f'recipe = 1\nextends = "{recipe.name}"\nname = "alone"\nunset = ["stage.pretrain"]\n')
    (tmp_path / recipe.name).write_text(recipe.read_text())
    train(alone, tmp_path, monkeypatch, Screen(quiet=True))
    (_, with_stage, *_), (_, without, *_) = outcome(undisturbed), outcome(tmp_path)
    assert [epoch for epoch, _ in without["loss"]] == list(range(1, MAIN + 1))
    assert without["loss"][0][1] != with_stage["loss"][0][1]


# of `user` samples of 100 users, 7 steps of 16; of 700 prefixes, 11 of 64
@pytest.mark.parametrize(
    ("stage", "epoch", "step"),
    [(0, 1, 2), (0, 2, 5), (0, PRETRAIN, 7), (1, 0, 0), (1, 1, 4), (1, 3, 1), (1, MAIN, 11)],
)
def test_interrupted_in_any_stage_and_continued_equals_uninterrupted(
    recipe: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: int, epoch: int, step: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path, monkeypatch, Interrupting(stage, epoch, step))
    with Reader.open(tmp_path / ".sracl" / "store.db") as store:
        assert [run.state for run in queries.runs(store)] == ["interrupted"]
    train(recipe, tmp_path, monkeypatch, Screen(quiet=True))
    assert_same(tmp_path, undisturbed)


def test_interrupted_in_both_stages_and_continued_equals_uninterrupted(
    recipe: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for screen in (Interrupting(0, 2, 1), Interrupting(0, 3, 3), Interrupting(1, 2, 2)):
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path, monkeypatch, screen)
    train(recipe, tmp_path, monkeypatch, Screen(quiet=True))
    assert_same(tmp_path, undisturbed)


def surroundings(home: Path) -> dict[str, str]:
    """A project of its own, whose processes find the components of tests."""
    return {**project(home), "PYTHONPATH": str(ROOT)}


# the main training is held before its first epoch, or before its last
@pytest.mark.parametrize(("after_epoch", "allowed"), [(2, 0), pytest.param(PRETRAIN + 2, MAIN - 1, marks=pytest.mark.slow)])
def test_kill_9_in_either_stage_then_the_same_command_equals_an_uninterrupted_run(
    recipe: Path, undisturbed: Path, tmp_path: Path, after_epoch: int, allowed: int
) -> None:
    command, environment = ("run", str(recipe), *HELD, "--device", "cpu"), surroundings(tmp_path)
    let_train(tmp_path, allowed)
    process = start(*command, environment=environment)
    wait_for_epoch(tmp_path, process, after_epoch)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=300)
    let_train(tmp_path)
    again = called(*command, environment=environment)
    assert again.returncode == 0, again.stderr
    assert_same(tmp_path, undisturbed)
