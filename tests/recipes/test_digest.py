from __future__ import annotations

import copy
import hashlib
import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import pytest

from sracl.recipes.digest import code_versions, decisive_values, digest, modules, replaced
from sracl.recipes.plan import plan
from sracl.registry.card import Card
from sracl.registry.catalog import Catalog, catalog

Write: TypeAlias = Callable[[str, str], str]

MINE = '''\
"""A loss of one's own."""


def mine(states, item_table, targets, *, strength: float = 1.0):
    """Nothing much."""
    return strength * states.sum()
'''


def test_a_digest_is_of_canonical_json() -> None:
    text = '{"code":{"sracl":"1"},"data":null,"seed":3,"values":{"a":[1,2.0],"b":"é"}}'

    assert digest({"b": "é", "a": [1, 2.0]}, 3, {"sracl": "1"}, None) == hashlib.sha256(text.encode()).hexdigest()


def test_what_is_no_json_number_has_no_digest() -> None:
    with pytest.raises(ValueError, match="JSON"):
        digest({"a": float("nan")}, 3, {}, None)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module on the path that no distribution owns."""
    file = tmp_path / "lab_of_one.py"
    file.write_text(MINE, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lab_of_one", raising=False)
    return file


def test_code_without_a_version_is_known_by_its_source(write: Write, lab: Path) -> None:
    sets = ["objective.next.loss=lab_of_one:mine"]
    before = plan("small.toml", sets=sets).runs[0]
    lab.write_text(MINE.replace("Nothing", "Not"), "utf-8")
    after = plan("small.toml", sets=sets).runs[0]

    assert before.values["objective"][0]["loss"] == {"use": "lab_of_one:mine", "strength": 1.0}
    assert after.values == before.values
    assert after.digest != before.digest


@pytest.fixture
def package(lab: Path) -> Path:
    """A package of two losses, named by its own name, that have a helper in common."""
    folder = lab.with_name("lab_of_two")
    folder.mkdir()
    files = {
        "__init__": "from lab_of_two.first import first\nfrom lab_of_two.second import second\n",
        "first": "import torch\n\nfrom . import scale\n" + MINE.replace("def mine", "def first"),
        "second": "from lab_of_one import mine\n" + MINE.replace("def mine", "def second"),
        "scale": "import json, math\n\nfrom sracl.interfaces import Loss\nfrom lab_of_two.deeper import *\n",
        "deeper": "BY = 2.0\n",
    }
    for name, content in files.items():
        folder.joinpath(f"{name}.py").write_text(content, "utf-8")
    return folder


def test_a_component_is_known_by_its_module_and_by_what_that_imports_of_ones_own(package: Path) -> None:
    first, second = (code_versions(catalog(), [("loss", {"use": f"lab_of_two:{name}", "strength": 1.0})]) for name in ("first", "second"))
    assert list(first) == ["sracl", "lab_of_two.first", "lab_of_two.scale", "lab_of_two.deeper"]
    assert list(second) == ["sracl", "lab_of_two.second", "lab_of_one"]
    assert modules(first) == ["lab_of_two.first", "lab_of_two.scale", "lab_of_two.deeper"]


@pytest.mark.parametrize("edited", ["first", "second", "deeper"])
def test_every_module_of_a_run_counts(package: Path, edited: str) -> None:
    used = [("loss", {"use": f"lab_of_two:{name}", "strength": 1.0}) for name in ("first", "second")]
    before = code_versions(catalog(), used)
    assert code_versions(catalog(), used[::-1]) == before
    assert replaced(before) == {}
    file = package / f"{edited}.py"
    file.write_text(file.read_text("utf-8") + "# edited\n", "utf-8")
    after = code_versions(catalog(), used)
    name = f"lab_of_two.{edited}"
    assert replaced(before) == {name: (before[name], after[name])}
    assert {key for key in before if before[key] != after[key]} == {name}


def test_a_module_that_is_gone_is_told(package: Path) -> None:
    before = code_versions(catalog(), [("loss", {"use": "lab_of_two:first", "strength": 1.0})])
    package.joinpath("deeper.py").unlink()
    assert replaced(before) == {"lab_of_two.deeper": (before["lab_of_two.deeper"], "not installed")}


@pytest.mark.parametrize("editable", [True, False])
def test_a_distribution_that_is_edited_in_place_is_known_by_its_source(lab: Path, editable: bool) -> None:
    told = lab.with_name(f"lab_{editable}-1.0.dist-info")
    told.mkdir()
    told.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: lab-{editable}\nVersion: 1.0\n", "utf-8")
    told.joinpath("direct_url.json").write_text(json.dumps({"url": "file:///lab", "dir_info": {"editable": editable}}), "utf-8")
    theirs = Card(kind="loss", name="theirs", entry="lab_of_one:mine", summary="", owner=f"lab-{editable}")
    code = code_versions(Catalog([*catalog().cards(), theirs]), [("loss", {"use": "theirs", "strength": 1.0})])
    assert [name for name in code if name != "sracl"] == (["lab_of_one"] if editable else ["lab-False"])


STAGE = """
[[stage]]
id = "before"
[[stage.objective]]
id = "next"
use = "next_item"
loss = "cross_entropy"
[stage.train]
batch_size = 16
epochs = 1
"""


@pytest.mark.parametrize("at", ["train", "stage.before.train"])
def test_a_precision_is_part_of_a_digest_where_it_is_not_what_it_always_was(write: Write, child: Callable[[str], str], at: str) -> None:
    recipe = write("mine.toml", child(STAGE))
    usual, said, lower = (plan(recipe, sets=sets).runs[0] for sets in ([], [f"{at}.precision=float32"], [f"{at}.precision=bfloat16"]))

    assert usual.values["train"]["precision"] == usual.values["stage"][0]["train"]["precision"] == "float32"
    assert usual.digest == said.digest != lower.digest
    before = copy.deepcopy(dict(usual.values))  # as plans were before there was a choice
    for table in (before["train"], before["stage"][0]["train"]):
        del table["precision"]
    kept = decisive_values(catalog(), usual.values, {})
    assert (kept["train"], kept["stage"]) == (before["train"], before["stage"])


def test_the_version_of_every_distribution_that_takes_part_counts(lab: Path) -> None:
    theirs = Card(kind="loss", name="theirs", entry="lab_of_one:mine", summary="", owner="pydantic")
    cat = Catalog([*catalog().cards(), theirs])
    bound = {"use": "next_item", "loss": {"use": "theirs", "strength": 1.0}}

    assert code_versions(cat, [("objective", bound)])["pydantic"] == version("pydantic")
    assert list(code_versions(cat, [("loss", {"use": "cross_entropy"})])) == ["sracl"]


def test_what_decides_only_how_things_are_done_is_no_part_of_a_digest(write: Write, lab: Path) -> None:
    source = MINE.replace(
        "strength: float = 1.0", "strength: float = 1.0, timeout: Annotated[float | None, Field(gt=0, exclude=True)] = 1.0"
    )
    lab.write_text(f"from typing import Annotated\nfrom pydantic import Field\n{source}", "utf-8")
    runs = {
        name: plan("small.toml", sets=["objective.next.loss=lab_of_one:mine", f"objective.next.loss.{name}=2.0"]).runs[0]
        for name in ("timeout", "strength")
    }
    usual = plan("small.toml", sets=["objective.next.loss=lab_of_one:mine"]).runs[0]

    assert runs["timeout"].values["objective"][0]["loss"]["timeout"] == 2.0  # and yet it is used
    assert runs["timeout"].digest == usual.digest
    assert runs["strength"].digest != usual.digest
