"""Texts from a server that takes requests in batches, at a lower price and within a day."""

from __future__ import annotations

import time
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sracl.errors import BudgetError
from sracl.llm_providers.allowance import Ceiling
from sracl.llm_providers.batch_counter import BatchCounter
from sracl.llm_providers.chat_server import ChatServer
from sracl.llm_providers.desk import Desk
from sracl.llm_providers.ledger import PICODOLLARS
from sracl.llm_providers.served import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.llm_providers.answers import Answers
    from sracl.llm_providers.asking import Due
    from sracl.llm_providers.openai import Address, Variable


class OpenAIBatch(Served):
    """Hands requests in at OpenAI or another server with `/batches`, waits, and collects.

    A batch outlives the process that made it: whoever runs the same recipe next finds and collects it, also where the process
    died before it had put the server's number of the batch down. Answers are stored as those of `openai` are, and serve it too.

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
        batch_size: Annotated[int, Field(ge=1, le=50_000, exclude=True)] = 10_000,
        poll: Annotated[float, Field(gt=0, exclude=True)] = 60.0,
        retries: Annotated[int, Field(ge=0, exclude=True)] = 5,
        timeout: Annotated[float, Field(gt=0, exclude=True)] = 600.0,
        max_cost: Annotated[float, Field(ge=0, exclude=True)] | None = None,
    ) -> None:
        """Look the model up; nothing is asked, and no key is needed, before an answer is missing.

        Args:
            llm: A language model by its card, which says the address, the model, the key's variable and the price: a name of
                `sracl list llms`, or a `.toml` file of your own, from the folder of the recipe.
            base_url: Where the server is, without a card or instead of what it says.
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
            batch_size: Requests of a batch, at most.
            poll: Seconds between two questions whether a batch is done.
            retries: Tries after the first, of each call that meets a fault.
            timeout: Longest time that a call may take, in seconds; a batch's file is handed in with one.
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
            batch=True,
        )
        super().__init__(server, max_failed)
        self.attempts = attempts
        self.batch_size = batch_size
        self.poll = poll
        self.retries = retries
        self.timeout = timeout
        self.max_cost = max_cost

    def ask(self, answers: Answers, due: Sequence[Due], keys: Sequence[str]) -> None:
        """Hand in, wait and collect."""
        ceilings = [ceiling for ceiling in (Ceiling(self.max_cost), self.allowance.ceiling) if ceiling.dollars is not None]
        if ceilings:
            self.server.demand_price()
        for ceiling in ceilings:
            ceiling.count(answers, keys)
        # what these requests cost is read from what is stored, where batches count with the most that they can cost
        before = answers.spent(keys)
        rooms = [round((ceiling.dollars or 0) * PICODOLLARS) - ceiling.spent + before for ceiling in ceilings]
        room = min(rooms) if rooms else None
        try:
            with Desk(answers) as desk, self.server.batch_client(timeout=self.timeout, retries=self.retries) as client:
                desk.declare(due[0].request, ceilings)
                counter = BatchCounter(self.server, client, answers, desk, attempts=self.attempts)
                self._settle(counter, {one.request.key: one for one in due}, keys, room)
        finally:
            self.allowance.ceiling.settle(0, answers.spent(keys) - before)

    def _settle(self, counter: BatchCounter, due: dict[str, Due], keys: Sequence[str], room: int | None) -> None:
        """Hand in, wait and collect until every request is settled."""
        answers = counter.answers
        while due:
            under_way = answers.under_way(list(due))
            new = [one for key, one in due.items() if key not in under_way]
            affordable = _affordable(new, None if room is None else room - answers.spent(keys))
            if new and not affordable and not under_way:
                raise BudgetError(
                    f"the ceiling leaves no room for another request; {len(keys) - len(due):,} of {len(keys):,} are settled. What was paid "
                    "for is kept: with a higher ceiling the same command goes on."
                )
            for begin in range(0, len(affordable), self.batch_size):
                counter.hand_in(affordable[begin : begin + self.batch_size])
            collected = counter.collect(due)
            settled = answers.find(list(due))
            due = {key: one for key, one in due.items() if key not in settled}
            if self.progress is not None:
                self.progress(len(keys) - len(due), len(keys))
            if due and not collected:
                time.sleep(self.poll)


def _affordable(dues: Sequence[Due], room: int | None) -> Sequence[Due]:
    """As many of the first ones as there is room for, in picodollars."""
    if room is None:
        return dues
    costs = accumulate(one.most for one in dues)
    return dues[: sum(cost <= room for cost in costs)]
