"""Whether a language model's reply is an answer to its prompt, and what of it is taken."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sracl.errors import DataError

if TYPE_CHECKING:
    from sracl.interfaces import AnswerForm, Prompt

TOLERANCE = 2.0
"""How many times the words that were asked for a reply may have; what is longer is no answer but something run wild."""

_CHARACTERS_A_WORD = 12
"""Twice those of English with its space: the limit of replies that are written without spaces."""
_FENCE = re.compile(r"\A```(?:\w*\n)?\s*(.*?)\s*```\Z", re.DOTALL)


class BadReply(DataError):
    """A reply that is no answer; the message says why, as the end of a sentence that began with it."""


def parse(prompt: Prompt, reply: str) -> str:
    """The text to be embedded: the fields of an object, one a line, or a plain text, on one line.

    A fence of code around either is put up with, and so is talk around an object. What a model that thinks aloud has thought
    before is left out.

    Raises:
        BadReply: The reply is empty, no JSON object, lacks a field, or has more than twice the words asked for.
    """
    form, text = prompt.answer, _after_thought(reply.strip())
    if not text:
        raise BadReply("is empty")
    if not form.fields:
        fenced = _FENCE.fullmatch(text)
        return _held(fenced[1] if fenced else text, form.words, "")
    found = _object(text)
    values = [_field(found, name, words) for name, words in form.fields.items()]
    return text if form.raw else "\n".join(values)


def _after_thought(text: str) -> str:
    """What follows `<think>…</think>`; servers whose templates begin the thought send its end alone."""
    if "</think>" not in text:
        if text.startswith("<think>"):
            raise BadReply("is a thought that does not end")
        return text
    answer = text.partition("</think>")[2].strip()
    if not answer:
        raise BadReply("says nothing after its thought")
    return answer


def whole(text: str) -> str:
    """The text with a mark for each half of a character: JSON may hold halves, and no file can."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def schema(form: AnswerForm) -> dict[str, Any] | None:
    """The JSON schema of an answer, as servers take it for structured output; None for a plain text."""
    if not form.fields:
        return None
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": f"at most {words} words"} for name, words in form.fields.items()},
        "required": list(form.fields),
        "additionalProperties": False,
    }


def _object(text: str) -> dict[str, Any]:
    """What stands from the first brace to the last."""
    begin, end = text.find("{"), text.rfind("}") + 1
    if begin < 0:
        raise BadReply("has no JSON object in it")
    if end <= begin:
        raise BadReply("has a JSON object that breaks off")
    try:
        found = dict(json.loads(text[begin:end], strict=False))
    except (ValueError, RecursionError) as error:
        raise BadReply(f"is no JSON object ({error})") from None
    return {name: whole(value) if isinstance(value, str) else value for name, value in found.items()}


def _field(found: dict[str, Any], name: str, words: int) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise BadReply(f"has no '{name}'" if value is None else f"has no text in '{name}' but {type(value).__name__}")
    return _held(value, words, f" in '{name}'")


def _held(text: str, words: int, where: str) -> str:
    """The text on one line, if it keeps within its limit."""
    parts = text.split()
    if not parts:
        raise BadReply(f"says nothing{where}")
    line = " ".join(parts)
    if len(parts) > TOLERANCE * words or len(line) > TOLERANCE * words * _CHARACTERS_A_WORD:
        raise BadReply(f"has {len(parts):,} words ({len(line):,} characters){where}, where {words} were asked for")
    return line
