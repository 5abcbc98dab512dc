"""What cannot be had here is told before anything is computed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.plugins import plugin_distribution
from tests.support.plugins import sracl as with_plugins
from tests.support.recipes import called, project, sracl_recipe

ANNOY = 'sracl[ann] is not installed: pip install "sracl[ann]". Without it there are: auto, exact, random.'
VARIANTS = '[[variant]]\nname = "one"\n[[variant]]\nname = "other"\nset = { "semantics.sequences.retriever.use" = "annoy" }\n'


@pytest.fixture
def no_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that has no such modules, whether they are installed or not."""
    for name in ("annoy", "usearch"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("no_extras")
@pytest.mark.parametrize("command", [("run",), ("run", "-n"), ("run", "--detach"), ("queue", "add"), ("llm", "plan"), ("llm", "run")])
def test_packages_that_are_missing_are_told_all_at_once_with_their_lines(tmp_path: Path, command: tuple[str, ...]) -> None:
    recipe = sracl_recipe(tmp_path, epochs=1, extra=VARIANTS)
    recipe.write_text(recipe.read_text().replace('retriever = { use = "exact" }', 'retriever = "annoy"', 1))
    lines = recipe.read_text().splitlines()
    first, other = (1 + next(place for place, line in enumerate(lines) if text in line) for text in ('= "annoy"', '.use" = "annoy"'))
    done = called(*command, str(recipe), environment=project(tmp_path))
    assert done.returncode == 6
    assert done.stderr.splitlines() == [
        f"{recipe} cannot be run here, for 2 reasons:",
        f"  {recipe}:{first}: semantics.items.retriever.use: annoy: {ANNOY}",
        f"  {recipe}:{other}: semantics.sequences.retriever.use: annoy: {ANNOY}",
    ]
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "runs").exists()


def test_what_is_kept_already_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("annoy")
    recipe = str(sracl_recipe(tmp_path, epochs=1))
    first = ("run", recipe, "--set", 'semantics.items.retriever="annoy"', "--device", "cpu", "--quiet")
    assert called(*first, environment=project(tmp_path)).returncode == 0
    monkeypatch.setitem(sys.modules, "annoy", None)
    assert called(*first, environment=project(tmp_path)).returncode == 0  # it is done
    assert called(*first, "--set", "train.batch_size=32", environment=project(tmp_path)).returncode == 0  # its neighbours are kept
    refused = called(*first, "--set", "semantics.items.k=4", environment=project(tmp_path))
    assert (refused.returncode, refused.stderr.count("annoy:")) == (6, 1)


def test_a_component_of_others_says_on_its_card_what_it_needs(tmp_path: Path) -> None:
    card = 'kind = "retriever"\nname = "mine"\nentry = "sracl.retrievers.exact:Exact"\nsummary = "Of another laboratory."\n'
    lab = plugin_distribution(
        tmp_path / "lab",
        modules={"lab_cards/__init__.py": "", "lab_cards/mine.toml": card + 'needs = { nobody_has_this = "my-lab[more]" }\n'},
        entry_points={"sracl.cards": {"lab": "lab_cards"}},
    )
    recipe = str(sracl_recipe(tmp_path, epochs=1))
    done = with_plugins(["run", recipe, "-n", "--set", 'semantics.items.retriever="mine"'], [lab])
    assert done.returncode == 6, done.stderr
    assert done.stderr.splitlines()[1:] == [
        '  --set: semantics.items.retriever.use: mine: my-lab[more] is not installed: pip install "my-lab[more]".'
    ]
    told = json.loads(with_plugins(["list", "retrievers", "--json"], [lab]).stdout)["data"]
    assert {row["name"]: row["missing"] for row in told if row["owner"] == "my-lab"} == {"mine": ["my-lab[more]"]}
    assert {row["name"]: row["missing"] for row in told}["exact"] == []
