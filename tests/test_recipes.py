"""Every recipe that is shipped resolves, and says what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sracl import paths
from sracl.recipes.load import shipped_recipes, summary
from sracl.recipes.plan import plan
from sracl.registry.catalog import catalog

FILES = sorted(paths.shipped("recipes").rglob("*.toml"))


def test_recipes_are_found() -> None:
    names = {file.relative_to(paths.shipped("recipes")).with_suffix("").as_posix() for file in FILES}

    assert names == set(shipped_recipes())
    assert names >= {"quickstart", "ablation_unlearnable", "methods/sracl_official"}
    assert names >= {f"methods/{name}" for name in ("sasrec", "gru4rec", "bsarec", "cl4srec", "duorec", "sracl")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_recipe_resolves(file: Path) -> None:
    made = plan(str(file))

    assert made.name == file.stem
    assert made.runs
    if file.parent.name != "paper":  # the paper's data sets are not ours to ship
        assert all(run.data_fingerprint for run in made.runs)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_recipe_opens_with_what_it_trains_and_its_command(file: Path) -> None:
    head = file.read_text("utf-8").partition("\nrecipe = 1\n")[0].splitlines()
    name = file.relative_to(paths.shipped("recipes")).with_suffix("").as_posix()

    assert all(line.startswith("#") for line in head), f"{file}: only comments stand before `recipe = 1`"
    assert re.search(r"^.{20,}\.\"?$", summary(file)), f"{file}: its first line should be a comment that says in a sentence what it trains"
    commands = [line for line in head if f"sracl run {name}" in line or f"sracl run recipes/{name}.toml" in line]
    assert commands, f"{file}: its opening comment should show its command, `sracl run {name}`"
    assert [line for line in head if " --set " in line], f"{file}: its opening comment should show a command that sets a value with --set"


def test_the_commands_of_opening_comments_name_recipes_that_exist() -> None:
    heads = [file.read_text("utf-8").partition("\nrecipe = 1\n")[0] for file in FILES]
    command = re.compile(r"^#   sracl (?:run|show|compare|semantics \w+|llm \w+) (\S+)", re.MULTILINE)
    named = [name for head in heads for name in command.findall(head)]

    assert len(named) >= 2 * len(FILES)
    assert {name.removeprefix("recipes/").removesuffix(".toml") for name in named} <= set(shipped_recipes())


def test_methods_name_recipes_that_exist() -> None:
    named = [name for card in catalog().cards("method") for name in card.facts.get("recipes", [])]

    assert named
    assert set(named) <= set(shipped_recipes())


def test_only_the_official_rules_leak() -> None:
    leaky = {name for name in shipped_recipes() if any(run.leaky for run in plan(name).runs)}

    assert leaky == {"methods/sracl_official"}


def test_the_ablation_has_the_five_variants_and_shares_its_stages() -> None:
    runs = plan("ablation_unlearnable").runs

    assert list(dict.fromkeys(run.variant for run in runs)) == ["SRA-CL", "Unlearnable", "w/o cross", "w/o intra", "w/o CL"]
    assert len(runs) == 10
    by_name = {run.variant: run.values for run in runs}
    assert [entry["id"] for entry in by_name["w/o CL"]["objective"]] == ["next"]
    assert by_name["w/o CL"]["semantics"] == {}
    assert list(by_name["w/o cross"]["semantics"]) == ["items"]
    assert by_name["Unlearnable"]["semantics"] == by_name["SRA-CL"]["semantics"]
    assert by_name["Unlearnable"]["objective"][1]["synthesizer"] == {"use": "random"}


def test_without_contrast_sracl_is_sasrec() -> None:
    none = ["objective.cross.weight=0.0", "objective.intra.weight=0.0"]
    (without,) = plan("methods/sracl", sets=none, seeds=[2024]).runs
    (sasrec,) = plan("methods/sasrec", seeds=[2024]).runs

    assert without.digest == sasrec.digest


@pytest.mark.parametrize(
    ("method", "without", "what_is_left"),
    [
        ("sasrec_sracl", [], "sracl"),
        ("sracl", ["cross", "intra"], "sasrec"),
        ("gru4rec_sracl", ["cross", "intra"], "gru4rec"),
        ("bsarec_sracl", ["cross", "intra"], "bsarec"),
        ("duorec_sracl", ["cross", "intra"], "duorec"),
        ("duorec_sracl", ["same_target"], "sracl"),
        ("duorec", ["same_target"], "sasrec"),
        ("cl4srec", ["views"], "sasrec"),
        ("coserec", ["views"], "sasrec"),
    ],
)
def test_a_method_without_its_objectives_is_the_method_below_it(method: str, without: list[str], what_is_left: str) -> None:
    (run,) = plan(f"methods/{method}", sets=[f"objective.{name}.weight=0.0" for name in without], seeds=[1]).runs
    (other,) = plan(f"methods/{what_is_left}", seeds=[1]).runs

    assert run.digest == other.digest
