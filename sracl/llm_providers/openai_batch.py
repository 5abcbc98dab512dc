"""Texts from a server that takes requests in batches, at a lower price and within a day."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from sracl.errors import BudgetError, ResourceError
from sracl.llm_providers import completion
from sracl.llm_providers.allowance import Ceiling
from sracl.llm_providers.batches import Batch, Batches
from sracl.llm_providers.chat_server import KEPT, ChatServer, in_words
from sracl.llm_providers.desk import Desk
from sracl.llm_providers.ledger import PICODOLLARS
from sracl.llm_providers.served import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openai

    from sracl.llm_providers.answers import Answers
    from sracl.llm_providers.asking import Due
    from sracl.llm_providers.desk import Entry
    from sracl.llm_providers.openai import Address, Variable

_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_NAME = "sracl"
"""Under which a batch carries our name for it."""
_WRONG = {400, 404, 413, 422}
"""Of a request that would be refused again."""
_FORGOTTEN_DAYS = 30
"""After which a batch that nobody has collected is given up: it was due within one, and servers keep its file no longer."""
_ENDED = {"completed", "failed", "expired", "cancelled"}


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
            llm: A language model that has a card, see `sracl list llms`: it says the address, the model, the key's variable and the price.
            base_url: Where the server is, without a card or instead of what it says.
            model: As the server calls it, without a card or instead of what it says.
            api_key_env: The environment variable that holds the key, instead of the card's.
            temperature: 0 for the likeliest words.
            top_p: Part of the probability that words are drawn from; by default the server's.
            max_output: Tokens of an answer; by default what the longest answer that is accepted may have.
            structured: How a JSON object is asked for: `object`, which most servers know, `schema`, with its fields, or `none`.
            extra: JSON object of further parameters of the request, such as `{"reasoning_effort": "low"}`.
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
                counter = _Counter(self.server, client, answers, desk, attempts=self.attempts)
                self._settle(counter, {one.request.key: one for one in due}, keys, room)
        finally:
            self.allowance.ceiling.settle(0, answers.spent(keys) - before)

    def _settle(self, counter: _Counter, due: dict[str, Due], keys: Sequence[str], room: int | None) -> None:
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


class _Counter:
    """Where batches are handed in and collected."""

    def __init__(self, server: ChatServer, client: openai.OpenAI, answers: Answers, desk: Desk, *, attempts: int) -> None:
        self.server = server
        self.client = client
        self.answers = answers
        self.desk = desk
        self.batches = Batches(answers, desk, server.address, server.model)
        self.attempts = attempts
        self.sent: Counter[str] = Counter()
        """How often each request was handed in here."""

    def hand_in(self, dues: Sequence[Due]) -> None:
        """Make a batch of those that nobody asks yet."""
        name, taken = self.batches.begin(dues)
        if not taken:
            return
        lines = [{"custom_id": one.request.key, "method": "POST", "url": _ENDPOINT, "body": one.request.body} for one in taken]
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        with in_words(self.server):
            file = self.client.files.create(file=(f"{name}.jsonl", text.encode()), purpose="batch")
            made = self._make(file.id, name)
        self.batches.made(name, made.id)
        self.sent.update(one.request.key for one in taken)

    def _make(self, file: str, name: str) -> Any:
        """Have a batch made, once: the client itself would make another where it did not hear of the first."""
        import openai

        batches = self.client.with_options(max_retries=0).batches
        for tried in itertools.count():
            try:
                return batches.create(input_file_id=file, endpoint=_ENDPOINT, completion_window="24h", metadata={_NAME: name})
            except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError):
                if (made := self._named(name)) is not None:
                    return made
                if tried == self.client.max_retries:
                    raise
            time.sleep(min(8.0, 0.5 * 2**tried))

    def collect(self, due: dict[str, Due]) -> bool:
        """Put down what has come of batches; whether there was one."""
        self.desk.bury()
        collected = False
        for batch in self.batches.open():
            if time.time() - batch.begun_at > _FORGOTTEN_DAYS * 86_400:
                self.batches.collect(batch.name, _forget)
                collected = True
                continue
            made = self._find(batch)
            if made is not None and made.status in _ENDED:
                self._put_down(batch, made, due)
                collected = True
            elif made is None and batch.is_orphan:  # its maker died before the server had it, so that nothing is owed for it
                self.batches.collect(batch.name, lambda entry, attempts: _end(entry, attempts, "never came: the batch was never made"))
                collected = True
        return collected

    def _find(self, batch: Batch) -> Any:
        """The batch as the server has it; None where it has none of that name."""
        with in_words(self.server):
            if batch.id is not None:
                return self._retrieved(batch.id)
            if not batch.is_orphan:
                return None
            made = self._named(batch.name)
        if made is not None:
            self.batches.made(batch.name, made.id)
        return made

    def _retrieved(self, number: str) -> Any:
        """The batch of this number.

        Raises:
            ResourceError: The server has none.
        """
        import openai

        try:
            return self.client.batches.retrieve(number)
        except openai.NotFoundError:
            raise ResourceError(
                f"{self.server.host} knows no batch {number}, which some of these requests are in (404); was it made with another key "
                f"than that in {self.server.api_key_env or 'no variable'}? They are asked anew {_FORGOTTEN_DAYS} days after it was made."
            ) from None

    def _named(self, name: str) -> Any:
        """The batch that carries our name for it, if the server has it."""
        return next((made for made in self.client.batches.list() if (made.metadata or {}).get(_NAME) == name), None)

    def _put_down(self, batch: Batch, made: Any, due: dict[str, Due]) -> None:
        lines = [*self._lines(made.output_file_id), *self._lines(made.error_file_id)]

        def settle(entry: Entry, under_way: dict[str, int]) -> None:
            for line in lines:
                key = str(line.get("custom_id"))
                if (attempt := under_way.pop(key, None)) is not None:
                    self._put_down_one(entry, attempt, line, due.get(key))
            _end(entry, under_way, f"never came: the batch {made.status}")

        self.batches.collect(batch.name, settle)
        if made.status == "failed":
            raise ResourceError(f"{self.server.host} refuses the batch as a whole. {KEPT}")

    def _put_down_one(self, entry: Entry, attempt: int, line: dict[str, Any], due: Due | None) -> None:
        """Put down what came of a request; of one that is not asked here, its reply is an answer if the server says that it is whole."""
        response = line.get("response") or {}
        status = response.get("status_code")
        is_last = due is not None and self.sent[due.request.key] >= self.attempts
        if status != 200:
            why = f"never came: the server refused the request ({status})" if status else "never came: the server did not get to it"
            entry.end(attempt, "refused", why, for_good=is_last or status in _WRONG)
            return
        try:
            said = completion.read(response["body"])
            paid = self.server.paid(said.usage, due)
        except completion.MALFORMED:
            entry.end(attempt, "lost", completion.NONE, for_good=is_last)
            return
        if fault := completion.fault(due.prompt if due else None, said):
            entry.end(attempt, "rejected", fault.reason, paid=paid, reply=said.reply, for_good=fault.for_good or is_last)
        else:
            entry.answer(attempt, said.reply, paid)

    def _lines(self, file: str | None) -> list[dict[str, Any]]:
        if not file:
            return []
        with in_words(self.server):
            text = self.client.files.content(file).text
        return [json.loads(line) for line in text.split("\n") if line.strip()]


def _affordable(dues: Sequence[Due], room: int | None) -> Sequence[Due]:
    """As many of the first ones as there is room for, in picodollars."""
    if room is None:
        return dues
    costs = accumulate(one.most for one in dues)
    return dues[: sum(cost <= room for cost in costs)]


def _forget(entry: Entry, attempts: dict[str, int]) -> None:
    """These attempts were paid for, for all that is known, and nobody has collected what came of them."""
    for attempt in attempts.values():
        entry.end(attempt, "lost", f"nobody has collected the batch within {_FORGOTTEN_DAYS} days")


def _end(entry: Entry, attempts: dict[str, int], why: str) -> None:
    """These attempts were never worked on, and cost nothing."""
    for attempt in attempts.values():
        entry.end(attempt, "refused", why)
