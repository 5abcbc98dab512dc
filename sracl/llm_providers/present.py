"""What becomes of requests at present: how fast they are answered, who has them asked, and what comes to nothing.

For those who look on while others ask: nothing is written, and every view is one short transaction.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl.llm_providers import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sracl.llm_providers.answers import Answers

_WINDOW_SECONDS = 60.0


@dataclass(frozen=True)
class Rate:
    """What one model does in a minute, by the last one or the part of it in which it was asked."""

    answers: float
    tokens_out: float
    dollars: float


@dataclass(frozen=True)
class Asker:
    """A process that has requests asked."""

    pid: int
    project: Path
    provider: str
    model: str
    begun_at: float
    """Seconds since 1970."""
    under_way: int
    """Attempts that it waits for; those of its batches too."""
    answered: int
    dollars: float
    """What its attempts have cost; those whose cost is not known are in it with the most that it can be."""
    ceiling: float | None
    """US dollars: of the ceilings that it keeps, the one with the least room left; None where it keeps none."""
    counted: float
    """US dollars that count towards that ceiling: those spent before too, and not what others spend meanwhile."""


@dataclass(frozen=True)
class Reason:
    """Why requests to a model, or attempts at them, came to nothing."""

    provider: str
    model: str
    is_for_good: bool
    """Whether these are requests that have no answer; else attempts, after which others may have brought one."""
    outcome: str
    """Of the attempts: `rejected`, `refused` or `lost`; empty for requests."""
    why: str
    count: int


def rates(answers: Answers, *, at: float | None = None) -> dict[tuple[str, str], Rate]:
    """Of the models that have answered in the last minute, by provider and model.

    Args:
        answers: Where they are stored.
        at: Seconds since 1970; by default now.
    """
    if not answers.file.is_file():
        return {}
    at = time.time() if at is None else at
    since = at - _WINDOW_SECONDS
    with answers.opened() as database:
        rows = database.execute(
            "SELECT provider, model, count(*), total(tokens_out), total(cost), min(begun_at) FROM attempts JOIN requests USING (key) "
            "WHERE outcome = 'answered' AND ended_at > ? GROUP BY provider, model",
            (since,),
        ).fetchall()
    found = {}
    for provider, model, count, tokens_out, cost, begun_at in rows:
        minutes = min(_WINDOW_SECONDS, max(1.0, at - begun_at)) / 60
        found[provider, model] = Rate(count / minutes, tokens_out / minutes, cost / ledger.PICODOLLARS / minutes)
    return found


def askers(answers: Answers) -> list[Asker]:
    """The processes that have requests asked, the one that began first before the others."""
    told = dict(_declared(answers.file))
    if not told or not answers.file.is_file():
        return []
    with answers.opened() as database:
        sums = {
            owner: row
            for owner, *row in database.execute(
                f"SELECT coalesce(batches.owner, attempts.owner), sum(outcome IS NULL), sum(outcome IS 'answered'), total({ledger.SPENT}) "
                "FROM attempts LEFT JOIN batches ON batches.name = attempts.owner GROUP BY 1"
            )
        }
    found = [_asker(said, *sums.get(owner, (0, 0, 0))) for owner, said in told.items()]
    return sorted(found, key=lambda asker: (asker.begun_at, asker.pid))


def reasons(answers: Answers) -> list[Reason]:
    """All that came to nothing, by provider and model; requests before attempts, the commonest reasons first."""
    if not answers.file.is_file():
        return []
    with answers.opened() as database:
        rows = database.execute(
            "SELECT provider, model, 1, '', failure, count(*) FROM requests WHERE failure IS NOT NULL GROUP BY 1, 2, 5 "
            "UNION ALL SELECT provider, model, 0, outcome, coalesce(detail, ''), count(*) FROM attempts JOIN requests USING (key) "
            "WHERE outcome <> 'answered' GROUP BY 1, 2, 4, 5 ORDER BY 1, 2, 3 DESC, 6 DESC, 4, 5"
        ).fetchall()
    return [Reason(provider, model, bool(good), outcome, why, count) for provider, model, good, outcome, why, count in rows]


def _declared(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What living processes say of themselves, by the names under which they ask."""
    folder = ledger.owners(file)
    for lock in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            said = json.loads(lock.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # it has just ended, or has not said anything yet
        if not ledger.is_left(file, lock.name):
            yield lock.name, said


def _asker(said: Mapping[str, Any], under_way: int, answered: int, spent: float) -> Asker:
    counts = [(dollars, before / ledger.PICODOLLARS + spent / ledger.PICODOLLARS) for dollars, before in said["ceilings"]]
    ceiling, counted = min(counts, key=lambda count: count[0] - count[1], default=(None, 0.0))
    return Asker(
        pid=said["pid"],
        project=Path(said["project"]),
        provider=said["provider"],
        model=said["model"],
        begun_at=said["begun_at"],
        under_way=under_way,
        answered=answered,
        dollars=spent / ledger.PICODOLLARS,
        ceiling=ceiling,
        counted=counted,
    )
