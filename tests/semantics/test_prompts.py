from __future__ import annotations

import numpy as np
import pytest

from sracl.data.interactions import Interactions
from sracl.data.splits import training_prefixes
from sracl.interfaces import ItemText
from sracl.semantics import prompts


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
        )
    )
    assert text.title == f"a & b {'x' * 154}"  # 160 characters
    assert text.categories == ("Pens",)
    assert len(text.description) == 500
    assert text.attributes == {"size": '5"'}


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
    written = dict(zip(shop.item_ids, prompts.item_prompts(shop, prompts.item_contexts(shop, 5), domain="office supplies"), strict=True))
    lamp = written["lamp"]
    assert lamp.user == (
        "ENTRY\nbrand: Lumen\ncategory: Lamps\ncolour: red\n\n"
        "RECENT BUYERS (one customer per line, oldest to newest, ending with this entry)\n"
        "- Blue pen > Ink & more ink > Lamps | Lumen\n\n" + prompts.ITEM_REQUEST.format(domain="office supplies")
    )
    assert '"office supplies"' in lamp.system
    assert [text.title for text in lamp.contexts[0]] == ["Blue pen", "Ink & more ink", "", ""]
    assert written["box"].user == ""
    assert written["box"].items[0].is_empty
    assert not any(word in prompt.user for prompt in written.values() for word in ("None", "nan", "null"))


def test_a_sequence_prompt_lists_known_items_oldest_first(shop: Interactions) -> None:
    training = training_prefixes(shop, 20)  # ann: t = 1, 2, 3; ben: t = 1
    first, _, third, ben = prompts.sequence_prompts(shop, training, range(4), domain="office supplies")
    assert first.user == "1 entry:\n1. Blue pen | Pens | Inkwell"
    assert third.user == "2 entries:\n1. Blue pen | Pens | Inkwell\n2. Ink & more ink | Ink"
    assert [text.title for text in third.items] == ["Blue pen", "Ink & more ink"]
    assert ben.user == "1 entry:\n1. Ink & more ink | Ink"
    assert all(prompt.unit == "sequence" and not prompt.contexts for prompt in (first, third, ben))


@pytest.mark.parametrize("limit", [1, 5])
def test_contexts_stay_within_their_user(shop: Interactions, limit: int) -> None:
    rows = prompts.item_contexts(shop, limit).prefixes
    assert bool((rows.starts >= shop.offsets[rows.users]).all())
    np.testing.assert_array_equal(rows.stops - shop.offsets[rows.users], rows.visible)
