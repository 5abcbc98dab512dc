"""Batches that a server works on: put down before they are made, so that whoever comes next finds and collects them."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.llm_providers import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sracl.llm_providers.answers import Answers
    from sracl.llm_providers.asking import Due
    from sracl.llm_providers.desk import Desk, Entry


@dataclass(frozen=True)
class Batch:
    """Requests that were handed in together."""

    name: str
    """Ours; the server is told it, so that a batch can be found whose number was not put down any more."""
    id: str | None
    """The server's; None where the process that made the batch has not put it down."""
    is_orphan: bool
    """Whether that process is gone."""
    begun_at: float
    """Seconds since 1970."""


class Batches:
    """The open batches of one model: what those of another cost is for those to say who know its price."""

    def __init__(self, answers: Answers, desk: Desk, provider: str, model: str) -> None:
        self._answers = answers
        self._desk = desk
        self._provider = provider
        self._model = model

    def begin(self, dues: Sequence[Due]) -> tuple[str, list[Due]]:
        """Put down that these are about to be handed in together.

        Returns:
            The batch's name, and those that belong to it: not the ones that are settled by now, or that somebody else asks.
        """
        name = f"{ledger.BATCH}{uuid.uuid4().hex}"
        with self._desk.write() as entry:
            taken = [due for due in dues if isinstance(entry.begin(due.request, due.most, owner=name), int)]
            if taken:
                entry.begin_batch(name, self._provider)
        return name, taken

    def made(self, name: str, number: str) -> None:
        """The server has the batch, under this number."""
        with self._desk.write() as entry:
            entry.name_batch(name, number)

    def open(self) -> list[Batch]:
        """Those that are not collected."""
        with self._answers.opened() as database:
            rows = database.execute(
                "SELECT name, id, owner, begun_at FROM batches WHERE provider = ? AND collected_at IS NULL AND EXISTS "
                "(SELECT 1 FROM attempts JOIN requests USING (key) WHERE attempts.owner = batches.name AND model = ?) ORDER BY begun_at",
                (self._provider, self._model),
            ).fetchall()
        return [Batch(name, number, ledger.is_dead(self._desk.file, owner), begun_at) for name, number, owner, begun_at in rows]

    def collect(self, name: str, settle: Callable[[Entry, dict[str, int]], None]) -> None:
        """Put down what came of a batch, all of it at once, unless somebody else has.

        Args:
            name: Of the batch.
            settle: Is given the numbers of the attempts that are under way in it, by the keys of their requests.
        """
        with self._desk.write() as entry:
            attempts = entry.batched(name)
            settle(entry, attempts)
            entry.end_batch(name, time.time())
