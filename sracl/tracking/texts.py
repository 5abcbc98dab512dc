"""What the texts of a project's runs came to, by what was kept of them beside the runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.tracking.values import decoded

if TYPE_CHECKING:
    from sracl.tracking.reader import Reader


@dataclass(frozen=True)
class Texts:
    """The texts that one language model wrote about one data set, each table of them counted once however many runs use it."""

    dataset: str
    model: str
    server: str
    """Host of the server; empty where a model wrote them on this machine."""
    tables: int
    requests: int
    """Those of different tables that are the same count for each."""
    failed: int
    dollars: float
    """What all of the requests have cost."""
    dollars_in_doubt: float
    """The most that lost attempts can have cost besides."""


def by_model(store: Reader) -> list[Texts]:
    """The texts of all runs, by data set, model and server; those of providers without bills are left out."""
    with store.reading() as view:
        kept = view.execute(
            "SELECT digest, max(facts) FROM artifact WHERE digest <> '' AND facts LIKE '%\"llm\"%' GROUP BY digest"
        ).fetchall()
    found: dict[tuple[str, str, str], Texts] = {}
    for _, text in kept:
        facts = decoded("facts", text)
        said = facts.get("llm") or {}
        if not isinstance(said, dict) or "asked" not in said:
            continue
        key = (facts.get("dataset", ""), said.get("model", ""), said.get("server", ""))
        before = found.get(key, Texts(*key, 0, 0, 0, 0.0, 0.0))
        found[key] = Texts(
            *key,
            tables=before.tables + 1,
            requests=before.requests + said["asked"] + said["known"],
            failed=before.failed + said["failed"],
            dollars=before.dollars + said["dollars"],
            dollars_in_doubt=before.dollars_in_doubt + said["dollars_in_doubt"],
        )
    return [found[key] for key in sorted(found)]
