"""Components of other distributions: found by their metadata, imported by whoever asks for them, and by nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.plugins import MEAN_BACKBONE, broken_distribution, plugin_distribution, python, sracl

if TYPE_CHECKING:
    from pathlib import Path

LOAD_AND_RUN = """
import torch
from sracl.interfaces import SequenceSpec
from sracl.registry.catalog import catalog
from sracl.registry.parameters import bind, build
bound, problems = bind(catalog(), "backbone", {"use": "mean_of_items", "hidden_size": 4}, "backbone")
assert not problems, problems
made = build(catalog(), "backbone", bound, lambda name, path: SequenceSpec(num_items=9, max_length=5), "backbone")
states = made.encode(torch.tensor([[0, 3, 7], [1, 2, 3]]), torch.tensor([2, 3]))
print(type(made).__name__, tuple(states.shape), tuple(made.score(states).shape))
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    return plugin_distribution(tmp_path / "lab")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return broken_distribution(tmp_path / "broken")


def test_a_distribution_with_one_backbone_is_listed_with_its_docstring(lab: Path) -> None:
    done = sracl(["list", "backbones", "--json"], [lab])
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["data"]}
    assert rows["mean_of_items"] == {
        "kind": "backbones",
        "name": "mean_of_items",
        "missing": [],
        "summary": "The mean of the items so far, through one linear layer.",
        "owner": "my-lab",
    }
    assert rows["sasrec"]["owner"] == "sracl"


def test_it_is_shown_with_its_parameters(lab: Path) -> None:
    done = sracl(["show", "mean_of_items"], [lab])
    assert done.returncode == 0, done.stderr
    assert "hidden_size" in done.stdout
    assert "an integer of at least 1" in done.stdout
    assert "my-lab" in done.stdout


def test_it_is_built_from_a_component_table(lab: Path) -> None:
    done = python(["-c", LOAD_AND_RUN], [lab])
    # two sequences, width 4; nine items to score
    assert done.stdout.strip() == "MeanOfItems (2, 4) (2, 9)", done.stderr


def test_its_broken_twin_breaks_nothing_else(lab: Path, broken: Path) -> None:
    listed = sracl(["list", "backbones"], [lab, broken])
    assert listed.returncode == 0, listed.stderr
    assert "broken" in listed.stdout
    assert sracl(["show", "broken"], [lab, broken]).returncode == 0
    done = python(["-c", LOAD_AND_RUN], [lab, broken])
    assert done.stdout.startswith("MeanOfItems"), done.stderr


def test_whoever_asks_for_the_broken_twin_learns_whose_it_is_and_why(lab: Path, broken: Path) -> None:
    load = "from sracl.registry.catalog import catalog\ncat = catalog()\ncat.load(cat.find('backbone', 'broken'))"
    done = python(["-c", load], [lab, broken])
    assert done.returncode != 0
    message = done.stderr.rpartition("PluginError: ")[2]
    for part in ("'broken-lab'", "broken_lab_models", "No module named 'a_library_that_nobody_has'", "line 2"):
        assert part in message


def test_a_plug_in_whose_module_is_gone_is_listed_as_such(tmp_path: Path) -> None:
    lab = plugin_distribution(tmp_path / "lab", entry_points={"sracl.losses": {"lost": "module_that_is_gone:Lost"}})
    done = sracl(["list", "losses"], [lab])
    assert done.returncode == 0
    assert "nt_xent" in done.stdout
    assert "my-lab" in done.stderr
    assert "module_that_is_gone" in done.stderr


def test_a_name_of_ours_taken_by_another_is_an_error_only_for_who_asks(tmp_path: Path) -> None:
    lab = plugin_distribution(tmp_path / "lab", entry_points={"sracl.backbones": {"sasrec": "my_lab_models:MeanOfItems"}})
    done = sracl(["show", "backbones/sasrec"], [lab])
    assert done.returncode == 2
    assert "sracl (" in done.stderr
    assert "my-lab (" in done.stderr
    assert "my-lab:sasrec" in done.stderr
    theirs = sracl(["show", "backbones/my-lab:sasrec"], [lab])
    assert "my_lab_models:MeanOfItems" in theirs.stdout, theirs.stderr
    assert "sracl.backbones.sasrec:SASRec" in sracl(["show", "backbones/sracl:sasrec"], [lab]).stdout
    assert sracl(["show", "nt_xent"], [lab]).returncode == 0


PLAN = """
import sys
from sracl.errors import RecipeError
from sracl.recipes.plan import plan
try:
    (run,) = plan(sys.argv[1], sets=["backbone.num_layers=3"], seeds=[1]).runs
    print(run.digest, *(run.values["backbone"][name] for name in ("use", "num_layers")), end="")
except RecipeError as error:
    print(*(f"{problem.where}: {problem.what}" for problem in error.problems), sep="\\n", end="")
"""


def test_a_name_of_ours_taken_by_another_changes_no_recipe_of_ours(tmp_path: Path) -> None:
    groups = {"backbones": ("sasrec",), "optimizers": ("adam",), "losses": ("cross_entropy", "nt_xent"), "similarities": ("dot",)}
    points = {f"sracl.{group}": dict.fromkeys(names, "my_lab_models:MeanOfItems") for group, names in groups.items()}
    lab = plugin_distribution(tmp_path / "lab", entry_points=points)
    mine = tmp_path / "mine.toml"
    mine.write_text('recipe = 1\nname = "mine"\nextends = "methods/mclrec"\n[backbone]\nuse = "sasrec"\nnum_layers = 3\n', "utf-8")

    def planned(recipe: str, folder: Path) -> list[str]:
        done = python(["-c", PLAN, recipe], [folder])
        assert done.returncode == 0, done.stderr
        return done.stdout.split(maxsplit=2)

    without = planned("methods/mclrec", tmp_path)
    assert without[1:] == ["sasrec", "3"]
    assert planned("methods/mclrec", lab) == [without[0], "sracl:sasrec", "3"]
    assert planned(str(mine), tmp_path) == without
    path, _, what = planned(str(mine), lab)
    assert path == "backbone.use:"
    assert what.endswith("Say which: my-lab:sasrec, sracl:sasrec.")


def test_a_package_of_cards_adds_cards_and_keeps_its_broken_ones_to_itself(tmp_path: Path) -> None:
    good = 'kind = "dataset"\nname = "shop"\nsummary = "Another shop."\n[counts]\nusers = 1\nitems = 1\ninteractions = 1\n'
    lab = plugin_distribution(
        tmp_path / "lab",
        modules={"lab_cards/__init__.py": "raise RuntimeError", "lab_cards/datasets/shop.toml": good},
        entry_points={"sracl.cards": {"lab": "lab_cards"}},
    )
    other = plugin_distribution(
        tmp_path / "other",
        name="other-lab",
        modules={"other_cards/x.toml": 'kind = "los"\n'},
        entry_points={"sracl.cards": {"other": "other_cards"}},
    )
    done = sracl(["list", "datasets", "--json"], [lab, other])
    answer = json.loads(done.stdout)
    assert {"name": "shop", "kind": "datasets", "summary": "Another shop.", "owner": "my-lab", "missing": []} in answer["data"]
    assert len(answer["errors"]) == 1
    assert "other-lab" in answer["errors"][0]
    assert "x.toml" in answer["errors"][0]


def test_a_class_on_the_path_needs_no_registration(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "plain_models.py").write_text(MEAN_BACKBONE)
    done = sracl(["show", "backbones/plain_models:MeanOfItems"], [folder])
    assert done.returncode == 0, done.stderr
    assert "The mean of the items so far" in done.stdout


def test_an_entry_point_that_names_no_object_is_reported(tmp_path: Path) -> None:
    lab = plugin_distribution(tmp_path / "lab", entry_points={"sracl.losses": {"odd": "my_lab_models"}})
    done = sracl(["list", "losses"], [lab])
    assert done.returncode == 0
    assert "entry point 'odd' should read package.module:name" in done.stderr


def test_a_group_that_is_not_read_is_reported_with_the_nearest(tmp_path: Path) -> None:
    lab = plugin_distribution(tmp_path / "lab", entry_points={"sracl.loss": {"mine": "my_lab_models:MeanOfItems"}})
    done = sracl(["list", "losses"], [lab])
    assert done.returncode == 0
    assert "Distribution 'my-lab': the group 'sracl.loss' of its entry points is not read. Did you mean 'sracl.losses'?" in done.stderr
