"""Tags and notes by the commands that give them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sracl import paths
from sracl.tracking.store import Store
from tests.cli.test_runs import register
from tests.support.recipes import called


@pytest.fixture(autouse=True)
def _two_runs(empty_project: None) -> None:
    with Store.open(paths.store_file()) as store:
        register(store, "first")
        register(store, "second")


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return called(*arguments, environment=dict(os.environ))


def tags() -> dict[str, list[str]]:
    return {run["id"]: run["tags"] for run in json.loads(call("runs", "--json").stdout)["data"]}


def test_runs_are_tagged_shown_and_found() -> None:
    assert call("tag", "fir", "@last", "+ablation", "+old").returncode == 0
    done = call("tag", "second", "-old", "+ablation")
    assert done.stdout.splitlines()[1].split() == ["second", "ablation/second", "#ablation", "demo", "2024"]
    assert tags() == {"first": ["ablation", "old"], "second": ["ablation"]}
    (line,) = call("runs", "--tag", "ablation", "--tag", "old").stdout.splitlines()[1:]
    assert "first" in line
    assert "ablation/first #ablation #old" in line
    assert call("runs", "--tag", "odl").stderr == "There is no run with the tag odl. `sracl runs` lists those there are.\n"
    assert "\n  tags: ablation, old\n" in call("show", "first").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["one", "no", "+x"],
            "There is no run 'one'. `sracl runs` lists them.\nThere is no run 'no'. `sracl runs` lists them.",
        ),
        (["+x"], "Say which runs, and +TAG to give them a tag or -TAG to take one away, such as `sracl tag @last +ablation`."),
        (["first"], "Say which runs, and +TAG to give them a tag or -TAG to take one away, such as `sracl tag @last +ablation`."),
        (["first", "+x", "-hodl"], "None of these runs has the tag 'hodl'. Did you mean 'hold'? They have: hold."),
        (["first", "+x", "--hold"], "There is no option --hold; a tag is taken away by one hyphen, as in -old."),
        (["first", "+a b"], "A tag is a word of letters, digits, '_', '-' and '.', at most 64 of them; 'a b' is none."),
    ],
)
def test_what_means_nothing_is_refused_and_nothing_is_done(words: list[str], told: str) -> None:
    call("tag", "first", "+hold")
    done = call("tag", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{told}\n")
    assert tags() == {"first": ["hold"], "second": []}


def test_a_note_is_kept_shown_and_taken_away(tmp_path: Path) -> None:
    assert call("note", "first", "diverged once").returncode == 0
    assert call("note", "first").stdout == "diverged once\n"
    assert "\n  note: diverged once\n" in call("show", "first").stdout
    assert json.loads(call("show", "first", "--json").stdout)["data"][0]["note"] == "diverged once"
    assert [run["note"] for run in json.loads(call("runs", "--json").stdout)["data"]] == [None, "diverged once"]
    call("note", "first", "")
    assert call("note", "first").stderr == "Run first has no note.\n"
    assert "note:" not in call("show", "first").stdout
