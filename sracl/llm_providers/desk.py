"""Where one process hands requests in, and puts down what becomes of them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sracl import paths, sqlite
from sracl.llm_providers import ledger

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from sracl.llm_providers.allowance import Ceiling
    from sracl.llm_providers.answers import Answers
    from sracl.llm_providers.request import Request

Outcome: TypeAlias = Literal["answered", "rejected", "refused", "lost"]
"""`rejected`: paid for, and no answer; `refused`: not paid for; `lost`: nobody knows."""


@dataclass(frozen=True)
class Paid:
    """What a server says that it has read and written, and what that costs."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """Of the tokens read, those that the server still knew."""
    cost: int | None = None
    """Picodollars; None where no price is known."""


class Desk:
    """Where one process hands requests in: it holds a lock for as long as they may be under way.

    Everything is written by `write`, any number of calls in one transaction; so the disk is asked to keep many requests as
    seldom as it can keep up with.
    """

    def __init__(self, answers: Answers, owner: str | None = None) -> None:
        """Make the file if there is none, and declare lost what dead processes had under way.

        Args:
            answers: Where they are kept.
            owner: Whose the attempts are; by default this process's, by a name of its own.
        """
        self.file = answers.file
        self.owner = uuid.uuid4().hex if owner is None else owner
        answers.file.parent.mkdir(parents=True, exist_ok=True)
        folder = ledger.owners(answers.file)
        folder.mkdir(exist_ok=True)
        self._lock = (folder / self.owner).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        with sqlite.in_words(self.file, holds="answers"):
            self._database = ledger.connect(self.file)
            ledger.bury(self._database, self.file)

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *failure: object) -> None:
        """What is still under way by now is lost: nobody waits for it any longer."""
        try:
            with sqlite.in_words(self.file, holds="answers"), ledger.transaction(self._database):
                ledger.lose(self._database, self.owner, "nobody waited for the answer")
        finally:
            self._database.close()
            (ledger.owners(self.file) / self.owner).unlink(missing_ok=True)
            self._lock.close()

    def declare(self, request: Request, ceilings: Iterable[Ceiling] = ()) -> None:
        """Say, in the file that is locked, who asks whom and what may be spent; `present` tells it to those who look on.

        Args:
            request: One of those that will be asked.
            ceilings: What may be spent; what was spent before is counted in them.
        """
        told = {
            "pid": os.getpid(),
            "project": str(paths.project()),
            "provider": request.provider,
            "model": request.model,
            "begun_at": time.time(),
            "ceilings": [(ceiling.dollars, ceiling.spent) for ceiling in ceilings if ceiling.dollars is not None],
        }
        with contextlib.suppress(OSError):  # a full disk ends the asking itself, in words of its own
            os.write(self._lock.fileno(), json.dumps(told).encode())

    @contextlib.contextmanager
    def write(self) -> Iterator[Entry]:
        """One transaction, on the disk when it ends.

        Raises:
            BudgetError: The disk is full.
        """
        with sqlite.in_words(self.file, holds="answers"), ledger.transaction(self._database):
            yield Entry(self._database, self.owner)

    def bury(self) -> None:
        """Declare lost what processes had under way that have died since."""
        with sqlite.in_words(self.file, holds="answers"):
            ledger.bury(self._database, self.file)

    def in_batches(self, keys: Sequence[str]) -> int:
        """How many of these requests are in batches, whose answers wait at the server until somebody collects them."""
        with sqlite.in_words(self.file, holds="answers"):
            (count,) = self._database.execute(
                "SELECT count(*) FROM attempts WHERE outcome IS NULL AND owner GLOB ? AND key IN (SELECT value FROM json_each(?))",
                (f"{ledger.BATCH}*", json.dumps(list(keys))),
            ).fetchone()
        return int(count)


class Entry:
    """What may be written in a transaction."""

    def __init__(self, database: sqlite3.Connection, owner: str) -> None:
        self._database = database
        self._owner = owner

    def begin(self, request: Request, most: int, *, owner: str | None = None) -> int | Literal["settled", "elsewhere"]:
        """Put a request down as about to be sent.

        Args:
            request: What will be sent.
            most: Picodollars that it can cost.
            owner: The batch that it belongs to; by default this process waits for it.

        Returns:
            The attempt's number; `settled` if there is an answer by now; `elsewhere` if somebody else waits for one.
        """
        self._database.execute(
            "INSERT OR IGNORE INTO requests (key, provider, model, request, sample) VALUES (?, ?, ?, ?, ?)",
            (request.key, request.provider, request.model, request.text, request.sample),
        )
        settled = self._database.execute("SELECT settled_at IS NOT NULL FROM requests WHERE key = ?", (request.key,)).fetchone()[0]
        if settled:
            return "settled"
        if self._database.execute("SELECT 1 FROM attempts WHERE key = ? AND outcome IS NULL", (request.key,)).fetchone():
            return "elsewhere"
        added = self._database.execute(
            "INSERT INTO attempts (key, owner, begun_at, most) VALUES (?, ?, ?, ?)", (request.key, owner or self._owner, time.time(), most)
        )
        return int(added.lastrowid or 0)

    def withdraw(self, attempt: int) -> None:
        """Forget an attempt that is not made after all."""
        self._database.execute("DELETE FROM attempts WHERE id = ?", (attempt,))

    def of_others(self, after: int, numbers: Iterable[int]) -> list[tuple[int, str, bool, int]]:
        """Number, key, whether it is under way, and picodollars spent, of all attempts of others after one, and of these numbers."""
        return self._database.execute(
            f"SELECT id, key, outcome IS NULL, {ledger.SPENT} FROM attempts WHERE owner <> ? "
            "AND (id > ? OR id IN (SELECT value FROM json_each(?)))",
            (self._owner, after, json.dumps(list(numbers))),
        ).fetchall()

    def answer(self, attempt: int, reply: str, paid: Paid) -> None:
        """The attempt brought an answer."""
        self._end(attempt, "answered", paid=paid)
        self._settle(attempt, "reply", reply)

    def end(
        self,
        attempt: int,
        outcome: Outcome,
        detail: str,
        *,
        paid: Paid | None = None,
        reply: str | None = None,
        for_good: bool = False,
    ) -> None:
        """The attempt brought no answer.

        Args:
            attempt: Its number.
            outcome: What became of it.
            detail: Why, in words that hold nothing of what a server said of the key.
            paid: What it cost, where that is known.
            reply: What came instead of an answer.
            for_good: Whether to remember that this request has no answer, so that it is not asked again.
        """
        self._end(attempt, outcome, paid=paid, reply=reply, detail=detail)
        if for_good:
            self._settle(attempt, "failure", detail)

    def lose_tries(self, attempt: int, count: int) -> None:
        """Of an attempt, so many tries broke off before the last one, and may have been paid for as well."""
        self._database.execute(
            "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?) "
            "INSERT INTO attempts (key, owner, begun_at, most, ended_at, outcome, detail) "
            "SELECT key, owner, begun_at, most, ?, 'lost', 'a try broke off' FROM attempts, number WHERE id = ?",
            (count, time.time(), attempt),
        )

    def begin_batch(self, name: str, provider: str) -> None:
        """Put a batch down as about to be made."""
        row = (name, provider, self._owner, time.time())
        self._database.execute("INSERT INTO batches (name, provider, owner, begun_at) VALUES (?, ?, ?, ?)", row)

    def name_batch(self, name: str, number: str) -> None:
        """Put down the server's number of a batch."""
        self._database.execute("UPDATE batches SET id = ? WHERE name = ?", (number, name))

    def batched(self, name: str) -> dict[str, int]:
        """Attempts of a batch that are under way, by the keys of their requests."""
        return dict(self._database.execute("SELECT key, id FROM attempts WHERE owner = ? AND outcome IS NULL", (name,)).fetchall())

    def end_batch(self, name: str, at: float) -> None:
        """Nothing more will come of a batch."""
        self._database.execute("UPDATE batches SET collected_at = ? WHERE name = ?", (at, name))

    def _end(
        self,
        attempt: int,
        outcome: Outcome,
        *,
        paid: Paid | None = None,
        reply: str | None = None,
        detail: str | None = None,
    ) -> None:
        paid = paid or Paid()
        self._database.execute(
            "UPDATE attempts SET ended_at = ?, outcome = ?, cost = ?, tokens_in = ?, tokens_out = ?, tokens_cached = ?, "
            "reply = ?, detail = ? WHERE id = ?",
            (time.time(), outcome, paid.cost, paid.tokens_in, paid.tokens_out, paid.tokens_cached, reply, detail, attempt),
        )

    def _settle(self, attempt: int, column: Literal["reply", "failure"], text: str) -> None:
        self._database.execute(
            f"UPDATE requests SET {column} = ?, settled_at = ? WHERE key = (SELECT key FROM attempts WHERE id = ?) AND reply IS NULL",
            (text, time.time(), attempt),
        )
