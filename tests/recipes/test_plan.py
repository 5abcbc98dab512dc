from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from sracl.data import datasets
from sracl.errors import DataError
from sracl.recipes.plan import plan
from sracl.registry.catalog import catalog

Child: TypeAlias = Callable[[str], str]
Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

PARENT = '[[variant]]\nname = "A"\n[[variant]]\nname = "B"\nset = { "objective.next.weight" = 1 }\n'


def test_a_plan_is_json_and_complete(write: Write, child: Child) -> None:
    made = plan(write("mine.toml", child(PARENT + '[report]\nbaseline = "A"\npublished = ["sracl-table3"]\n')))

    again = json.loads(json.dumps(made.json(), allow_nan=False))

    assert again == made.json()
    assert again["name"] == made.name == "mine"
    assert again["source"] == made.source == "mine.toml"
    assert again["report"] == {"baseline": "A", "published": ["sracl-table3"]}
    assert [run["variant"] for run in again["runs"]] == ["A", "B"]
    assert again["runs"][0]["values"] == made.runs[0].values
    assert again["runs"][0]["data_fingerprint"] == datasets.fingerprint(
        "demo", {k: v for k, v in made.runs[0].values["data"].items() if k not in ("name", "max_length")}
    )


def test_variants_that_amount_to_the_same_share_a_digest(write: Write, child: Child) -> None:
    first, second = plan(write("mine.toml", child(PARENT))).runs

    assert (first.variant, second.variant) == ("A", "B")
    assert first.digest == second.digest
    assert len(first.digest) == 64


def test_names_do_not_enter_the_digest(write: Write, child: Child) -> None:
    assert plan(write("mine.toml", child(""))).runs[0].digest == plan("small.toml").runs[0].digest


@pytest.mark.parametrize("setting", ["train.epochs=3", "seeds=[2]", "data.max_length=9", "data.num_users=700", "backbone.dropout=0.1"])
def test_what_matters_enters_the_digest(write: Write, setting: str) -> None:
    write("mine.toml", "")

    assert plan("small.toml", sets=[setting]).runs[0].digest != plan("small.toml").runs[0].digest


def test_the_data_enter_the_digest(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("mine.toml", "")
    before = plan("small.toml").runs[0]
    monkeypatch.setattr(datasets, "fingerprint", lambda name, parameters: "changed")
    after = plan("small.toml").runs[0]

    assert after.data_fingerprint == "changed"
    assert after.values == before.values
    assert after.digest != before.digest


def test_a_data_set_that_is_not_there_leaves_the_plan_without_a_fingerprint(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, parameters: Mapping[str, Any]) -> str:
        raise DataError(f"{name} is not there")

    write("mine.toml", "")
    monkeypatch.setattr(datasets, "fingerprint", absent)
    run = plan("small.toml", sets=["data.name=sports"]).runs[0]

    assert run.data_fingerprint is None
    assert run.values["data"] == {"name": "sports", "max_length": 10}


def test_a_data_set_without_a_card_is_found_by_its_folder(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_DATA", str(tmp_path / "data"))
    write("data/mine/interactions.tsv", "".join(f"u{user}\ti{item}\n" for user in range(4) for item in range(5)))
    write("data/mine/items.jsonl", "".join(json.dumps({"item": f"i{item}", "title": f"thing {item}"}) + "\n" for item in range(5)))

    run = plan("small.toml", sets=["data.name=mine"]).runs[0]

    assert run.values["data"] == {"name": "mine", "max_length": 10}
    assert run.data_fingerprint


def test_seeds_of_the_command_line_replace_those_of_the_recipe(write: Write) -> None:
    write("mine.toml", "")

    assert [run.seed for run in plan("small.toml", seeds=[7, 8]).runs] == [7, 8]
    assert [run.seed for run in plan("small.toml", sets=["seeds=[9]"]).runs] == [9]


def test_seeds_are_different_integers(complaints: Complaints, child: Child) -> None:
    assert complaints(child("seeds = 3\n")) == [
        "mine.toml:4: seeds: Should be an array of integers from 0 to 4294967295, at least 1 long, got 3."
    ]
    assert complaints(child("seeds = [1, -1]\n")) == [
        "mine.toml:4: seeds: Should be an array of integers from 0 to 4294967295, at least 1 long, got [1, -1]."
    ]
    assert complaints("", seeds=[]) == ["--seeds: seeds: Should be an array of integers from 0 to 4294967295, at least 1 long, got []."]
    assert complaints("", seeds=[1, 1]) == ["--seeds: seeds: Lists a seed twice: [1, 1]."]
    assert complaints("", "seeds=[1]", seeds=[2]) == ["--set: seeds: Seeds are given a second time, by --seeds."]


def test_reports_name_variants_and_published_figures(complaints: Complaints, child: Child) -> None:
    text = child(PARENT + '[report]\nbaseline = "AA"\npublished = ["sracl-tabel3", 3]\n')
    assert complaints(text.replace(", 3]", "]")) == [
        "mine.toml:10: report.baseline: No variant is called 'AA'. Did you mean 'A'? There are: A, B.",
        "mine.toml:11: report.published.0: No published figures are called 'sracl-tabel3'. Did you mean 'sracl-table3'? "
        f"There are: {', '.join(catalog().names('result'))}.",
    ]
    assert complaints(text) == ['mine.toml:11: report.published: Should be an array of strings, got ["sracl-tabel3", 3].']
    assert complaints(child("report = 3\n")) == ["mine.toml:4: report: Should be a table, got 3."]


def test_unknown_tables(complaints: Complaints, child: Child) -> None:
    found = complaints(child("lr = 0.1\nevaluaton = 3\n"), "lr=0.1")
    run_has = "data, samples, semantics, backbone, history_bias, initializer, view, stage, objective, train, evaluation"
    takes = f"A recipe takes: recipe, name, extends, unset, seeds, vars, {run_has}, variant, matrix, sweep, report, resources."

    assert found == [
        f"mine.toml:4: lr: There is no such key. {takes}",
        f"mine.toml:5: evaluaton: There is no such key. Did you mean 'evaluation'? {takes}",
        f"--set: lr: There is no table 'lr'. A run has: {run_has}, vars.",
    ]


def test_a_key_at_the_wrong_height_is_placed(complaints: Complaints, child: Child) -> None:
    assert complaints(child("epochs = 3\n"))[0].startswith(
        "mine.toml:4: epochs: There is no such key. Did you mean 'train.epochs'? A recipe takes: "
    )


def test_what_the_command_line_cannot_set(complaints: Complaints) -> None:
    run_has = "A run has: data, samples, semantics, backbone, history_bias, initializer, view, stage, objective, train, evaluation, vars."
    assert complaints("", "name=x", "variant=x", "objective=x", "data.name.first=x", "objective.next=x") == [
        f"--set: name: 'name' belongs to the recipe and is no value of a run. {run_has}",
        f"--set: variant: 'variant' belongs to the recipe and is no value of a run. {run_has}",
        "--set: objective: Objectives are addressed by id: objective.next.",
        "--set: objective.next: An objective is a table, { use = …, … }.",
        "--set: data.name.first: data.name is no table, so nothing can be set in it.",
    ]


def test_problems_of_all_files_come_together_nearest_first(complaints: Complaints, write: Write, child: Child) -> None:
    write("parent.toml", child("[train]\nepochs = 0\n"))

    assert complaints('recipe = 1\nextends = "parent.toml"\nname = "x"\n[backbone]\ndropout = 2\n', "backbone.num_heads=0") == [
        "mine.toml:5: backbone.dropout: Should be a number in [0, 1), got 2.",
        "parent.toml:5: train.epochs: Should be an integer of at least 1, got 0.",
        "--set: backbone.num_heads: Should be an integer of at least 1, got 0.",
    ]


def test_planning_does_not_load_torch() -> None:
    code = (
        "import sys\n"
        "from sracl.recipes.plan import plan\n"
        "assert plan('ablation_unlearnable').runs\n"
        "print([name for name in ('torch', 'transformers', 'openai', 'sklearn', 'textual') if name in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
