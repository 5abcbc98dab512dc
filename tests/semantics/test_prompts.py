from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sracl.data.interactions import Interactions
from sracl.data.splits import training_prefixes
from sracl.errors import UsageError
from sracl.interfaces import AnswerForm, ItemText, Prompt
from sracl.llm_providers import tokens
from sracl.registry.catalog import catalog
from sracl.registry.find_prompt import find_prompt
from sracl.registry.prompt import PromptTemplate
from sracl.semantics import prompts

PRODUCTS, PURCHASES, PLACES = (find_prompt(catalog(), name) for name in ("products", "purchases", "places"))


def items_of(interactions: Interactions, template: PromptTemplate = PRODUCTS, contexts: int = 5) -> dict[str, Prompt]:
    made = prompts.item_prompts(interactions, prompts.item_contexts(interactions, contexts), template=template, domain="office supplies")
    return dict(zip(interactions.item_ids, made, strict=True))


def contexts_by_name(interactions: Interactions, limit: int) -> dict[str, list[list[str]]]:
    found = prompts.item_contexts(interactions, limit)
    spans = [
        [interactions.item_ids[i - 1] for i in interactions.items[start:stop]]
        for start, stop in zip(found.prefixes.starts, found.prefixes.stops, strict=True)
    ]
    return {name: spans[found.offsets[i] : found.offsets[i + 1]] for i, name in enumerate(interactions.item_ids)}


def test_clean_unescapes_collapses_and_cuts() -> None:
    text = prompts.clean(
        ItemText(
            title=f" a &amp;\n\tb {'x' * 300}",
            categories=("", " Pens "),
            description="y" * 900,
            attributes={"colour": " ", "size": "5&quot;"},
        ),
        PRODUCTS,
    )
    assert text.title == f"a & b {'x' * 154}"  # 160 characters
    assert text.categories == ("Pens",)
    assert len(text.description) == 500
    assert text.attributes == {"size": '5"'}


@pytest.mark.parametrize("nothing", ["Unknown", " nan ", "N/A", "None", ""])
def test_a_field_that_says_that_it_says_nothing_is_missing(nothing: str) -> None:
    assert prompts.clean(ItemText(nothing, nothing, (nothing,), nothing, {"colour": nothing}), PRODUCTS).is_empty
    assert prompts.clean(ItemText(title=f"{nothing} pen"), PRODUCTS).title == f"{nothing.strip()} pen".strip()


def test_contexts_are_training_sequences_that_end_with_the_item(shop: Interactions) -> None:
    # ann trains on pen ink box lamp, ben on ink pad; a context has two items or more.
    assert contexts_by_name(shop, 5) == {
        "pen": [],
        "ink": [["pen", "ink"]],
        "box": [["pen", "ink", "box"]],
        "lamp": [["pen", "ink", "box", "lamp"]],
        "pad": [["ink", "pad"]],
    }


def test_contexts_are_cut_to_eleven_items_and_limited_in_number() -> None:
    # 12 users choose a0 … a14; of each, x_1 … x_13 = a0 … a12 trains.
    items = [f"a{i}" for i in range(15)]
    data = Interactions.of("line", {f"u{u}": items for u in range(12)}, {})
    found = contexts_by_name(data, 5)
    assert found["a12"] == [[f"a{i}" for i in range(2, 13)]] * 5
    assert found["a1"] == [["a0", "a1"]] * 5
    assert found["a0"] == found["a13"] == found["a14"] == []
    assert len(contexts_by_name(data, 100)["a12"]) == 12
    assert all(not rows for rows in contexts_by_name(data, 0).values())


def test_which_contexts_are_drawn_never_changes() -> None:
    data = Interactions.of("line", {f"u{u}": [f"x{u}", "hub", f"y{u}", f"z{u}"] for u in range(40)}, {})
    drawn = contexts_by_name(data, 5)["hub"]
    assert drawn == contexts_by_name(data, 5)["hub"]
    assert len({row[0] for row in drawn}) == 5
    assert drawn != [[f"x{u}", "hub"] for u in range(5)]  # at random, and not the first five


def test_an_item_prompt_omits_what_is_missing(shop: Interactions) -> None:
    written = items_of(shop)
    lamp = written["lamp"]
    assert lamp.user == (
        "ENTRY\nbrand: Lumen\ncategory: Lamps\ncolour: red\n\n"
        "RECENT BUYERS (one customer per line, oldest to newest, ending with this entry)\n"
        "- Blue pen > Ink & more ink > Lamps | Lumen\n\n"
        'Return {"description": "at most 80 words about the entry", "buyers": "at most 50 words about which customers choose it; '
        "be narrower than 'people interested in office supplies'\"}"
    )
    assert '"office supplies"' in lamp.system
    assert lamp.answer == AnswerForm(fields={"description": 80, "buyers": 50})
    assert [text.title for text in lamp.contexts[0]] == ["Blue pen", "Ink & more ink", "", ""]
    assert written["box"].user == ""
    assert written["box"].items[0].is_empty
    assert not any(word in prompt.user for prompt in written.values() for word in ("None", "nan", "null"))


def test_a_sequence_prompt_lists_known_items_oldest_first(shop: Interactions) -> None:
    training = training_prefixes(shop, 20)  # ann: t = 1, 2, 3; ben: t = 1
    first, _, third, ben = prompts.sequence_prompts(shop, training, range(4), template=PURCHASES, domain="office supplies")
    assert first.user == "Chosen:\n1. Blue pen | Pens | Inkwell"
    assert "In a single paragraph of at most 100 words state" in first.system
    assert first.answer == AnswerForm(words=100)
    assert third.user == "Chosen:\n1. Blue pen | Pens | Inkwell\n2. Ink & more ink | Ink"
    assert [text.title for text in third.items] == ["Blue pen", "Ink & more ink"]
    assert ben.user == "Chosen:\n1. Ink & more ink | Ink"
    assert all(prompt.unit == "sequence" and not prompt.contexts for prompt in (first, third, ben))


@pytest.mark.parametrize("limit", [1, 5])
def test_contexts_stay_within_their_user(shop: Interactions, limit: int) -> None:
    rows = prompts.item_contexts(shop, limit).prefixes
    assert bool((rows.starts >= shop.offsets[rows.users]).all())
    np.testing.assert_array_equal(rows.stops - shop.offsets[rows.users], rows.visible)


LONG = {f"item{i}": ItemText(title=" ".join([f"title{i}"] * 20), description="word " * 90) for i in range(15)}
"""Titles of 40 tokens, descriptions of 90."""


def line_of_customers(users: int) -> Interactions:
    return Interactions.of("line", {f"u{u}": list(LONG) for u in range(users)}, LONG)


def test_a_sequence_loses_its_oldest_items_where_there_is_no_room() -> None:
    data = line_of_customers(1)
    rows = training_prefixes(data, 20)
    roomy = replace(PURCHASES, budget=10_000, title_length=1000)
    *_, whole = prompts.sequence_prompts(data, rows, range(len(rows)), template=roomy, domain="x")
    *_, cut = prompts.sequence_prompts(data, rows, range(len(rows)), template=replace(roomy, budget=500), domain="x")
    assert whole.user.startswith("Chosen:\n1. title0 ")
    assert tokens.of_request(whole) > 500
    # every entry takes 40 + 2 tokens for its number: one more would be too many
    assert 500 - 42 < tokens.of_request(cut) <= 500
    kept = cut.user.count("\n")
    assert cut.user.startswith(f"Chosen:\n1. title{12 - kept} ")
    assert "title11" in cut.user
    assert cut.items == whole.items  # what is described stays what it is


def test_an_item_loses_the_oldest_items_of_its_contexts() -> None:
    data = line_of_customers(3)
    roomy = replace(PRODUCTS, budget=10_000, title_length=1000)
    whole = items_of(data, roomy)["item12"]
    assert [line.count(" > ") for line in whole.user.splitlines() if line.startswith("- ")] == [10, 10, 10]
    cut = items_of(data, replace(roomy, budget=900))["item12"]
    lines = [line for line in cut.user.splitlines() if line.startswith("- ")]
    # at most one item of 40 tokens and the mark before it could have been kept
    assert 900 - 41 < tokens.of_request(cut) <= 900
    assert max(line.count(" > ") for line in lines) - min(line.count(" > ") for line in lines) <= 1
    assert all(line.endswith("title12 title12") for line in lines)
    assert "text: word" in cut.user
    assert cut.contexts == whole.contexts


def test_an_item_that_is_too_long_by_itself_loses_its_last_fields() -> None:
    data = Interactions.of("line", {"u": ["b", "a", "c", "d"]}, {"a": ItemText(title="Pen", brand="Ink", description="word " * 700)})
    small = replace(PRODUCTS, budget=500, description_length=4000)
    written = items_of(data, small)["a"].user
    assert written.startswith("ENTRY\ntitle: Pen\nbrand: Ink\n\nReturn")
    assert "text: word" in items_of(data, replace(small, description_length=500))["a"].user


def test_words_that_leave_no_room_are_refused(shop: Interactions) -> None:
    with pytest.raises(UsageError, match="'products' takes .* tokens for its own words, .* of its budget of 500"):
        items_of(shop, replace(PRODUCTS, budget=500, system="word " * 300))


def test_a_template_of_ones_own_says_what_it_likes(shop: Interactions) -> None:
    mine = replace(PRODUCTS, user=("{item}", "so far: {contexts}"), item=("{{{title}}}", "in {attributes.colour}"), line=("{category}",))
    written = items_of(shop, mine)
    assert written["pen"].user == "{Blue pen}"
    assert written["lamp"].user == "in red\n\nso far: - Pens > Ink > Lamps"
    # of pad there is a title and no category
    assert written["pad"].user == "{Paper pad}\n\nso far: - Ink > Paper pad"


def test_a_place_is_described_by_its_city_and_never_by_its_stars() -> None:
    bar = ItemText(title="Bar", categories=("Bars", "Nightlife"), attributes={"city": "Reno", "state": "NV", "stars": "4.5"})
    data = Interactions.of("yelp", {"u": ["bar", "b", "c", "d"]}, {"bar": bar})
    written = items_of(data, PLACES)["bar"].user
    assert written.startswith("PLACE\nname: Bar\ncategories: Bars, Nightlife\ncity: Reno\nstate: NV\n\nReturn {")
    assert "4.5" not in written
