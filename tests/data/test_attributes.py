"""Which words of an item become its attributes, and how they are numbered."""

from __future__ import annotations

import numpy as np

from sracl.data.attributes import NOTHING, RELATIONS, item_attributes
from sracl.data.interactions import Interactions
from sracl.interfaces import ItemText
from sracl.semantics import prompts


def shop(*texts: ItemText) -> Interactions:
    """Items with these texts, chosen by one user in turn."""
    return Interactions(
        name="shop",
        items=np.arange(1, len(texts) + 1),
        offsets=np.array([0, len(texts)]),
        users=("u",),
        item_ids=tuple(map(str, range(1, len(texts) + 1))),
        texts=texts,
        fingerprint="shop",
    )


PENS = ItemText(title="Pen", brand="Bic", categories=("Office", "Pens"))
INK = ItemText(title="Ink", brand=" bic ", categories=("office", "PENS", "Ink"))
DESK = ItemText(title="Desk", categories=("Office",))


def test_values_that_items_share_are_numbered_by_name() -> None:
    made = item_attributes(shop(PENS, INK, DESK))
    # "ink" is a value of one item and tells nothing; case and white space make no difference
    assert made.names == ("brand: bic", "category: office", "category: pens")
    assert made.num_values == 3
    assert made.sets.tolist() == [[0, 0, 0], [2, 3, 1], [2, 3, 1], [2, 0, 0]]


def test_the_one_category_is_the_last_that_is_shared() -> None:
    made = item_attributes(shop(PENS, INK, DESK))
    assert RELATIONS == ("category", "brand")
    assert made.single.tolist() == [[0, 0], [3, 1], [3, 1], [2, 0]]


def test_every_value_counts_if_one_item_is_enough() -> None:
    made = item_attributes(shop(PENS, INK, DESK), least=1)
    assert made.names == ("brand: bic", "category: ink", "category: office", "category: pens")
    assert made.sets.tolist() == [[0, 0, 0, 0], [3, 4, 1, 0], [3, 4, 2, 1], [3, 0, 0, 0]]
    assert made.single.tolist() == [[0, 0], [4, 1], [2, 1], [3, 0]]


def test_a_value_named_twice_by_one_item_is_one_value_of_one_item() -> None:
    twice = ItemText(categories=("Office", "office"), brand="")
    assert item_attributes(shop(twice, ItemText(title="Pen"))).names == ()
    assert item_attributes(shop(twice, DESK)).sets.tolist() == [[0], [1], [1]]


def test_a_brand_and_a_category_of_one_name_are_two_values() -> None:
    office = ItemText(brand="Office", categories=("Office",))
    made = item_attributes(shop(office, office))
    assert made.names == ("brand: office", "category: office")
    assert made.single.tolist() == [[0, 0], [2, 1], [2, 1]]


def test_items_without_words_have_no_attributes() -> None:
    made = item_attributes(shop(ItemText(), ItemText(title="Pen", brand=" ")))
    assert made.names == ()
    assert made.sets.tolist() == [[0], [0], [0]]
    assert made.single.tolist() == [[0, 0], [0, 0], [0, 0]]


def test_every_item_of_a_data_set_has_the_values_of_its_text(real_or_demo: Interactions) -> None:
    made = item_attributes(real_or_demo)
    assert len(made.sets) == len(made.single) == real_or_demo.num_items + 1
    assert not made.sets[0].any()
    assert made.sets.max() == made.num_values
    counts = np.bincount(made.sets[made.sets > 0], minlength=made.num_values + 1)[1:]
    assert (counts >= 2).all()
    for item in range(1, real_or_demo.num_items + 1, 97):
        text = real_or_demo.text(item)
        words = {f"category: {' '.join(name.split()).casefold()}" for name in text.categories}
        words |= {f"brand: {' '.join(text.brand.split()).casefold()}"}
        named = {made.names[value - 1] for value in made.sets[item] if value}
        assert named == words & set(made.names)


def test_items_of_which_the_brand_is_not_known_do_not_share_it() -> None:
    # 17 items of Office and 20 of Beauty have this brand
    strangers = [ItemText(title=title, brand=" Unknown", categories=("n/a",)) for title in ("Pen", "Desk")]
    assert item_attributes(shop(*strangers, PENS, INK)).names == ("brand: bic", "category: office", "category: pens")
    assert NOTHING == prompts._NOTHING
