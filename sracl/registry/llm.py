"""Language models as their cards describe them: where one is asked, how much it reads, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from sracl.errors import did_you_mean
from sracl.registry import address

if TYPE_CHECKING:
    from sracl.registry.card import Card

_HEADER = ("kind", "name", "summary", "notes", "source")
_PRICES = ("input_per_million", "output_per_million", "cached_input_per_million")
_REQUIRED = ("base_url", "model", "context_length", "max_output", "input_per_million", "output_per_million", "price_date")
_OPTIONAL = ("cached_input_per_million", "batch_discount", "api_key_env", "request")
_MILLION = 1_000_000


@dataclass(frozen=True)
class LLM:
    """A language model behind a server that speaks the OpenAI protocol."""

    name: str
    """Of its card."""
    base_url: str
    model: str
    """As the server calls it."""
    context_length: int
    """Tokens of a request and its answer together."""
    max_output: int
    """Tokens of an answer."""
    input_per_million: float
    """US dollars for a million tokens read."""
    output_per_million: float
    """US dollars for a million tokens written."""
    cached_input_per_million: float
    """US dollars for a million tokens read that the server still knew from an earlier request; as others where the card has none."""
    batch_discount: float
    """Part of the price that a batch saves, in [0, 1); 0 where there are no batches."""
    api_key_env: str | None
    """Environment variable that holds the key; None for a server that asks for none."""
    price_date: date
    """A day on which these prices held."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of every request, such as one that keeps the model from thinking at the user's expense."""

    @classmethod
    def of(cls, card: Card) -> LLM:
        """The model that a card of kind `llm` describes."""
        facts = card.facts
        return cls(
            name=card.name,
            base_url=facts["base_url"],
            model=facts["model"],
            context_length=facts["context_length"],
            max_output=facts["max_output"],
            input_per_million=float(facts["input_per_million"]),
            output_per_million=float(facts["output_per_million"]),
            cached_input_per_million=float(facts.get("cached_input_per_million", facts["input_per_million"])),
            batch_discount=float(facts.get("batch_discount", 0)),
            api_key_env=facts.get("api_key_env"),
            price_date=facts["price_date"],
            request=facts.get("request", {}),
        )

    @property
    def longest_prompt(self) -> int:
        """Tokens that a request may have, so that the longest answer has room beside it."""
        return self.context_length - self.max_output

    def cost(self, tokens_in: int, tokens_out: int, *, cached: int = 0, batch: bool = False) -> float:
        """US dollars.

        Args:
            tokens_in: Tokens read, cached ones among them.
            tokens_out: Tokens written.
            cached: Of the tokens read, those that the server still knew.
            batch: Whether they were sent as a batch.
        """
        full = (tokens_in - cached) * self.input_per_million
        total = (full + cached * self.cached_input_per_million + tokens_out * self.output_per_million) / _MILLION
        return total * (1 - self.batch_discount) if batch else total


def problems(facts: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with the table of a card of kind `llm`, beyond what every card must have."""
    accepted = (*_HEADER, *_REQUIRED, *_OPTIONAL)
    found = [f"{key}: missing; a card of kind 'llm' has it." for key in _REQUIRED if key not in facts]
    found += [f"{key}: no such key.{did_you_mean(key, accepted)} Keys: {', '.join(accepted)}." for key in facts if key not in accepted]
    for key, value in facts.items():
        if what := _objection(key, value):
            found.append(f"{key}: {what}." if key == "base_url" else f"{key}: {what}, got {value!r}.")
    context, longest = facts.get("context_length"), facts.get("max_output")
    if isinstance(context, int) and isinstance(longest, int) and longest >= context:
        found.append(f"max_output: should leave room for a request in the {context:,} tokens of context_length, got {longest}.")
    return found


def _objection(key: str, value: Any) -> str:
    """What a value should be, where it is not."""
    match key:
        case "base_url":
            return address.objection(value)
        case "model" | "api_key_env" | "source" | "notes":
            if not isinstance(value, str) or not value:
                return "should be a string"
        case "context_length" | "max_output":
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                return "should be a number of tokens, 1 or more"
        case "price_date":
            if type(value) is not date:
                return "should be a date such as 2025-09-05"
        case "request":
            if not isinstance(value, Mapping):
                return "should be a table of fields that go into every request"
        case "batch_discount":
            if not _is_number(value) or not 0 <= value < 1:
                return "should be a part of the price, 0 or more and less than 1"
        case _ if key in _PRICES:
            if not _is_number(value) or not 0 <= value < math.inf:
                return "should be US dollars for a million tokens, 0 or more"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
