"""Answers that were paid for: found again, counted, forgotten where there are none, and passed on."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from typing import IO, TYPE_CHECKING, Any

from sracl import paths, sqlite
from sracl.errors import DataError
from sracl.llm_providers import ledger
from sracl.llm_providers.request import Request

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_FILE = "answers.db"
_AT_ONCE = 500
"""Keys asked for in one statement; SQLite takes 999 in its oldest builds."""
_KIND = "sracl answers"
"""How the first line of an exported file begins to say what it is."""


@dataclass(frozen=True)
class Kept:
    """What is known of a request."""

    reply: str | None
    failure: str | None
    """Why there is no reply, where that is for good."""


@dataclass(frozen=True)
class Lost:
    """Attempts of processes that died, or whose answers went missing on the way."""

    attempts: int = 0
    most: int = 0
    """Picodollars that they can have cost at most."""


@dataclass(frozen=True)
class Account:
    """What one model of one provider has been asked, and what it cost."""

    provider: str
    model: str
    answered: int
    failed: int
    """Requests that will have no answer."""
    open: int
    """Requests that were asked, and have neither."""
    under_way: int
    """Attempts that are being waited for, by a process that lives or at a server that collects them."""
    lost: int
    """Attempts that may have been paid for, and came to nothing."""
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    dollars: float
    """Of all answers, and of replies that were none."""
    dollars_in_doubt: float
    """The most that lost attempts and those under way can have cost."""


class Answers:
    """The answers in one file; any number of processes may share it."""

    def __init__(self, file: Path | None = None) -> None:
        """Nothing is created before something is asked.

        Args:
            file: By default that of the cache folder.
        """
        self.file = paths.cache() / _FILE if file is None else file

    def find(self, keys: Sequence[str]) -> dict[str, Kept]:
        """The requests that are settled: answered, or known to have no answer."""
        columns = "SELECT key, reply, failure FROM requests WHERE settled_at IS NOT NULL AND key"
        return {key: Kept(reply, failure) for key, reply, failure in self._of(columns, keys)}

    def spent(self, keys: Sequence[str]) -> int:
        """Picodollars that these requests have cost; attempts whose cost is not known count with the most that it can be."""
        return sum(cost for (cost,) in self._of(f"SELECT {ledger.SPENT} FROM attempts WHERE key", keys))

    def last_attempt(self) -> int:
        """Number of the latest attempt; 0 if there is none."""
        return max((number or 0 for (number,) in self._all("SELECT max(id) FROM attempts")), default=0)

    def under_way(self, keys: Sequence[str]) -> set[str]:
        """Those of these requests that somebody waits for an answer to."""
        return {key for (key,) in self._of("SELECT key FROM attempts WHERE outcome IS NULL AND key", keys)}

    def lost(self, keys: Sequence[str]) -> Lost:
        """The attempts at these requests that may have been paid for in vain."""
        mosts = [most for (most,) in self._of("SELECT most FROM attempts WHERE outcome = 'lost' AND key", keys)]
        return Lost(len(mosts), sum(mosts))

    def rejected(self, keys: Sequence[str]) -> Counter[str]:
        """How often these requests were answered by what is no answer."""
        return Counter(key for (key,) in self._of("SELECT key FROM attempts WHERE outcome = 'rejected' AND key", keys))

    def accounts(self) -> list[Account]:
        """All that is here, by provider and model."""
        if not self.file.is_file():
            return []
        with self.opened() as database:
            database.create_function("is_left", 1, cache(partial(ledger.is_left, self.file)))
            requests = database.execute(
                "SELECT provider, model, sum(reply IS NOT NULL), sum(failure IS NOT NULL), sum(settled_at IS NULL) "
                "FROM requests GROUP BY provider, model ORDER BY provider, model"
            ).fetchall()
            attempts = {
                (provider, model): sums
                for provider, model, *sums in database.execute(
                    "SELECT provider, model, sum(outcome IS NULL AND NOT is_left(owner)), "
                    "sum(outcome IS 'lost' OR (outcome IS NULL AND is_left(owner))), total(tokens_in), total(tokens_out), "
                    "total(tokens_cached), total(cost), total(CASE WHEN outcome IS NULL OR outcome = 'lost' THEN most END) "
                    "FROM attempts JOIN requests USING (key) GROUP BY provider, model"
                )
            }
        return [_account(row, attempts.get((row[0], row[1]), [0] * 7)) for row in requests]

    def failures(self, keys: Sequence[str] | None = None) -> dict[str, int]:
        """Why requests have no answer, these or all of them, and how many for each reason, the commonest first."""
        query = "SELECT failure FROM requests WHERE failure IS NOT NULL"
        counts = Counter(why for (why,) in (self._all(query) if keys is None else self._of(f"{query} AND key", keys)))
        return dict(sorted(counts.items(), key=lambda counted: (-counted[1], counted[0])))

    def forget_failures(self, keys: Sequence[str] | None = None) -> int:
        """Have requests that failed asked again, these or all of them; their number. What they cost stays on the account."""
        if not self.file.is_file():
            return 0
        forget = "UPDATE requests SET failure = NULL, settled_at = NULL WHERE failure IS NOT NULL"
        with self.opened() as database, ledger.transaction(database):
            if keys is None:
                return database.execute(forget).rowcount
            return sum(database.execute(f"{forget} AND key IN ({_marks(some)})", some).rowcount for some in _portions(keys))

    def reject(self, reasons: Mapping[str, str]) -> None:
        """Have replies that are no answers count as failures: a batch may have been collected by who did not know the prompts.

        Args:
            reasons: Why, by the keys of requests.
        """
        if not reasons:
            return
        rows = [(why, key) for key, why in reasons.items()]
        with self.opened() as database, ledger.transaction(database):
            database.executemany(
                "UPDATE attempts SET outcome = 'rejected', detail = ?, reply = (SELECT reply FROM requests WHERE key = attempts.key) "
                "WHERE key = ? AND outcome = 'answered'",
                rows,
            )
            database.executemany("UPDATE requests SET failure = ?, reply = NULL WHERE key = ? AND reply IS NOT NULL", rows)

    def export(self, lines: IO[str], keys: Sequence[str] | None = None) -> int:
        """Write answers as JSON lines, these or all of them; their number. What they cost is not told."""
        columns = ("provider", "model", "sample", "request", "reply")
        query = f"SELECT {', '.join(columns)} FROM requests WHERE reply IS NOT NULL"
        lines.write(f"{json.dumps({'kind': _KIND, 'format': 1})}\n")
        count = 0
        for row in self._of(f"{query} AND key", keys) if keys is not None else self._all(query):
            told = dict(zip(columns, row, strict=True))
            lines.write(f"{json.dumps({**told, 'request': json.loads(told['request'])}, ensure_ascii=False)}\n")
            count += 1
        return count

    def take_in(self, lines: Iterable[str], name: str) -> tuple[int, int]:
        """Keep the answers that `export` wrote; all of them or none. What is answered here already stays as it is.

        Args:
            lines: Of the file.
            name: The file, for messages.

        Returns:
            How many answers are new, and how many were known.

        Raises:
            DataError: A line is no answer.
        """
        rows = list(_imported(lines, name))
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.opened() as database, ledger.transaction(database):
            database.executemany(
                "INSERT OR IGNORE INTO requests (key, provider, model, request, sample) VALUES (?, ?, ?, ?, ?)",
                [(request.key, request.provider, request.model, request.text, request.sample) for request, _ in rows],
            )
            new = database.executemany(
                "UPDATE requests SET reply = ?, failure = NULL, settled_at = ? WHERE key = ? AND reply IS NULL",
                [(reply, time.time(), request.key) for request, reply in rows],
            ).rowcount
        return new, len(rows) - new

    @contextlib.contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A connection whose commits are on the disk when they return.

        Raises:
            BudgetError: The disk is full.
            DataError: The file cannot be used.
        """
        with sqlite.in_words(self.file, holds="answers"), contextlib.closing(ledger.connect(self.file)) as database:
            yield database

    def _of(self, query: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Rows of a query that ends with `key`, for these keys."""
        if not self.file.is_file():
            return
        with self.opened() as database:
            for some in _portions(keys):
                yield from database.execute(f"{query} IN ({_marks(some)})", some)

    def _all(self, query: str) -> Iterator[tuple[Any, ...]]:
        if self.file.is_file():
            with self.opened() as database:
                yield from database.execute(query)


def _portions(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(keys), _AT_ONCE):
        yield keys[begin : begin + _AT_ONCE]


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _account(row: tuple[str, str, int, int, int], sums: Sequence[float]) -> Account:
    provider, model, answered, failed, still_open = row
    under_way, lost, tokens_in, tokens_out, tokens_cached, cost, in_doubt = map(int, sums)
    return Account(
        provider=provider,
        model=model,
        answered=answered,
        failed=failed,
        open=still_open,
        under_way=under_way,
        lost=lost,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=tokens_cached,
        dollars=cost / ledger.PICODOLLARS,
        dollars_in_doubt=in_doubt / ledger.PICODOLLARS,
    )


def _imported(lines: Iterable[str], name: str) -> Iterator[tuple[Request, str]]:
    numbered = enumerate(lines, start=1)
    for number, line in numbered:
        try:
            row = json.loads(line)
            if number == 1:
                if (row["kind"], row["format"]) != (_KIND, 1):
                    raise DataError(f"{name} is of format {row['format']!r}, and this version of sracl reads format 1.")
                continue
            request = Request(row["provider"], row["model"], row["request"], row["sample"])
            texts, reply = (request.provider, request.model), row["reply"]
            f"{request.key}{reply}".encode()  # what has no key, or holds halves of characters, cannot be kept
        except (ValueError, KeyError, TypeError) as error:
            what = f"should be the first line of a file of `sracl llm export`, with kind {_KIND!r}" if number == 1 else "is no answer"
            raise DataError(f"{name}:{number}: {what}") from error
        if not (all(isinstance(text, str) for text in (*texts, reply)) and isinstance(request.body, dict) and type(request.sample) is int):
            raise DataError(f"{name}:{number}: should hold provider, model, sample, request and reply")
        yield request, reply
