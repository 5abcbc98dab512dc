"""What Tab offers, asked for as the shells ask."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sracl import paths
from sracl.tracking import tagging
from sracl.tracking.store import Store
from tests.support.recipes import called, sracl_recipe

ROOT = Path(__file__).resolve().parents[2]
RUN: dict[str, Any] = {
    "recipe": "ablation",
    "cell": {},
    "seed": 2024,
    "label": "",
    "dataset": "demo",
    "values": {},
    "origins": {},
    "leaky": (),
    "folder": "",
    "environment": {},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("SRACL_DB", raising=False)
    return tmp_path


@pytest.fixture
def _two_runs(home: Path) -> None:
    with Store.open(paths.store_file()) as store:
        store.recipe("ablation", {}, "recipes/ablation.toml")
        store.register(run_id="1a2b", digest="1", variant="full", **RUN)
        store.register(run_id="1c3d", digest="2", variant="w/o cross", **RUN)


def asked(line: str, **variables: str) -> str:
    """What the program answers a shell whose line ends here."""
    words = shlex.split(line) + [""] * line.endswith(" ")
    bash = {"_SRACL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    names = ("SRACL_HOME", "SRACL_DATA", "PATH")
    done = called(environment={**{name: os.environ[name] for name in names}, **bash, **variables})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def offered(line: str) -> list[str]:
    return asked(line).split("\n")[:-1] if asked(line).strip() else []


def test_recipes_by_name_and_file(home: Path) -> None:
    (home / "recipes").mkdir()
    sracl_recipe(home, name="mine")
    (home / "mine.toml").rename(home / "recipes" / "mine.toml")
    for command in ("run", "queue add", "llm plan", "semantics report"):
        assert offered(f"sracl {command} quick") == ["quickstart"]
    assert offered("sracl run rec") == ["recipes/mine.toml"]
    assert offered("sracl run recipes/m") == ["recipes/mine.toml"]
    assert offered("sracl run methods/sracl_o") == ["methods/sracl_official"]


def test_components_by_address_and_once_begun_by_name(home: Path) -> None:
    assert offered("sracl show backbones/sas") == ["backbones/sasrec"]
    assert offered("sracl check backbones/bsa") == ["backbones/bsarec"]
    assert offered("sracl check substit") == ["substitute"]
    assert "substitute" not in offered("sracl check ")
    assert offered("sracl list back") == ["backbones"]
    assert offered("sracl list metr") == ["metrics"]
    assert offered("sracl show ndc") == ["ndcg"]


def test_data_sets(home: Path) -> None:
    folder = home / "data" / "shop"
    folder.mkdir(parents=True)
    (folder / "interactions.tsv").write_text("")
    assert offered("sracl data stats sh") == ["shop"]
    assert offered("sracl data get beau") == ["beauty"]
    assert offered("sracl data get amazon-be") == ["amazon-beauty"]
    assert offered("sracl data get sh") == []


@pytest.mark.usefixtures("_two_runs")
def test_runs_with_what_they_are() -> None:
    for command in ("show", "rm", "diff", "export", "recommend", "logs"):
        assert offered(f"sracl {command} 1") == ["1c3d", "1a2b"]
        assert offered(f"sracl {command} 1a") == ["1a2b"]
    assert offered("sracl diff 1a2b 1c") == ["1c3d"]
    assert offered("sracl rm @") == ["@last"]
    with Store.open(paths.store_file()) as store:
        store.metrics("1a2b", split="valid", protocol={"seen_items": "keep"}, group="all", values={"hr@10": 0.4, "ndcg@10": 0.3}, count=9)
        store.finish("1a2b", "completed")
    assert offered("sracl rm @") == ["@last", "@best:hr@10", "@best:ndcg@10"]
    assert offered("sracl compare ab") == offered("sracl runs --recipe ab") == ["ablation"]
    with Store.open(paths.store_file()) as store:
        tagging.tag(store, ["1a2b"], add=["old"])
    assert offered("sracl tag 1a2b +") == ["+old"]
    assert offered("sracl runs --tag ") == ["old"]
    zsh = asked("", _SRACL_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="sracl rm 1a")
    assert '"1a2b":"completed, ablation/full #old, demo, seed 2024"' in zsh


def test_values_of_the_recipe_on_the_line(home: Path) -> None:
    recipe = sracl_recipe(home, name="mine")
    assert offered(f"sracl run {recipe} --set backbone.h") == ["backbone.hidden_size=16"]
    assert offered(f"sracl queue add {recipe} --seeds 2 -s data.name") == ["data.name=markov"]
    assert "train.optimizer.betas" in offered(f"sracl run {recipe} -s ")
    assert offered("sracl run tuning --set sweep.t") == ["sweep.trials=12"]
    assert offered("sracl run no_such_recipe --set ") == offered("sracl run --set ") == []


@pytest.mark.parametrize("contents", [None, b"no database" * 1000])
def test_a_store_that_cannot_be_read_offers_nothing_and_stays_as_it_is(home: Path, contents: bytes | None) -> None:
    if contents is not None:
        paths.store_file().parent.mkdir()
        paths.store_file().write_bytes(contents)
    before = sorted(home.rglob("*"))
    assert offered("sracl rm 1") == offered("sracl logs 1") == offered("sracl compare a") == []
    assert sorted(home.rglob("*")) == before


@pytest.mark.usefixtures("_two_runs")
def test_bash_completes_by_the_script_that_sracl_prints_for_it(home: Path) -> None:
    program = home / "bin" / "sracl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m sracl "$@"\n')
    program.chmod(0o755)
    surroundings = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    script = (
        'eval "$(_SRACL_COMPLETE=source_bash sracl)"\nCOMP_WORDS=(sracl rm 1a)\nCOMP_CWORD=2\n'
        '_sracl_completion sracl 1a rm\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "--norc", "-c", script], env=surroundings, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("1a2b\n", "")


@pytest.mark.usefixtures("_two_runs")
@pytest.mark.parametrize("line", ["sracl show ", "sracl rm ", "sracl run methods/sracl --set "])
def test_completion_loads_no_tensor_library(line: str) -> None:
    probe = "import sys; from sracl.cli.app import main; main(); print(*sys.modules, file=sys.stderr)"
    bash = {"_SRACL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", probe], env={**os.environ, **bash}, capture_output=True, text=True, timeout=60)
    assert len(done.stdout.splitlines()) > 2
    assert not {"torch", "transformers", "sklearn", "textual", "sqlalchemy"} & set(done.stderr.split())
