from __future__ import annotations

from sracl.interfaces import ItemText, Prompt
from sracl.llm_providers.template import Template

PEN = ItemText(title="Blue pen with a very fine steel point", brand="Inkwell", categories=("Office", "Pens"))
PAPER = ItemText(title="Paper", categories=("Paper",))
LAMP = ItemText(title="Lamp", brand="Lumen")
NAMELESS = ItemText(brand="Inkwell", categories=("Office", "Ink"))
EMPTY = ItemText()


def item(text: ItemText, *contexts: tuple[ItemText, ...]) -> Prompt:
    return Prompt(unit="item", items=(text,), contexts=contexts)


def sequence(*texts: ItemText) -> Prompt:
    return Prompt(unit="sequence", items=texts)


def test_an_item_is_its_fields_and_what_was_chosen_before_it() -> None:
    writer = Template(companions=1, words=3)
    assert writer([item(PEN, (LAMP, PAPER, PEN), (PAPER, PEN), (PEN, PEN))]) == [
        "Blue pen with a very fine steel point. Inkwell. Office, Pens. "
        "Blue pen with a very fine steel point. Inkwell. Pens. "
        "Often found together with: Paper; Blue pen with."
    ]


def test_a_sequence_names_the_earlier_items_and_states_the_latest() -> None:
    assert Template(words=2)([sequence(LAMP, PEN, PAPER)]) == ["Before: Lamp; Blue pen. Now: Paper. Paper. Paper. Paper."]
    assert Template(earlier=1, emphasis=1)([sequence(LAMP, PEN, PAPER)]) == ["Before: Blue pen with a very fine. Now: Paper. Paper."]
    assert Template(earlier=0, emphasis=1)([sequence(LAMP, PAPER)]) == ["Now: Paper. Paper."]


def test_nothing_known_is_an_empty_text() -> None:
    assert Template()([item(EMPTY, (PEN, EMPTY)), sequence(), sequence(EMPTY, EMPTY)]) == ["", "", ""]


def test_missing_fields_are_left_out() -> None:
    texts = Template()([item(NAMELESS), item(ItemText(attributes={"colour": "red"})), sequence(NAMELESS, LAMP)])
    assert texts[0] == "Inkwell. Office, Ink. Inkwell. Ink."
    assert texts[1] == "colour: red."
    assert texts[2] == "Before: Inkwell Ink. Now: Lamp. Lumen. Lamp. Lumen."
    assert not any(word in text for text in texts for word in ("None", "nan", "null"))


def test_joining_words_are_stop_words() -> None:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    assert {"often", "found", "together", "with", "before", "now"} <= ENGLISH_STOP_WORDS
