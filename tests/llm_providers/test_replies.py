from __future__ import annotations

import json

import pytest

from sracl.interfaces import AnswerForm, ItemText, Prompt
from sracl.llm_providers.replies import BadReply, parse, schema

PEN = (ItemText(title="Blue pen"),)
PLAIN = Prompt("sequence", PEN, answer=AnswerForm(words=5))
OBJECT = Prompt("item", PEN, answer=AnswerForm(fields={"description": 4, "buyers": 2}))
RAW = Prompt("item", PEN, answer=AnswerForm(fields={"description": 4}, raw=True))


@pytest.mark.parametrize(
    "reply",
    [
        "Likes  blue\n pens.",
        "```\nLikes blue pens.\n```",
        "  ```text\nLikes blue pens.\n```\n",
        "```Likes blue pens.```",
        "<think>What do they like?</think>\nLikes blue pens.",
        "What do they like?</think>Likes blue pens.",  # the server's template began the thought
    ],
)
def test_a_plain_reply_is_put_on_one_line_without_its_fence(reply: str) -> None:
    assert parse(PLAIN, reply) == "Likes blue pens."


@pytest.mark.parametrize(
    "reply",
    [
        '{"description": "A blue pen.", "buyers": "Office clerks."}',
        '{"buyers": "Office clerks.", "description": "A  blue pen.", "price": 3}',
        '```json\n{"description": "A blue pen.", "buyers": "Office clerks."}\n```',
        'Here it is:\n```\n{"description": "A blue pen.", "buyers": "Office clerks."}\n```\nAnything else?',
        '{"description": "A blue\npen.", "buyers": "Office clerks."}',  # models write bare line breaks into strings
        '<think>\nAs {"description": "…"}, then.\n</think>\n\n{"description": "A blue pen.", "buyers": "Office clerks."}',
        'A pen {blue}.</think>{"description": "A blue pen.", "buyers": "Office clerks."}',  # its template began the thought
    ],
)
def test_the_fields_of_an_object_come_one_a_line_in_the_order_asked_for(reply: str) -> None:
    assert parse(OBJECT, reply) == "A blue pen.\nOffice clerks."


def test_an_object_may_be_taken_as_it_was_written() -> None:
    reply = '{"description":  "A blue pen."}'
    assert parse(RAW, f" {reply}\n") == reply


@pytest.mark.parametrize(
    ("prompt", "reply", "message"),
    [
        (PLAIN, " \n", "is empty"),
        (PLAIN, "```\n```", "says nothing"),
        (PLAIN, "<think>Blue, then.", "is a thought that does not end"),
        (OBJECT, '<think>{"description": "A blue pen.", "buyers": "Clerks."}</think>\n', "says nothing after its thought"),
        (PLAIN, " ".join(["pen"] * 11), "has 11 words (43 characters), where 5 were asked for"),
        (PLAIN, "p" * 121, "has 1 words (121 characters), where 5 were asked for"),
        (OBJECT, "A blue pen.", "has no JSON object in it"),
        (OBJECT, '{"description": "A blue', "has a JSON object that breaks off"),
        (OBJECT, '{"description": "A blue pen."} {"buyers": "Clerks."}', "is no JSON object (Extra data"),
        (OBJECT, '{"a":' * 100_000 + "}", "is no JSON object"),
        (OBJECT, '{"description": "A blue pen."}', "has no 'buyers'"),
        (OBJECT, '{"description": "A blue pen.", "buyers": null}', "has no 'buyers'"),
        (OBJECT, '{"description": "A blue pen.", "buyers": ["clerks"]}', "has no text in 'buyers' but list"),
        (OBJECT, '{"description": "A blue pen.", "buyers": " "}', "says nothing in 'buyers'"),
        (OBJECT, '{"description": "A blue pen.", "buyers": "a b c d e"}', "has 5 words (9 characters) in 'buyers', where 2 were asked for"),
        (RAW, '{"description": 3}', "has no text in 'description' but int"),
    ],
)
def test_what_is_no_answer_is_refused_in_words(prompt: Prompt, reply: str, message: str) -> None:
    with pytest.raises(BadReply) as caught:
        parse(prompt, reply)
    assert str(caught.value).startswith(message)


def test_twice_the_words_asked_for_are_put_up_with() -> None:
    assert parse(PLAIN, " ".join(["pen"] * 10)).count("pen") == 10


def test_the_schema_asks_for_every_field_and_nothing_else() -> None:
    assert schema(PLAIN.answer) is None
    assert schema(OBJECT.answer) == {
        "type": "object",
        "properties": {
            "description": {"type": "string", "description": "at most 4 words"},
            "buyers": {"type": "string", "description": "at most 2 words"},
        },
        "required": ["description", "buyers"],
        "additionalProperties": False,
    }
    json.dumps(schema(OBJECT.answer))
