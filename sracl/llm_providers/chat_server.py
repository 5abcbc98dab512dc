"""A server that speaks the OpenAI protocol: where it is, what a request to it reads, what it costs, and why it refuses."""

from __future__ import annotations

import contextlib
import json
import os
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from sracl.errors import BudgetError, ResourceError, SraclError
from sracl.llm_providers import completion, replies, tokens, tries
from sracl.llm_providers.asking import Due
from sracl.llm_providers.desk import Paid
from sracl.llm_providers.ledger import PICODOLLARS
from sracl.llm_providers.request import Request
from sracl.registry import address
from sracl.registry.catalog import catalog
from sracl.registry.find_card import find_card
from sracl.registry.llm import LLM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import openai

    from sracl.interfaces import Prompt

NO_KEY = "none"
"""Sent to a server of the user's own where no key is asked for; the client will not do without one."""

KEPT = "What was paid for is kept, and the same command goes on."

_DECIDED = ("model", "messages", "temperature", "top_p", "max_tokens", "response_format")
"""What a request has of its own."""

_LIMIT = "max_completion_tokens"
"""What models that think before they answer, such as OpenAI's o series and GPT-5, take in place of `max_tokens`; thoughts are in it."""

_MANY = ("n", "stream", "stream_options")
"""What would be paid for and come to nothing: several answers, or an answer in pieces."""

_MOST_TOKENS = 1 << 40
"""More than any server reads or writes for one request: what a server says beyond is no count."""


class ChatServer:
    """One model behind one server, and how it is asked."""

    def __init__(
        self,
        *,
        llm: str | None,
        base_url: str | None,
        model: str | None,
        api_key_env: str | None,
        temperature: float,
        top_p: float | None,
        max_output: int | None,
        structured: Literal["object", "schema", "none"],
        extra: str,
        sample: int,
        batch: bool = False,
    ) -> None:
        """Look the model up; nobody is asked, and no key is read.

        Args:
            llm: Name of a card, or its file.
            base_url: Address, instead of the card's.
            model: As the server calls it, instead of the card's.
            api_key_env: Environment variable that holds the key, instead of the card's.
            temperature: Of the draw of each token.
            top_p: Part of the probability that tokens are drawn from; None leaves it to the server.
            max_output: Tokens of an answer; None for what the longest answer that is accepted may have.
            structured: How a JSON object is asked for.
            extra: JSON object that is put into the request; `max_completion_tokens` in it takes the place of `max_output`.
            sample: Number of the answer.
            batch: Whether requests go as batches, at the price of these.

        Raises:
            UsageError: There is no such card.
            CardError: Its file is none.
            ValueError: Neither a card nor an address and a model are given, `extra` is no such object, or it limits an answer that
                `max_output` limits.
        """
        self.card = LLM.of(find_card(catalog(), "llm", llm)) if llm is not None else None
        server, name = base_url or (self.card and self.card.base_url), model or (self.card and self.card.model)
        if not server or not name:
            raise ValueError('name a language model, llm = "deepseek-flash" or another of `sracl list llms`, or a base_url and a model')
        if objection := address.objection(server):
            raise ValueError(f"base_url {objection}")
        self.address = server.rstrip("/")
        self.host = urlsplit(server).netloc
        self.model = name
        self.api_key_env = api_key_env or (self.card.api_key_env if self.card else None)
        self.temperature = temperature
        self.top_p = top_p
        self.max_output = max_output
        self.structured = structured
        self.extra = _object(extra)
        if _LIMIT in self.extra and max_output is not None:
            raise ValueError(f"extra has {_LIMIT}, which takes the place of max_output: leave one of them out")
        self.sample = sample
        self.batch = batch

    def due(self, prompt: Prompt) -> Due:
        """The request of a prompt, and the most that it can cost."""
        more = dict(self.card.request if self.card else {}) | self.extra
        most_out = self.extra.get(_LIMIT) or self.max_output or more.get(_LIMIT) or tokens.of_longest_answer(prompt.answer)
        limit = _LIMIT if _LIMIT in more else "max_tokens"
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "temperature": self.temperature,
        }
        if self.top_p is not None:
            body["top_p"] = self.top_p
        if (form := replies.schema(prompt.answer)) and self.structured != "none":
            whole = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": form}}
            body["response_format"] = whole if self.structured == "schema" else {"type": "json_object"}
        request = Request(self.address, self.model, body | more | {limit: most_out}, self.sample)
        # no byte is more than a token: what is sent as JSON has more bytes than the server can read tokens
        return Due(prompt, request, self._cost(len(request.text.encode()), most_out))

    def paid(self, usage: Any, due: Due | None) -> Paid:
        """What an answer cost, by what the server says of it; where that is nothing or no count, the most that it can have cost.

        The answer itself is as good as any other, so that it is not thrown away with a count that nobody understands.
        """
        try:
            known = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or usage.get("prompt_cache_hit_tokens")
            read, written, cached = int(usage["prompt_tokens"]), int(usage["completion_tokens"]), int(known or 0)
        except completion.MALFORMED:
            read = written = cached = -1
        if not (0 <= cached <= read < _MOST_TOKENS and 0 <= written < _MOST_TOKENS):
            return Paid(cost=due.most if self.card and due else None)
        return Paid(read, written, cached, self._cost(read, written, cached) if self.card else None)

    def client(self, *, timeout: float, retries: int) -> openai.AsyncOpenAI:
        """What requests are sent with, many at a time.

        Raises:
            ResourceError: There is no key, and the server asks for one.
        """
        import openai

        return openai.AsyncOpenAI(
            api_key=self.key(), base_url=self.address, timeout=timeout, max_retries=retries, http_client=tries.transport()
        )

    def batch_client(self, *, timeout: float, retries: int) -> openai.OpenAI:
        """What batches are handed in with.

        Raises:
            ResourceError: There is no key, and the server asks for one.
        """
        import openai

        return openai.OpenAI(api_key=self.key(), base_url=self.address, timeout=timeout, max_retries=retries)

    def key(self) -> str:
        """What the environment holds for the server.

        Raises:
            ResourceError: There is no key, and the server asks for one.
        """
        key = os.environ.get(self.api_key_env) if self.api_key_env else NO_KEY
        if not key:
            raise ResourceError(
                f"{self.host} needs a key: set the environment variable {self.api_key_env}. Texts that are stored already need none "
                '(--offline); llm = { use = "template" } writes texts without a server.'
            )
        return key

    def demand_price(self) -> None:
        """Refuse a ceiling that could not be kept.

        Raises:
            BudgetError: No price is known.
        """
        if self.card is None:
            raise BudgetError(
                f"a ceiling cannot be kept where no price is known: write a card for {self.model}, and name it as `llm` "
                "(`sracl list llms` shows those there are)."
            )

    def refusal(self, error: openai.APIStatusError) -> SraclError | None:
        """Why the server answers nobody, in words of ours; None if it refuses this one request.

        Of the server's own words only a code is told, since they may quote the key.
        """
        code = f", {error.code}" if error.code and error.code.isidentifier() else ""  # a key is none
        if error.status_code in (401, 403):
            if self.api_key_env is None:
                said = f"{self.host} wants a key ({error.status_code}): write api_key_env, the environment variable that holds it."
                return ResourceError(said)
            return ResourceError(f"{self.host} refuses the key in {self.api_key_env} ({error.status_code}).")
        if error.status_code == 402 or error.code == "insufficient_quota":
            return BudgetError(f"the account at {self.host} is used up. {KEPT}")
        if error.status_code == 404:
            served = "batches" if self.batch else "chat completions"
            return ResourceError(f"{self.host} knows no model '{self.model}', or has no {served} (404).")
        if error.status_code in (408, 409, 429) or error.status_code >= 500:
            return ResourceError(f"{self.host} answered with an error ({error.status_code}{code}) to every try. {KEPT}")
        return None

    @staticmethod
    def hint(error: openai.APIStatusError, body: Mapping[str, Any]) -> str:
        """What may be wrong with requests that are refused one after another; `body` is that of one."""
        if error.param == "max_tokens":
            return f"this model may take {_LIMIT} in place of it: extra = '{{\"{_LIMIT}\": 2000}}' has room for thoughts as well."
        if error.param in body:
            return f"does the model take another {error.param}?"
        return "is one of the parameters unknown to it?"

    def _cost(self, read: int, written: int, cached: int = 0) -> int:
        """Picodollars; 0 where no price is known."""
        if self.card is None:
            return 0
        return round(self.card.cost(read, written, cached=cached, batch=self.batch) * PICODOLLARS)


@contextlib.contextmanager
def in_words(server: ChatServer) -> Iterator[None]:
    """Errors of the client in words of ours; they themselves may quote the key.

    Raises:
        ResourceError: The server cannot be had, or refuses.
        BudgetError: The account is used up.
    """
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        raise server.refusal(error) or ResourceError(f"{server.host} refuses what it is asked ({error.status_code}). {KEPT}") from None
    except openai.APITimeoutError:
        raise ResourceError(f"{server.host} did not answer in time, to any of several tries. {KEPT}") from None
    except openai.APIConnectionError:
        raise ResourceError(f"{server.host} cannot be reached; was `base_url` meant?") from None


def asked_to_wait(error: openai.APIStatusError, shortest: float) -> float | None:
    """Seconds of a Retry-After that is longer than `shortest`, whether it says how long or until when; None where there is none."""
    said = error.response.headers.get("retry-after", "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(said).timestamp() - time.time()
        except ValueError:
            return None
    return seconds if seconds > shortest else None


def _object(extra: str) -> dict[str, Any]:
    try:
        found = json.loads(extra) if extra else {}
    except ValueError:
        found = None
    what = ""
    if not isinstance(found, dict):
        found = None
    elif own := found.keys() & set(_DECIDED):
        what = f", without {' and '.join(sorted(own))}, which have parameters"
    elif many := found.keys() & set(_MANY):
        what = f", without {' and '.join(sorted(many))}: one whole answer is read, and others would be paid for in vain"
    elif _LIMIT in found and not (type(found[_LIMIT]) is int and found[_LIMIT] > 0):
        what = f", where {_LIMIT} is a number of tokens"
    if found is None or what:
        raise ValueError(f"extra should be a JSON object such as '{{\"seed\": 1}}'{what}")
    return found
