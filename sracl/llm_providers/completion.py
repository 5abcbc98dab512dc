"""A chat completion: the reply in it, and why it may be no answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.llm_providers.replies import BadReply, parse, whole

if TYPE_CHECKING:
    from sracl.interfaces import Prompt

MALFORMED = (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError)
"""What `read` raises where a body is no chat completion: each of these, by how it is malformed."""
NONE = "came in a body that is no chat completion"
"""The reason there is no answer in such a body."""
_GIVEN_UP = {"insufficient_system_resource", "abort", "error"}
"""Endings of replies that were not written to their end, as DeepSeek, vLLM and OpenRouter call them."""


@dataclass(frozen=True)
class Said:
    """What a model said."""

    reply: str
    ending: str | None
    """Why it said no more."""
    refuses: bool
    usage: dict[str, Any] | None
    """Tokens, as the server counts them."""


@dataclass(frozen=True)
class Fault:
    """Why a reply is no answer."""

    reason: str
    """As the end of a sentence that began with the reply."""
    for_good: bool
    """Whether to ask again would bring the same."""


def read(body: Any) -> Said:
    """What stands in the body of a chat completion.

    Raises:
        ValueError: It is none; or another of `MALFORMED`.
    """
    choice = body["choices"][0]
    message = choice["message"]
    return Said(whole(_text(message.get("content"))), choice.get("finish_reason"), bool(message.get("refusal")), body.get("usage"))


def fault(prompt: Prompt | None, said: Said) -> Fault | None:
    """Why this is no answer to a prompt; None if it is one. Where the prompt is not known, any text will do."""
    if said.ending == "length":
        return Fault(f"was cut off after {(said.usage or {}).get('completion_tokens', 'some')} tokens; max_output allows for more", True)
    if said.ending == "content_filter":
        return Fault("was withheld by the server's filter", True)
    if said.refuses:
        return Fault("is a refusal of the model's", True)
    if said.ending in _GIVEN_UP:
        return Fault("was broken off by the server", False)
    if prompt is None:
        return None if said.reply.strip() else Fault("is empty", False)
    try:
        parse(prompt, said.reply)
    except BadReply as error:
        return Fault(str(error), False)
    return None


def _text(content: Any) -> str:
    """What a message says: a text, or the texts among parts, of which a model's thoughts are none."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part["type"] == "text")
    if not isinstance(content, str | None):
        raise TypeError(f"{type(content).__name__} is no text")
    return content or ""
