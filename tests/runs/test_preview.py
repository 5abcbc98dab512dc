"""What `--dry-run` expects of a run: its stages, its phases, and what its objectives ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sracl.recipes.plan import plan
from sracl.runs.execute import execute
from sracl.runs.preview import MICROSECONDS_A_SEQUENCE, preview
from sracl.runs.screen import Screen
from sracl.tracking.store import Store
from tests.runs.test_trainings import Interrupting

USERS, PREFIXES = 100, 700
"""Of ten interactions each: a row of `user` for each, and seven of `prefix`."""

BARE = """
recipe = 1
name = "mine"
seeds = [1]
[data]
name = "markov"
max_length = 8
num_items = 40
num_users = 100
length = 10
[backbone]
use = "sasrec"
hidden_size = 8
inner_size = 16
[[objective]]
id = "next"
use = "next_item"
loss = "cross_entropy"
[train]
batch_size = 64
epochs = 2
[evaluation]
seen_items = "keep"
cutoffs = [1, 10]
"""
PAIR = '[[view]]\nid = "pair"\nuse = "independent"\naugmenter = "crop"\n'
CONTRAST = '[[objective]]\nid = "{id}"\nuse = "view_contrast"\nweight = 0.1\nviews = {views}\nloss = "nt_xent"\n'
SHARED, OWN = '"view.pair"', '{ use = "independent", augmenter = "crop" }'
STAGE = """
[[stage]]
id = "pretrain"
samples = "user"
[[stage.objective]]
id = "contrast"
use = "view_contrast"
views = "view.pair"
loss = "nt_xent"
[stage.train]
batch_size = 16
epochs = 5
"""

Outlook = Callable[..., Any]


@pytest.fixture
def outlook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outlook:
    """What is expected of the one run of a recipe in an empty project."""
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SRACL_DB", raising=False)

    def outlook(extra: str, *sets: str, seed: int = 1) -> Any:
        recipe = tmp_path / "mine.toml"
        recipe.write_text(BARE + extra)
        (run,) = json.loads(preview(plan(str(recipe), sets=sets, seeds=[seed]), as_json=True))["data"]["runs"]
        return run

    return outlook


def sequences(count: float) -> Any:
    """Seconds that training on so many sequences takes by the rule of thumb."""
    return pytest.approx(count * MICROSECONDS_A_SEQUENCE / 1e6)


@pytest.mark.parametrize(
    ("extra", "a_sample"),
    [
        ("", 1),
        (PAIR + CONTRAST.format(id="one", views=SHARED), 3),
        (PAIR + CONTRAST.format(id="one", views=SHARED) + CONTRAST.format(id="two", views=SHARED), 3),  # shared: encoded once
        (PAIR + CONTRAST.format(id="one", views=SHARED) + CONTRAST.format(id="two", views=OWN), 5),
        (CONTRAST.format(id="one", views=OWN) + '[[train.phase]]\nid = "only"\nupdate = ["backbone"]\nweights = { one = 0 }\n', 1),
        (
            CONTRAST.format(id="one", views=OWN)
            + '[[train.phase]]\nid = "first"\nupdate = ["backbone"]\n'
            + '[[train.phase]]\nid = "second"\nupdate = ["backbone"]\nweights = { next = 0 }\n',
            3 + 2,
        ),
    ],
)
def test_counts_what_the_objectives_of_every_phase_ask_for(outlook: Outlook, extra: str, a_sample: int) -> None:
    found = outlook(extra)
    assert (found["seconds"], found["basis"]) == (sequences(2 * PREFIXES * a_sample), "rule of thumb")


def test_counts_the_samples_of_the_sampler(outlook: Outlook) -> None:
    assert outlook("", "samples=user")["seconds"] == sequences(2 * USERS)


def test_counts_every_stage(outlook: Outlook) -> None:
    assert outlook(PAIR + STAGE)["seconds"] == sequences(5 * USERS * 2 + 2 * PREFIXES)


def test_a_rule_of_thumb_is_no_bound(tmp_path: Path, outlook: Outlook) -> None:
    outlook("")  # the recipe's file
    text = preview(plan(str(tmp_path / "mine.toml")))
    assert "new, roughly 0 s (a guess; nothing like it was timed here)" in text  # 2 * 700 sequences of 60 µs
    assert "roughly 0 s of training if no run stops early." in text
    assert "at most" not in text


def test_knows_what_was_timed_here_and_what_an_interrupted_stage_has_left(outlook: Outlook, tmp_path: Path) -> None:
    extra = PAIR + STAGE
    assert outlook(extra)["state"] == "new"
    made = plan(str(tmp_path / "mine.toml"))
    with Store.open(tmp_path / ".sracl" / "store.db") as store:
        with Interrupting(0, 3, 1) as screen, pytest.raises(KeyboardInterrupt):
            execute(made, store, screen, device="cpu")
        assert outlook(extra)["state"] == "interrupted, goes on after epoch 2"
        assert outlook(extra, seed=2)["basis"] == "rule of thumb"  # only one of the two stages was timed
        with Screen(quiet=True) as screen:
            execute(made, store, screen, device="cpu")
    assert outlook(extra)["state"] == "done"
    other = outlook(extra, seed=2)
    assert (other["state"], other["basis"]) == ("new", "timed here")
    assert other["seconds"] > 0
    text = preview(plan(str(tmp_path / "mine.toml"), seeds=[2]))
    assert text.count("at most") == 2
    assert "(timed here)" in text
    twice = outlook(extra, "stage.pretrain.train.epochs=10", seed=2)
    assert (twice["basis"], twice["seconds"] > other["seconds"]) == ("timed here", True)
    assert outlook(extra, "stage.pretrain.train.batch_size=8", seed=2)["basis"] == "rule of thumb"


def test_what_was_timed_on_one_split_says_nothing_of_another(outlook: Outlook, tmp_path: Path) -> None:
    outlook("")  # the project
    sets = ["data.num_users=30", "data.num_items=60", "backbone.hidden_size=8", "train.epochs=1"]
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        execute(plan("methods/sasrec", sets=sets, seeds=[1]), store, screen, device="cpu")
    assert "(timed here)" in preview(plan("methods/sasrec", sets=sets, seeds=[2]))
    by_time = 'evaluation.split={by="time", valid=0.3, test=0.6}'
    assert "nothing like it was timed here" in preview(plan("methods/sasrec", sets=[*sets, by_time], seeds=[2]))


def test_data_that_cannot_be_divided_are_not_said_to_be_absent(outlook: Outlook, tmp_path: Path) -> None:
    by_time = 'evaluation.split={by="time", valid=0.8, test=0.9}'
    found = outlook("", by_time)
    assert found["seconds"] is None
    assert found["basis"].startswith("the data set 'markov' does not say when anything was chosen")
    text = preview(plan(str(tmp_path / "mine.toml"), sets=[by_time], seeds=[1, 2]))
    assert text.count("does not say when") == 1
    assert "not here" not in text
