"""`sracl schema` where other distributions have components of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from sracl.cli.app import main
from tests.support.plugins import broken_distribution, plugin_distribution, sracl

ODD = '''
from typing import Annotated, Literal

from pydantic import Field

from sracl.interfaces import Augmenter


class Odd:
    """An augmenter of unusual parameters."""

    def __init__(
        self,
        *,
        size: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto",
        weights: dict[str, float] = {},
        parts: list[Augmenter] = [],
        path: Annotated[str, Field(pattern=r"^[a-z]+(?<x>.)$", min_length=2)] = "ab",
    ) -> None:
        self.size = size

    def __call__(self, items, lengths):
        return items, lengths


class Unsayable:
    """An augmenter whose default JSON has no word for."""

    def __init__(self, *, mask: str = b"x") -> None:
        self.mask = mask

    def __call__(self, items, lengths):
        return items, lengths


class Greedy:
    """An augmenter that asks the run for what there is not."""

    def __init__(self, everything, *, ratio: float = 0.1) -> None:
        self.ratio = ratio

    def __call__(self, items, lengths):
        return items, lengths
'''


def recipe(augmenter: Any) -> dict[str, Any]:
    return {"recipe": 1, "name": "mine", "extends": "methods/sracl", "objective": [{"id": "intra", "augmenter": augmenter}]}


def test_a_file_holds_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.isascii()
    Draft7Validator.check_schema(json.loads(printed.out))

    file = tmp_path / "recipe.schema.json"
    file.write_text("of yesterday")
    assert main(["schema", "-o", str(file)]) == 0
    assert file.read_text() == printed.out
    assert capsys.readouterr() == ("", f"Written to {file}.\n")
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "-o", str(tmp_path / "absent" / "x.json")]) == 2
    assert "x.json cannot be written: No such file or directory." in capsys.readouterr().err


def test_a_component_of_another_distribution_is_one_of_its_kind(tmp_path: Path) -> None:
    lab, broken = plugin_distribution(tmp_path / "lab"), broken_distribution(tmp_path / "broken")
    done = sracl(["schema"], [lab, broken])
    assert (done.returncode, done.stderr) == (0, "")  # what cannot be imported can be read
    made = json.loads(done.stdout)
    mine = made["definitions"]["backbone.mean_of_items"]
    assert mine["description"] == "The mean of the items so far, through one linear layer."
    assert mine["properties"]["hidden_size"]["default"] == 16
    valid = Draft7Validator(made)
    backbone = {"use": "mean_of_items", "hidden_size": 8}
    assert valid.is_valid({"recipe": 1, "name": "mine", "extends": "methods/sasrec", "backbone": backbone})
    assert not valid.is_valid({"recipe": 1, "name": "mine", "extends": "methods/sasrec", "backbone": {**backbone, "num_heads": 2}})


def test_what_cannot_be_read_is_told_and_left_out(tmp_path: Path) -> None:
    lost = plugin_distribution(
        tmp_path / "lost", entry_points={"sracl.losses": {"lost": "module_that_is_gone:Lost", "odd": "my_lab_models"}}
    )
    cards = plugin_distribution(
        tmp_path / "cards",
        name="card-lab",
        modules={"card_lab/x.toml": 'kind = "los"\n'},
        entry_points={"sracl.cards": {"cards": "card_lab"}},
    )
    done = sracl(["schema"], [lost, cards])
    assert done.returncode == 0
    owners = [line.partition(":")[0] for line in done.stderr.splitlines() if line.startswith("Distribution")]
    assert sorted(owners) == ["Distribution 'card-lab'", "Distribution 'my-lab'", "Distribution 'my-lab'"]
    assert "losses/lost: There is no module 'module_that_is_gone'" in done.stderr
    assert '"nt_xent"' in done.stdout
    assert '"lost"' not in done.stdout


def test_a_name_that_two_distributions_have_is_offered_with_each(tmp_path: Path) -> None:
    lab = plugin_distribution(tmp_path / "lab", entry_points={"sracl.backbones": {"sasrec": "my_lab_models:MeanOfItems"}})
    made = json.loads(sracl(["schema"], [lab]).stdout)
    assert {"sracl:sasrec", "my-lab:sasrec"} <= set(made["definitions"]["Backbone.any"]["properties"]["use"]["enum"])
    valid = Draft7Validator(made)
    for backbone, is_valid in {
        "sasrec": False,
        "my-lab:sasrec": True,
        ("my-lab:sasrec", "hidden_size"): True,
        ("my-lab:sasrec", "num_heads"): False,
        ("sracl:sasrec", "num_heads"): True,
    }.items():
        table = backbone if isinstance(backbone, str) else {"use": backbone[0], backbone[1]: 2}
        assert valid.is_valid({"recipe": 1, "name": "mine", "extends": "methods/sasrec", "backbone": table}) is is_valid


def test_parameters_of_every_form_are_told(tmp_path: Path) -> None:
    odd = {name: f"odd_lab:{name.capitalize()}" for name in ("odd", "unsayable", "greedy")}
    done = sracl(["schema"], [plugin_distribution(tmp_path / "lab", modules={"odd_lab.py": ODD}, entry_points={"sracl.augmenters": odd})])
    assert done.returncode == 0
    told = done.stderr.splitlines()
    assert told[0].startswith("Distribution 'my-lab': augmenters/greedy: Greedy asks the run for 'everything'")
    assert told[1].startswith("Distribution 'my-lab': augmenters/unsayable: parameter 'mask' cannot be told in JSON: ")
    assert len(told) == 2
    valid = Draft7Validator(json.loads(done.stdout))
    cases: list[tuple[dict[str, Any], bool]] = [
        ({"size": 3}, True),
        ({"size": "auto"}, True),
        ({"size": "${vars.size}"}, True),
        ({"size": "big"}, False),
        ({"size": 0}, False),
        ({"weights": {"a": 1, "b": "${vars.b}"}}, True),
        ({"weights": {"a": "much"}}, False),
        ({"weights": 3}, False),
        ({"parts": ["crop", {"use": "mask", "ratio": 0.5}]}, True),
        ({"parts": ["crop", {"use": "mask", "keep": 0.5}]}, False),
        ({"parts": "crop"}, False),
        ({"path": "/"}, False),
        ({"path": "ab"}, True),
    ]
    for chosen, is_valid in cases:
        assert valid.is_valid(recipe({"use": "odd", **chosen})) is is_valid, chosen
