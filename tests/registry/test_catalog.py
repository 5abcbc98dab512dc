from __future__ import annotations

import re
from pathlib import Path

import pytest

from sracl.errors import PluginError
from sracl.registry.card import Card
from sracl.registry.catalog import AmbiguousComponent, Catalog, UnknownComponent, catalog, read_cards


def card(name: str, owner: str = "sracl", *, kind: str = "loss", entry: str | None = None, path: Path | None = None) -> Card:
    return Card(kind=kind, name=name, entry=entry or f"{owner}.{name}:{name}", summary="", owner=owner, path=path)


def test_a_name_is_found_within_its_kind() -> None:
    both = Catalog([card("x"), card("x", kind="augmenter")])
    assert both.find("loss", "x").kind == "loss"
    assert both.find("augmenter", "x").kind == "augmenter"


def test_an_unknown_name_is_answered_with_the_nearest_and_all_of_its_kind() -> None:
    cat = Catalog([card("nt_xent"), card("bpr")])
    with pytest.raises(UnknownComponent, match=r"^No loss is called 'ntxent'\. Did you mean 'nt_xent'\? Registered: bpr, nt_xent\.$"):
        cat.find("loss", "ntxent")


def test_an_empty_kind_says_so() -> None:
    with pytest.raises(UnknownComponent, match="Registered: none"):
        Catalog([]).find("loss", "bpr")


def test_a_name_of_two_owners_is_an_error_naming_both_when_asked_for() -> None:
    cat = Catalog([card("bpr"), card("bpr", "my-lab"), card("nt_xent")])
    assert cat.find("loss", "nt_xent").owner == "sracl"
    with pytest.raises(AmbiguousComponent) as caught:
        cat.find("loss", "bpr")
    assert "sracl (" in str(caught.value)
    assert "my-lab (" in str(caught.value)
    assert "Say which: my-lab:bpr, sracl:bpr" in str(caught.value)


@pytest.mark.parametrize("owner", ["my-lab", "my_lab", "My.Lab"])
def test_the_distribution_tells_two_owners_of_a_name_apart(owner: str) -> None:
    cat = Catalog([card("bpr"), card("bpr", "my-lab")])
    assert cat.find("loss", f"{owner}:bpr").owner == "my-lab"
    assert cat.find("loss", "sracl:bpr").owner == "sracl"


def test_two_cards_of_one_owner_are_an_error_naming_both_files() -> None:
    cat = Catalog([card("bpr", path=Path("a/bpr.toml"), entry="a:bpr"), card("bpr", path=Path("b/bpr.toml"), entry="b:bpr")])
    with pytest.raises(AmbiguousComponent) as caught:
        cat.find("loss", "bpr")
    assert "a/bpr.toml" in str(caught.value)
    assert "b/bpr.toml" in str(caught.value)


def test_a_card_for_an_entry_point_of_the_same_owner_replaces_it() -> None:
    point, described = card("bpr", "my-lab"), card("bpr", "my-lab", path=Path("bpr.toml"))
    for order in ([point, described], [described, point]):
        assert Catalog(order).find("loss", "bpr") is described


def test_a_class_needs_no_registration() -> None:
    found = Catalog([]).find("backbone", "my_lab.models:Mine")
    assert (found.entry, found.owner) == ("my_lab.models:Mine", "my_lab.models")


def test_loading_gives_the_object() -> None:
    assert Catalog([]).load(card("join", entry="os.path:join")) is __import__("os").path.join


def test_loading_what_is_not_there_names_the_owner_and_the_nearest() -> None:
    with pytest.raises(PluginError, match="'my-lab'.*os.path has no 'joim'.*Did you mean 'join'"):
        Catalog([]).load(card("x", "my-lab", entry="os.path:joim"))


def test_a_module_that_fails_is_reported_with_owner_module_reason_and_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fails_at_import.py").write_text("raise RuntimeError('no licence found')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError) as caught:
        Catalog([]).load(card("x", "my-lab", entry="fails_at_import:X"))
    text = str(caught.value)
    assert all(part in text for part in ("my-lab", "fails_at_import", "RuntimeError: no licence found", "line 1"))


def test_all_cards_below_a_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "losses").mkdir()
    (tmp_path / "losses" / "bpr.toml").write_text('kind = "loss"\nname = "bpr"\nentry = "m:bpr"\nsummary = "s"\n')
    (tmp_path / "sports.toml").write_text('kind = "dataset"\nname = "sports"\nsummary = "s"\n')
    assert {found.address for found in read_cards(tmp_path, "my-lab")} == {"losses/bpr", "datasets/sports"}


def test_the_catalog_of_this_environment_holds_our_cards() -> None:
    cat = catalog()
    assert cat.find("backbone", "sasrec").entry == "sracl.backbones.sasrec:SASRec"
    assert {"beauty", "demo", "markov", "office", "sports", "yelp"} <= set(cat.names("dataset"))
    assert re.search("arXiv|arxiv", cat.find("method", "sracl").facts["link"])
