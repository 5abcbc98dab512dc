"""Data sets by name: found, checked, imported."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sracl.data import datasets, synthetic
from sracl.data.interactions import Interactions
from sracl.errors import DataError
from sracl.registry.card import Card
from sracl.registry.catalog import Catalog, catalog

INTERACTIONS = "user\titem\nann\t1\nann\t2\nann\t3\nben\t2\nben\t1\nben\t3\ncy\t2\n"
ITEMS = '{"item": 1, "title": "One"}\n{"item": 2, "title": "Two"}\n{"item": 3, "title": "Three"}\n'

MakeFolder = Callable[..., Path]


@pytest.fixture
def toy_folder(make_folder: MakeFolder) -> Path:
    return make_folder(interactions=INTERACTIONS, items=ITEMS)


@pytest.fixture
def toy_card(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Registers a card for `toy` that expects these counts."""

    def register(**counts: int) -> None:
        card = Card(kind="dataset", name="toy", entry=None, summary="A toy.", facts={"counts": counts, "source": "the attic"})
        cards = Catalog([*catalog().cards(), card])
        monkeypatch.setattr(datasets, "catalog", lambda: cards)

    return register


def test_a_folder_is_loaded_by_its_name(toy_folder: Path) -> None:
    loaded = datasets.load("toy")
    assert (loaded.name, loaded.num_users, loaded.num_items) == ("toy", 2, 3)
    assert loaded.fingerprint == datasets.fingerprint("toy")


def test_the_first_of_several_folders_counts(toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    shutil.copytree(toy_folder, other / "toy")
    (other / "toy" / "interactions.tsv").write_text(INTERACTIONS.replace("ben", "bob"))
    monkeypatch.setenv("SRACL_DATA", f"{other}:{toy_folder.parent}")
    assert datasets.load("toy").users == ("ann", "bob")


def test_an_absent_name_gets_help(toy_folder: Path) -> None:
    with pytest.raises(DataError) as error:
        datasets.load("tyo")
    message = str(error.value)
    assert "There is no data set 'tyo'. Did you mean 'toy'?" in message
    assert str(toy_folder.parent) in message
    assert "sracl data import PATH… --name tyo" in message


def test_a_folder_that_may_not_be_read_is_said_to_be_so(toy_folder: Path) -> None:
    toy_folder.parent.chmod(0)
    try:
        if os.access(toy_folder.parent, os.R_OK):
            pytest.skip("who runs this may read everything")
        with pytest.raises(DataError, match=rf"  {re.escape(str(toy_folder.parent))} \(Permission denied\)"):
            datasets.load("toy")
    finally:
        toy_folder.parent.chmod(0o700)


def test_a_folder_that_is_missing_or_none_is_said_to_be_so(toy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_DATA", f"{toy_folder / 'gone'}:{toy_folder / 'interactions.tsv'}")
    with pytest.raises(DataError, match=r"gone \(no such folder\)\n  .*interactions\.tsv \(Not a directory\)"):
        datasets.load("toy")


def test_an_absent_name_with_a_card_says_where_to_get_it(data_home: Path) -> None:
    with pytest.raises(DataError, match=r"Get it from: https://www\.yelp\.com/dataset"):
        datasets.fingerprint("yelp")
    with pytest.raises(DataError, match=r"Download it by: sracl data get sports"):
        datasets.fingerprint("sports")


def test_a_name_cannot_leave_the_data_folder(toy_folder: Path) -> None:
    with pytest.raises(DataError, match=r"There is no data set '\.\./home/toy'"):
        datasets.load("../home/toy")


def test_counts_are_those_of_the_card(toy_folder: Path, toy_card: Callable[..., None]) -> None:
    # before the user with one interaction is left out
    toy_card(users=3, items=3, interactions=7)
    assert datasets.load("toy").num_users == 2


def test_wrong_counts_name_both_numbers(toy_folder: Path, toy_card: Callable[..., None]) -> None:
    toy_card(users=3, items=2_420, interactions=8)
    with pytest.raises(DataError, match="it holds 3 items where its card says 2,420, and 7 interactions where its card says 8"):
        datasets.load("toy")


def test_a_folder_takes_no_parameters(toy_folder: Path) -> None:
    with pytest.raises(DataError, match="takes no parameters, got: num_users"):
        datasets.load("toy", {"num_users": 3})


def test_a_generator_takes_its_own() -> None:
    made = datasets.load("markov", {"num_users": 7, "length": 5})
    assert (made.name, made.num_users, made.num_interactions) == ("markov", 7, 35)
    with pytest.raises(DataError, match="takes no 'num_user'. Did you mean 'num_users'"):
        datasets.load("markov", {"num_user": 7})


def test_a_generated_fingerprint_follows_parameters_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = datasets.fingerprint("demo")
    assert plain == datasets.fingerprint("demo", {"num_users": 600}) == datasets.load("demo").fingerprint
    assert plain != datasets.fingerprint("demo", {"num_users": 601})
    monkeypatch.setattr(synthetic, "VERSION", synthetic.VERSION + 1)
    assert plain != datasets.fingerprint("demo")


def test_code_without_a_card_generates_too() -> None:
    assert datasets.load("sracl.data.synthetic:markov", {"num_users": 5}).name == "sracl.data.synthetic:markov"


def test_a_generator_that_returns_something_else_is_named() -> None:
    with pytest.raises(DataError, match="should be Interactions; its generator returned float"):
        datasets.load("sracl.data.synthetic:markov_ceiling", {"sharpness": 0.5, "num_items": 10})


def test_a_folder_called_like_a_generated_set_is_an_error(make_folder: MakeFolder) -> None:
    make_folder("demo", interactions=INTERACTIONS, items=ITEMS)
    with pytest.raises(DataError, match="'demo' is both generated by 'sracl' and a folder"):
        datasets.load("demo")


def test_everything_available_is_listed_once(toy_folder: Path) -> None:
    infos = {info.name: info for info in datasets.available()}
    assert len(infos) == len(datasets.available())
    assert {name: info.origin for name, info in infos.items()} == {
        "demo": "generated",
        "markov": "generated",
        "toy": "folder",
        "beauty": "absent",
        "office": "absent",
        "sports": "absent",
        "yelp": "absent",
    }
    assert infos["toy"].where == str(toy_folder)


def test_reading_needs_no_torch() -> None:
    code = (
        "import sys; from sracl.data import datasets, splits, statistics; import sracl.cli.data; "
        "d = datasets.load('markov'); splits.training_prefixes(d, 20); statistics.statistics(d); "
        "print([m for m in ('torch', 'transformers', 'sklearn') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_published_counts_hold(real_or_demo: Interactions) -> None:
    facts = catalog().find("dataset", real_or_demo.name).facts
    if "counts" not in facts:
        pytest.skip("generated")
    found = {"users": real_or_demo.num_users, "items": real_or_demo.num_items, "interactions": real_or_demo.num_interactions}
    assert facts["counts"] == found
