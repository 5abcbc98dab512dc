"""Prompts as their files hold them: the words that a language model is asked with, and what it is to answer.

Words in braces are placeholders. A part of a list is left out where one of its placeholders has nothing to say, so that
what is missing is never named.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal

from sracl.errors import did_you_mean
from sracl.interfaces import AnswerForm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sracl.registry.card import Card

SMALLEST_BUDGET = 500
"""Tokens that a request may have at least: an instruction, and one item of which much is known."""

OF_AN_ITEM = ("title", "brand", "category", "categories", "category_path", "description", "attributes")
"""Placeholders of what is said of an item; `attributes.NAME` besides."""

_OF_A_REQUEST: dict[str, dict[str, tuple[str, ...]]] = {
    "items": {"system": ("domain", "answer"), "user": ("domain", "answer", "item", "contexts"), "item": OF_AN_ITEM, "line": OF_AN_ITEM},
    "sequences": {"system": ("domain", "answer"), "user": ("domain", "answer", "count", "entries"), "line": OF_AN_ITEM},
}
"""What a prompt describes -> its texts -> the placeholders they may have."""

_SHOWS = {"items": "item", "sequences": "entries"}
"""The placeholder without which a request would ask about nothing."""

_HEADER = ("kind", "name", "summary", "notes", "source")
_COUNTS = {"version": 1, "budget": SMALLEST_BUDGET, "title_length": 1, "description_length": 0}
"""Keys that are integers, and the least they may be."""


@dataclass(frozen=True)
class PromptTemplate:
    """The words of one kind of request."""

    name: str
    version: int
    """Raised by whoever changes the words."""
    describes: Literal["items", "sequences"]
    system: str
    """The instruction."""
    user: tuple[str, ...]
    """The request, paragraph by paragraph."""
    item: tuple[str, ...]
    """What is said of the item that is described, a line each; empty for sequences."""
    line: tuple[str, ...]
    """What is said of an item among others, on its line."""
    answer: Mapping[str, Any]
    """`words` of a plain text; or field -> `words` and what it is `about`."""
    raw: bool
    """Whether an answer in JSON is taken as it was written."""
    budget: int
    """Tokens of a request; the oldest items are left out where there are more."""
    title_length: int
    """Characters kept of a title."""
    description_length: int
    """Characters kept of a description."""

    @classmethod
    def of(cls, card: Card) -> PromptTemplate:
        """The prompt that a card of kind `prompt` holds."""
        facts = card.facts
        return cls(
            name=card.name,
            version=facts["version"],
            describes=facts["describes"],
            system=facts["system"],
            user=tuple(facts["user"]),
            item=tuple(facts.get("item", ())),
            line=tuple(facts["line"]),
            answer=facts["answer"],
            raw=facts.get("raw", False),
            budget=facts["budget"],
            title_length=facts["title_length"],
            description_length=facts["description_length"],
        )

    @cached_property
    def fingerprint(self) -> str:
        """Identity of everything but the name, 16 hexadecimal digits."""
        told = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "name"}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def form(self) -> AnswerForm:
        """What an answer is to look like."""
        if _is_plain(self.answer):
            return AnswerForm(words=self.answer["words"])
        return AnswerForm(fields={name: field["words"] for name, field in self.answer.items()}, raw=self.raw)

    def asks(self, domain: str) -> str:
        """What `{answer}` stands for: a number of words, or the JSON object with what each field is to say."""
        if _is_plain(self.answer):
            return f"at most {self.answer['words']} words"
        told = {
            name: f"at most {field['words']} words about {fill(field['about'], {'domain': domain})}" for name, field in self.answer.items()
        }
        return json.dumps(told, ensure_ascii=False)


def fill(text: str, values: Mapping[str, str]) -> str:
    """A text with its placeholders filled; empty if one of them has nothing to say."""
    parts = []
    for literal, name in _pieces(text):
        parts.append(literal)
        if name is not None:
            if not (value := values.get(name, "")):
                return ""
            parts.append(value)
    return "".join(parts)


def joined(parts: Iterable[str], values: Mapping[str, str], separator: str) -> str:
    """The parts of which all placeholders have something to say."""
    return separator.join(filter(None, (fill(part, values) for part in parts)))


def problems(facts: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with the table of a card of kind `prompt`, beyond what every card must have."""
    describes = facts.get("describes")
    if describes not in _OF_A_REQUEST:
        return [f"describes: should be one of {', '.join(map(repr, _OF_A_REQUEST))}, got {describes!r}."]
    texts = _OF_A_REQUEST[describes]
    required = (*_COUNTS, "describes", *texts, "answer")
    accepted = (*_HEADER, *required, "raw")
    found = [f"{key}: missing; a prompt that describes {describes} has it." for key in required if key not in facts]
    found += [f"{key}: no such key.{did_you_mean(key, accepted)} Keys: {', '.join(accepted)}." for key in facts if key not in accepted]
    for key, least in _COUNTS.items():
        if key in facts and (type(facts[key]) is not int or facts[key] < least):
            found.append(f"{key}: should be an integer, {least:,} or more, got {facts[key]!r}.")
    if not isinstance(facts.get("raw", False), bool):
        found.append(f"raw: should be true or false, got {facts['raw']!r}.")
    found += _answer_problems(facts.get("answer", {}))
    for key, known in texts.items():
        if key in facts:
            found += _text_problems(key, facts[key], known, is_list=key != "system")
    if not found:
        used = {name for key in ("system", "user") for text in _listed(facts[key]) for _, name in _pieces(text)}
        if (shows := _SHOWS[describes]) not in used:
            found.append(f"user: should say {{{shows}}} somewhere, or nothing is asked about.")
        if "answer" not in used and not _is_plain(facts["answer"]):
            found.append("answer: is asked for nowhere; write {answer} into system or user, where its fields are to be named.")
    return found


def _text_problems(key: str, value: Any, known: Sequence[str], *, is_list: bool) -> Iterator[str]:
    texts = value if is_list else [value]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        yield f"{key}: should be {'a list of strings' if is_list else 'a string'}, got {value!r}."
        return
    for text in texts:
        yield from _placeholder_problems(key, text, known)


def _placeholder_problems(key: str, text: str, known: Sequence[str]) -> Iterator[str]:
    shown = [f"{{{name}}}" for name in known] + ["{attributes.NAME}"] * ("attributes" in known)
    try:
        names = [name for _, name in _pieces(text) if name is not None]
    except ValueError as error:
        yield f"{key}: {text!r} cannot be read ({error}); a brace that is meant as one is written twice."
        return
    for name in names:
        if name not in known and not ("attributes" in known and name.startswith("attributes.")):
            there = f"There are: {', '.join(shown)}; a brace that is meant as one is written twice."
            yield f"{key}: there is no placeholder {{{name}}}.{did_you_mean(f'{{{name}}}', shown)} {there}"


def _answer_problems(answer: Any) -> Iterator[str]:
    form = "answer: should be { words = 100 } for a plain text, or a table [answer.FIELD] with words and about for each field of JSON"
    if not isinstance(answer, dict) or not answer:
        yield f"{form}, got {answer!r}."
        return
    for name, field in {"": answer}.items() if _is_plain(answer) else answer.items():
        keys = {"words", "about"} if name else {"words"}
        if not isinstance(field, dict) or set(field) != keys or type(field["words"]) is not int or field["words"] < 1:
            yield f"{form}, got {name or 'answer'} = {field!r}."
        elif name and not isinstance(field["about"], str):
            yield f"answer.{name}.about: should be a string, got {field['about']!r}."
        elif name:
            yield from _placeholder_problems(f"answer.{name}.about", field["about"], ("domain",))


def _is_plain(answer: Mapping[str, Any]) -> bool:
    return not isinstance(answer.get("words", {}), dict)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """Each stretch of words and the placeholder after it, None at the end."""
    for literal, name, form, conversion in Formatter().parse(text):
        whole = name if name is None else f"{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}"
        yield literal, whole
