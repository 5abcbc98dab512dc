"""Requests of one call while they are under way: many at a time, each settled before it counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sracl.errors import BudgetError, ResourceError, SraclError
from sracl.llm_providers import completion
from sracl.llm_providers.chat_server import KEPT, asked_to_wait
from sracl.llm_providers.journal import Journal
from sracl.llm_providers.pace import Pace
from sracl.llm_providers.tries import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence

    import openai

    from sracl.llm_providers.allowance import Ceiling
    from sracl.llm_providers.asking import Due
    from sracl.llm_providers.chat_server import ChatServer
    from sracl.llm_providers.desk import Desk, Entry, Outcome, Paid
    from sracl.llm_providers.others import Others

_Next: TypeAlias = Literal["settled", "again", "later"]
"""What is to be done with a request: nothing; send it again, as far as that is allowed; send it again in any case."""

_CLIENT_WAITS = 120.0
"""Seconds of a Retry-After up to which the client waits by itself."""
_POLL_SECONDS = 0.5
_LAST_SECONDS = 10.0
"""How long Ctrl-C lets answers arrive that are under way; another Ctrl-C ends that."""
_HOPELESS = 20
"""Requests refused or misunderstood one after another, without an answer between, after which the fault is taken to be in all."""


class _Stop(Exception):
    """Nobody is to be asked any more; the reason is kept by the session."""


class ChatSession:
    """The requests of one call while they are under way."""

    def __init__(
        self,
        server: ChatServer,
        clients: Sequence[openai.AsyncOpenAI],
        desk: Desk,
        ceilings: Sequence[Ceiling],
        *,
        others: Others,
        attempts: int,
        concurrency: int,
        patience: float,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Send nothing yet.

        Args:
            server: Who is asked.
            clients: What requests are sent with, each for its part of the requests under way; they are closed at the end.
            desk: Where they are handed in.
            ceilings: What may be spent.
            others: What other processes spend on the same requests.
            attempts: Times that a request is sent while its replies are no answers.
            concurrency: Requests under way at a time.
            patience: Seconds that the server may ask to wait, altogether.
            progress: Told how many requests of how many are settled.
        """
        self.server = server
        self.clients = clients
        self.desk = desk
        self.journal = Journal(desk)
        self.ceilings = ceilings
        self.others = others if any(ceiling.dollars is not None for ceiling in ceilings) else None
        self.attempts = attempts
        self.concurrency = concurrency
        self.pace = Pace(patience)
        self.progress = progress
        self.failure: SraclError | None = None
        self.elsewhere: list[Due] = []
        self.settled = self.total = 0
        self.in_vain = 0
        self.change = asyncio.Event()
        """Set when something that was set aside becomes free."""

    async def settle(self, due: Sequence[Due], total: int) -> None:
        """Have each of these answered, or put down why it cannot be.

        The first failure that concerns all of them ends it; what is under way by then is still waited for, since it is paid for.
        """
        self.settled, self.total = total - len(due), total
        async with contextlib.AsyncExitStack() as stack:
            for client in self.clients:
                await stack.enter_async_context(client)
            while due and self.failure is None:
                portions = _portions(due, self.concurrency)
                await self._together(self._work(portions, client) for client, _ in zip(cycle(self.clients), range(self.concurrency)))
                due, self.elsewhere = self.elsewhere, []
                if due:  # another process asks the same: its answers will do, and if it dies they are asked here
                    batched = await asyncio.to_thread(self.desk.in_batches, [one.request.key for one in due])
                    if batched == len(due) and self.failure is None:  # a batch may take a day, and is collected by none but its like
                        raise ResourceError(
                            f"{batched:,} of {total:,} requests were handed in as batches, whose answers `openai_batch` collects: the same "
                            'with use = "openai_batch" waits for them. All others are settled.'
                        )
                    await asyncio.sleep(_POLL_SECONDS)
                    await asyncio.to_thread(self.desk.bury)
        if self.failure is not None:
            raise self.failure

    async def _together(self, work: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Wait for all of these; after Ctrl-C, a little, for what is under way by then: it is paid for."""
        workers = asyncio.gather(*work)
        try:
            await asyncio.shield(workers)
        except asyncio.CancelledError:
            self._stop(ResourceError("interrupted"))
            await asyncio.wait([workers], timeout=_LAST_SECONDS)
            raise

    async def _work(self, portions: Iterator[Sequence[Due]], client: openai.AsyncOpenAI) -> None:
        for portion in portions:
            for due in portion:
                if self.failure is not None:
                    return
                try:
                    await self._settle(due, client)
                except _Stop:
                    return
                except SraclError as error:  # of the disk
                    self._stop(error)
                    return

    async def _settle(self, due: Due, client: openai.AsyncOpenAI) -> None:
        """Ask until there is an answer, or no hope of one."""
        tries = 0
        outcome: _Next = "again"
        while outcome != "settled":
            await self.pace.pause(unless=lambda: self.failure is not None)
            await self._set_aside(due.most)
            attempt = await self.journal.put(lambda entry: self._begin(entry, due))
            if isinstance(attempt, int):
                outcome = await self._try(due, attempt, client, is_last=tries + 1 == self.attempts)
                tries += outcome == "again"
                continue
            self._free(due.most, 0)
            if attempt == "full":
                continue
            if attempt == "elsewhere":
                self.elsewhere.append(due)
                return
            outcome = "settled"
        self.settled += 1
        if self.progress is not None:
            self.progress(self.settled, self.total)

    def _begin(self, entry: Entry, due: Due) -> int | Literal["settled", "elsewhere", "full"]:
        """Put a request down, unless what others have begun by now leaves no room for it."""
        attempt = entry.begin(due.request, due.most)
        if self.others is None or not isinstance(attempt, int):
            return attempt
        spent = self.others.spent(entry)
        for ceiling in self.ceilings:
            ceiling.elsewhere = spent
        if any(ceiling.is_exceeded for ceiling in self.ceilings):
            entry.withdraw(attempt)
            return "full"
        return attempt

    async def _try(self, due: Due, attempt: int, client: openai.AsyncOpenAI, *, is_last: bool) -> _Next:
        """Send a request, and put down what comes of it."""
        import openai

        tries = counted()
        try:
            # as text: the client's own classes for requests and answers take as long to make as all the rest of a request
            text = await client.post("/chat/completions", cast_to=str, body=due.request.body)
            said = completion.read(json.loads(text))
            paid = self.server.paid(said.usage, due)
        except openai.APIStatusError as error:
            await self._lose(due, attempt, tries.sent - tries.refused)
            return await self._refused(due, attempt, error)
        except openai.APITimeoutError:
            await self._lose(due, attempt, tries.others)
            await self._end(due, attempt, "lost", "timed out")
            raise self._stop(ResourceError(f"{self.server.host} did not answer in time, to any of several tries. {KEPT}")) from None
        except openai.APIConnectionError as error:
            # where the last try reached nobody, the others are taken to have done no better
            reached = type(error.__cause__).__name__ not in ("ConnectError", "ConnectTimeout")
            await self._lose(due, attempt, tries.others if reached else 0)
            await self._end(due, attempt, "lost" if reached else "refused", "the connection broke" if reached else "no connection")
            what = f"breaks every connection off. {KEPT}" if reached else "cannot be reached; was `base_url` meant?"
            raise self._stop(ResourceError(f"{self.server.host} {what}")) from None
        except (openai.APIResponseValidationError, *completion.MALFORMED):
            await self._lose(due, attempt, tries.others)
            await self._end(due, attempt, "lost", completion.NONE, for_good=is_last)
            self.in_vain += 1
            if self.in_vain >= _HOPELESS:
                what = f"has answered {_HOPELESS} requests one after another by what is no chat completion"
                mend = "does `base_url` end as it should, such as in /v1? After `sracl llm retry` the same command asks them again."
                raise self._stop(ResourceError(f"{self.server.host} {what}; {mend}")) from None
            return "settled" if is_last else "again"
        self.in_vain = 0
        await self._lose(due, attempt, tries.others)
        if fault := completion.fault(due.prompt, said):
            ends = is_last or fault.for_good
            await self._end(due, attempt, "rejected", fault.reason, paid=paid, reply=said.reply, for_good=ends)
            return "settled" if ends else "again"
        await self.journal.put(lambda entry: entry.answer(attempt, said.reply, paid))
        self._free(due.most, paid.cost or 0)
        return "settled"

    async def _refused(self, due: Due, attempt: int, error: openai.APIStatusError) -> _Next:
        """Put down that the server refuses, and find out whether it refuses this request or all of them."""
        if (seconds := asked_to_wait(error, _CLIENT_WAITS)) is not None:
            await self._end(due, attempt, "refused", f"never came: the server asked to wait for {seconds:g} s")
            if not self.pace.wait(seconds):
                asks = f"asks to wait for {seconds:g} s, and the patience is {self.pace.patience:g} s"
                raise self._stop(ResourceError(f"{self.server.host} {asks}. {KEPT}")) from None
            return "later"
        general = self.server.refusal(error)
        why = f"never came: the server refused the request ({error.status_code})"
        await self._end(due, attempt, "refused", why, for_good=general is None)
        self.in_vain += 1
        if general is None and self.in_vain >= _HOPELESS:
            named = f", {error.param}" if error.param in due.request.body else ""
            general = ResourceError(
                f"{self.server.host} has refused {_HOPELESS} requests one after another ({error.status_code}{named}); "
                f"{self.server.hint(error, due.request.body)} After `sracl llm retry` the same command asks them again."
            )
        if general is not None:
            raise self._stop(general) from None
        return "settled"

    async def _lose(self, due: Due, attempt: int, tries: int) -> None:
        """Put down tries of the client's that broke off before the last one."""
        if tries > 0:
            await self.journal.put(lambda entry: entry.lose_tries(attempt, tries))
            for ceiling in self.ceilings:
                ceiling.settle(0, tries * due.most)

    async def _end(self, due: Due, attempt: int, outcome: Outcome, detail: str, **more: Any) -> None:
        def write(entry: Entry) -> None:
            entry.end(attempt, outcome, detail, **more)

        await self.journal.put(write)
        paid: Paid | None = more.get("paid")
        self._free(due.most, due.most if outcome == "lost" else (paid.cost or 0) if paid else 0)

    async def _set_aside(self, most: int) -> None:
        """Wait until this much may be spent."""
        while self.failure is None:
            taken = [ceiling for ceiling in self.ceilings if ceiling.set_aside(most)]
            if len(taken) == len(self.ceilings):
                return
            for ceiling in taken:
                ceiling.settle(most, 0)
            full = next(ceiling for ceiling in self.ceilings if ceiling not in taken)
            if not full.aside:
                raise self._stop(
                    BudgetError(
                        f"the ceiling of {full.dollars:,g} dollars leaves no room for another request; {self.settled:,} of "
                        f"{self.total:,} are settled. What was paid for is kept: with a higher ceiling the same command goes on."
                    )
                )
            self.change.clear()
            await self.change.wait()
        raise _Stop

    def _free(self, most: int, cost: int) -> None:
        for ceiling in self.ceilings:
            ceiling.settle(most, cost)
        self.change.set()

    def _stop(self, error: SraclError) -> _Stop:
        """Remember the first reason; those who wait for something wait no longer."""
        self.failure = self.failure or error
        self.change.set()
        return _Stop()


def _portions(due: Sequence[Due], workers: int) -> Iterator[Sequence[Due]]:
    """Stretches of requests, each for one worker, so that requests that begin alike are sent one after another.

    They shrink towards the end, so that all workers end together.
    """
    begin = 0
    while begin < len(due):
        size = max(1, (len(due) - begin) // (4 * workers))
        yield due[begin : begin + size]
        begin += size
