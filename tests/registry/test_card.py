from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sracl.registry.card import CardError, read_card, spoken

if TYPE_CHECKING:
    from pathlib import Path

CROP = """
kind = "augmenter"
name = "crop"
entry = "my_lab.crop:Crop"
summary = "Keeps one stretch."
paper = "cl4srec"
symbols = { ratio = "η" }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "crop.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_card_holds_what_its_file_says(tmp_path: Path) -> None:
    card = read_card(written(tmp_path, CROP), "my-lab")
    assert (card.kind, card.name, card.entry, card.summary) == ("augmenter", "crop", "my_lab.crop:Crop", "Keeps one stretch.")
    assert card.paper == "cl4srec"
    assert card.symbols == {"ratio": "η"}
    assert card.owner == "my-lab"
    assert card.path == tmp_path / "crop.toml"
    assert card.address == "augmenters/crop"


def test_facts_of_a_data_set_are_kept_whole(tmp_path: Path) -> None:
    text = 'kind = "dataset"\nname = "tiny"\nsummary = "Small."\nsource = "here"\n[counts]\nusers = 3\n'
    card = read_card(written(tmp_path, text), "sracl")
    assert card.entry is None
    assert card.facts["counts"] == {"users": 3}


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        ('kind = "augmenter"', 'kind = "augmentor"', "Did you mean 'augmenter'?"),
        ('name = "crop"', 'name = "Crop It"', "lower-case"),
        ('name = "crop"', "name = 3", "name: should be a string"),
        ('entry = "my_lab.crop:Crop"', 'entry = "my_lab.crop.Crop"', "package.module:name"),
        ('entry = "my_lab.crop:Crop"', "", "names the code"),
        ('summary = "Keeps one stretch."', "", "summary:"),
        ('paper = "cl4srec"', 'papr = "cl4srec"', "Did you mean 'paper'?"),
        ('symbols = { ratio = "η" }', "symbols = { ratio = 1 }", "symbols:"),
        ('symbols = { ratio = "η" }', "symbols = {", "cannot be read"),
    ],
)
def test_a_bad_card_names_its_file_and_what_is_wrong(tmp_path: Path, line: str, replacement: str, message: str) -> None:
    path = written(tmp_path, CROP.replace(line, replacement))
    with pytest.raises(CardError, match="crop.toml") as caught:
        read_card(path, "my-lab")
    assert message in str(caught.value)


def test_all_problems_of_a_card_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(CardError) as caught:
        read_card(written(tmp_path, 'kind = "loss"\nname = "x"\n'), "my-lab")
    assert "summary:" in str(caught.value)
    assert "entry:" in str(caught.value)


def test_kinds_are_spoken_with_their_article() -> None:
    assert [spoken(kind) for kind in ("backbone", "augmenter", "llm_provider")] == ["a backbone", "an augmenter", "an LLM provider"]
