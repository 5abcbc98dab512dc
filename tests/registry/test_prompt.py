from __future__ import annotations

from pathlib import Path

import pytest

from sracl.errors import UsageError
from sracl.interfaces import AnswerForm
from sracl.registry.card import CardError
from sracl.registry.catalog import catalog
from sracl.registry.find_prompt import find_prompt
from sracl.registry.llm import LLM
from sracl.registry.prompt import PromptTemplate, fill, joined

ITEMS = """
kind = "prompt"
name = "mine"
version = 3
summary = "Says little."
describes = "items"
budget = 1_000
title_length = 40
description_length = 0
system = 'Say of {domain}, in JSON: {answer}'
user = ["{item}", "Bought with:\\n{contexts}"]
item = ["{title}", "Made by {brand}", "{attributes.colour}"]
line = ["{title}"]
[answer.what]
words = 8
about = "'it' in {domain}"
[answer.who]
words = 5
about = "its buyers"
"""

SEQUENCES = """
kind = "prompt"
name = "mine"
version = 1
summary = "Says little."
describes = "sequences"
budget = 1_000
title_length = 40
description_length = 0
system = 'Say what is bought, in {answer}.'
user = ["{count}: {entries}"]
line = ["{title}", "{category}"]
[answer]
words = 12
"""


def template(folder: Path, text: str) -> PromptTemplate:
    file = folder / "mine.toml"
    file.write_text(text, "utf-8")
    return find_prompt(catalog(), str(file))


def test_a_prompt_is_what_its_file_says(tmp_path: Path) -> None:
    mine = template(tmp_path, ITEMS)
    assert (mine.name, mine.version, mine.describes, mine.budget) == ("mine", 3, "items", 1000)
    assert mine.user == ("{item}", "Bought with:\n{contexts}")
    assert mine.form == AnswerForm(fields={"what": 8, "who": 5})
    assert mine.asks("tools") == '{"what": "at most 8 words about \'it\' in tools", "who": "at most 5 words about its buyers"}'


def test_an_answer_may_be_plain_or_taken_raw(tmp_path: Path) -> None:
    plain = template(tmp_path, SEQUENCES)
    assert (plain.form, plain.asks("tools"), plain.item) == (AnswerForm(words=12), "at most 12 words", ())
    assert template(tmp_path, ITEMS.replace("budget", "raw = true\nbudget")).form.raw


def test_the_fingerprint_is_of_the_words_and_not_of_the_name(tmp_path: Path) -> None:
    before = template(tmp_path, ITEMS).fingerprint
    assert template(tmp_path, ITEMS.replace('"mine"', '"yours"').replace("Says little.", "Says less.")).fingerprint == before
    assert template(tmp_path, ITEMS.replace("version = 3", "version = 4")).fingerprint != before
    assert template(tmp_path, ITEMS.replace("its buyers", "her buyers")).fingerprint != before
    assert template(tmp_path, ITEMS.replace("budget = 1_000", "budget = 1_001")).fingerprint != before


def test_a_part_is_left_out_where_a_placeholder_has_nothing_to_say() -> None:
    known = {"title": "Pen", "brand": ""}
    assert fill("a {title}, {{so}}", known) == "a Pen, {so}"
    assert fill("{title} by {brand}", known) == ""
    assert fill("{attributes.colour}", known) == ""
    assert joined(["{title}", "by {brand}", "end"], known, " | ") == "Pen | end"


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        ("{contexts}", "{context}", "user: there is no placeholder {context}. Did you mean '{contexts}'?"),
        ("{contexts}", "{context}", "There are: {domain}, {answer}, {item}, {contexts}; a brace that is meant as one is written twice."),
        ("{title}", "{tittle}", "item: there is no placeholder {tittle}. Did you mean '{title}'?"),
        ("{title}", "{title!r}", "there is no placeholder {title!r}"),
        ("{title}", "{count}", "line: there is no placeholder {count}. There are: {title}, {brand}, {category},"),
        ("{title}", "{count}", "{attributes}, {attributes.NAME};"),
        ("{answer}'", '{"what": "…"}\'', 'system: there is no placeholder {"what": "…"}.'),
        ("{answer}'", "{'", "system: 'Say of {domain}, in JSON: {' cannot be read"),
        ("'it' in {domain}", "{item}", "answer.what.about: there is no placeholder {item}. There are: {domain};"),
        ("in JSON: {answer}", "in JSON", "answer: is asked for nowhere; write {answer} into system or user"),
        ('"{item}", ', "", "user: should say {item} somewhere"),
        ("version = 3", "", "version: missing; a prompt that describes items has it."),
        ("version = 3", "versoin = 3", "Did you mean 'version'?"),
        ("version = 3", "version = 0", "version: should be an integer, 1 or more, got 0."),
        ("budget = 1_000", "budget = 50", "budget: should be an integer, 500 or more, got 50."),
        ("budget = 1_000", "budget = true", "budget: should be an integer"),
        ('describes = "items"', 'describes = "users"', "describes: should be one of 'items', 'sequences', got 'users'."),
        ('describes = "items"', 'describes = "sequences"', "item: no such key."),
        ('line = ["{title}"]', 'line = "{title}"', "line: should be a list of strings, got '{title}'."),
        ('line = ["{title}"]', "line = []", "line: should be a list of strings, got []."),
        ("words = 8", "words = 0", "answer: should be { words = 100 } for a plain text, or a table [answer.FIELD]"),
        ("words = 8", "", "got what = {'about'"),
        ('about = "its buyers"', "about = 3", "answer.who.about: should be a string, got 3."),
        ("budget = 1_000", "budget = 1_000\nraw = 1", "raw: should be true or false, got 1."),
    ],
)
def test_what_is_wrong_is_said_with_what_there_is(tmp_path: Path, line: str, replacement: str, message: str) -> None:
    text = ITEMS.replace(line, replacement)
    assert text != ITEMS
    with pytest.raises(CardError, match=r"mine\.toml is no valid card") as caught:
        template(tmp_path, text)
    assert message in str(caught.value)


def test_prompts_are_found_by_name_or_by_file(tmp_path: Path) -> None:
    assert find_prompt(catalog(), "products").describes == "items"
    with pytest.raises(UsageError, match="Did you mean 'products'"):
        find_prompt(catalog(), "product")
    with pytest.raises(UsageError, match=r"There is no file .*absent\.toml"):
        find_prompt(catalog(), str(tmp_path / "absent.toml"))
    (tmp_path / "data.toml").write_text('kind = "dataset"\nname = "tiny"\nsummary = "Small."\n')
    with pytest.raises(UsageError, match="is a card of kind 'dataset'; one of kind 'prompt' is wanted"):
        find_prompt(catalog(), str(tmp_path / "data.toml"))


SHIPPED = {
    "places": (1, "items"),
    "products": (1, "items"),
    "purchases": (1, "sequences"),
    "visits": (1, "sequences"),
}


def test_every_model_with_a_card_reads_what_the_shipped_prompts_may_have() -> None:
    shortest = min(LLM.of(card).longest_prompt for card in catalog().cards("llm"))
    found = {card.name: PromptTemplate.of(card) for card in catalog().cards("prompt")}
    assert {name: (each.version, each.describes) for name, each in found.items()} == SHIPPED
    assert all(each.budget <= shortest for each in found.values())


def test_a_data_sets_own_prompts_are_there_and_describe_what_they_are_named_for() -> None:
    named = [(kind, name) for card in catalog().cards("dataset") for kind, name in card.facts.get("prompts", {}).items()]
    assert named
    assert all(find_prompt(catalog(), name).describes == kind for kind, name in named)


def test_shipped_files_can_be_copied_as_they_stand(tmp_path: Path) -> None:
    for card in catalog().cards("prompt"):
        assert card.path is not None
        copy = tmp_path / "copy.toml"
        copy.write_text(card.path.read_text("utf-8"), "utf-8")
        assert find_prompt(catalog(), str(copy)) == PromptTemplate.of(card)
