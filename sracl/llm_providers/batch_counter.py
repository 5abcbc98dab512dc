"""Where batches of requests are handed in at a server, and collected."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from sracl.errors import ResourceError
from sracl.llm_providers import completion
from sracl.llm_providers.batches import Batch, Batches
from sracl.llm_providers.chat_server import KEPT, ChatServer, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openai

    from sracl.llm_providers.answers import Answers
    from sracl.llm_providers.asking import Due
    from sracl.llm_providers.desk import Desk, Entry

_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_NAME = "sracl"
"""Under which a batch carries our name for it."""
_WRONG = {400, 404, 413, 422}
"""Of a request that would be refused again."""
_FORGOTTEN_DAYS = 30
"""After which a batch that nobody has collected is given up: it was due within one, and servers keep its file no longer."""
_ENDED = {"completed", "failed", "expired", "cancelled"}


class BatchCounter:
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
        response = found if isinstance(found := line.get("response"), dict) else {}
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
        try:
            lines = [json.loads(line) for line in text.split("\n") if line.strip()]
        except ValueError:
            lines = [None]
        if not all(isinstance(line, dict) for line in lines):
            raise ResourceError(
                f"{self.server.host} gave a file of a batch's answers ({file}) that is damaged or something else. {KEPT} It asks for the "
                "file again."
            )
        return lines


def _forget(entry: Entry, attempts: dict[str, int]) -> None:
    """These attempts were paid for, for all that is known, and nobody has collected what came of them."""
    for attempt in attempts.values():
        entry.end(attempt, "lost", f"nobody has collected the batch within {_FORGOTTEN_DAYS} days")


def _end(entry: Entry, attempts: dict[str, int], why: str) -> None:
    """These attempts were never worked on, and cost nothing."""
    for attempt in attempts.values():
        entry.end(attempt, "refused", why)
