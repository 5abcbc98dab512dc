"""Texts from a server that speaks the OpenAI protocol, many requests at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sracl.llm_providers.allowance import Ceiling
from sracl.llm_providers.chat_server import ChatServer
from sracl.llm_providers.chat_session import ChatSession
from sracl.llm_providers.desk import Desk
from sracl.llm_providers.others import Others
from sracl.llm_providers.served import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.llm_providers.answers import Answers
    from sracl.llm_providers.asking import Due

Address = Annotated[str, Field(pattern=r"^https?://[^/@?#\s]+(/[^@?#\s]*)?$")]
"""Of a server, without a key in it."""
Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$", max_length=40)]
"""Name of an environment variable; the key itself reads otherwise."""


_CONNECTIONS = 4
"""Requests under way that share a client."""


class OpenAI(Served):
    """Asks DeepSeek, OpenAI, vLLM, Ollama or any other server that has `/chat/completions`.

    Answers are stored in the cache folder as they arrive, by server, model, full request and sample: the same is never asked
    twice, and of a run that was killed nothing is lost but what was under way. The client itself tries again after a lost
    connection, a timeout, 429 and 5xx; longer waits that the server asks for are kept here, by all requests. A reply that is
    no answer, such as broken JSON, is asked for again; requests that come to nothing for good are remembered with the reason.
    Tries of the client's that broke off may have been paid for as well: they count as lost, with the most that they can have cost.

    The key is read from the environment and is part of nothing that is written or printed.
    """

    def __init__(
        self,
        *,
        llm: str | None = None,
        base_url: Address | None = None,
        model: str | None = None,
        api_key_env: Annotated[Variable, Field(exclude=True)] | None = None,
        temperature: Annotated[float, Field(ge=0, le=2)] = 0.0,
        top_p: Annotated[float, Field(gt=0, le=1)] | None = None,
        max_output: Annotated[int, Field(ge=1)] | None = None,
        structured: Literal["object", "schema", "none"] = "object",
        extra: str = "",
        sample: Annotated[int, Field(ge=0)] = 0,
        max_failed: Annotated[int, Field(ge=0)] = 0,
        attempts: Annotated[int, Field(ge=1, exclude=True)] = 3,
        concurrency: Annotated[int, Field(ge=1, le=1000, exclude=True)] = 50,
        retries: Annotated[int, Field(ge=0, exclude=True)] = 5,
        timeout: Annotated[float, Field(gt=0, exclude=True)] = 120.0,
        patience: Annotated[float, Field(ge=0, exclude=True)] = 600.0,
        max_cost: Annotated[float, Field(ge=0, exclude=True)] | None = None,
    ) -> None:
        """Look the model up; nothing is asked, and no key is needed, before an answer is missing.

        Args:
            llm: A language model by its card, which says the address, the model, the key's variable and the price: a name of
                `sracl list llms`, or a `.toml` file of your own, from the folder of the recipe.
            base_url: Where the server is, such as `http://localhost:11434/v1`, without a card or instead of what it says.
            model: As the server calls it, without a card or instead of what it says.
            api_key_env: The environment variable that holds the key, instead of the card's.
            temperature: 0 for the likeliest words.
            top_p: Part of the probability that words are drawn from; by default the server's.
            max_output: Tokens of an answer; by default what the longest answer that is accepted may have.
            structured: How a JSON object is asked for: `object`, which most servers know, `schema`, with its fields, or `none`.
            extra: JSON object of further parameters of the request, such as `{"reasoning_effort": "low"}`. Models that think take
                `max_completion_tokens` in place of `max_output`; their thoughts are in it, so leave room.
            sample: Number of the answer; another number asks anew.
            max_failed: Texts that may be left empty where a request has no answer.
            attempts: Times that a request is sent while its replies are no answers.
            concurrency: Requests under way at a time.
            retries: Tries after the first, of each request that meets a fault.
            timeout: Longest time that a try may take, in seconds.
            patience: Longest time that a server may ask to wait, in seconds.
            max_cost: US dollars that these texts may cost, what was paid for them before included.

        Raises:
            UsageError: There is no such card.
            CardError: Its file is none.
            ValueError: Neither a card nor an address and a model are given.
        """
        server = ChatServer(
            llm=llm,
            base_url=base_url,
            model=model,
            api_key_env=api_key_env,
            temperature=temperature,
            top_p=top_p,
            max_output=max_output,
            structured=structured,
            extra=extra,
            sample=sample,
        )
        super().__init__(server, max_failed)
        self.attempts = attempts
        self.concurrency = concurrency
        self.retries = retries
        self.timeout = timeout
        self.patience = patience
        self.max_cost = max_cost

    def ask(self, answers: Answers, due: Sequence[Due], keys: Sequence[str]) -> None:
        """Ask, many at a time."""
        ceilings = (Ceiling(self.max_cost), self.allowance.ceiling)
        if any(ceiling.dollars is not None for ceiling in ceilings):
            self.server.demand_price()
        # a client looks through all its connections at every request: small ones take a fifth of the time of a large one
        clients = [self.server.client(timeout=self.timeout, retries=self.retries) for _ in range(0, self.concurrency, _CONNECTIONS)]
        with Desk(answers) as desk:
            others = Others(answers, keys)  # before what was spent so far is counted: better counted twice than not at all
            for ceiling in ceilings:
                ceiling.count(answers, keys)
            desk.declare(due[0].request, ceilings)
            session = ChatSession(
                self.server,
                clients,
                desk,
                ceilings,
                others=others,
                attempts=self.attempts,
                concurrency=self.concurrency,
                patience=self.patience,
                progress=self.progress,
            )
            try:
                asyncio.run(session.settle(due, len(keys)))
            finally:
                for ceiling in ceilings:
                    ceiling.take_over()
