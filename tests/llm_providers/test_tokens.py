from __future__ import annotations

import pytest

from sracl.interfaces import AnswerForm, ItemText, Prompt
from sracl.llm_providers import tokens


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n\t", 0),
        ("pen", 1),
        ("envelope", 1),  # 8 letters
        ("envelopes", 2),
        ("Envelope", 2),  # a capital: 1 for every 4
        ("HDMI", 1),
        ("USB3000mm", 1 + 2 + 1),  # USB, 3000, mm
        ("iPhone", 1 + 2),  # i, Phone
        ("a, b", 3),
        ("é", 1),  # 2 bytes
        ("漢字", 2),  # 3 bytes each
        ("🖊", 2),  # 4 bytes
    ],
)
def test_tokens_are_counted_by_kind_of_character(text: str, count: int) -> None:
    assert tokens.estimate(text) == count


def test_a_text_has_as_many_tokens_as_its_parts() -> None:
    parts = ["Set of 12 Envelopes", "HDMI-cable, 2m", "Füller"]
    assert tokens.estimate(" ".join(parts)) == sum(map(tokens.estimate, parts))


def test_a_request_is_its_messages_and_what_is_put_around_them() -> None:
    prompt = Prompt("sequence", (ItemText(title="Pen"),), system="say it", user="a pen")
    assert tokens.of_request(prompt) == 2 + 2 + 8


def test_answers_are_expected_as_long_as_they_were_asked_for() -> None:
    # 115 for 100 words, 190 for two fields of 80 and 50
    plain, objects = AnswerForm(words=100), AnswerForm(fields={"description": 80, "buyers": 50})
    assert (tokens.of_answer(plain), tokens.of_answer(objects)) == (115, 190)
    # twice the words at 1.5 tokens each, 20 around every field
    assert (tokens.of_longest_answer(plain), tokens.of_longest_answer(objects)) == (300, 430)
