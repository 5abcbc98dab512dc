from __future__ import annotations

import pytest

from sracl.tracking.protocol import complete, fingerprint, in_words

FACTS = {"dataset": "office", "data": "3f9a", "split": "leave-one-out", "candidates": "all", "seen_items": "keep", "ties": "order"}


def test_the_order_of_the_facts_does_not_matter() -> None:
    assert fingerprint(FACTS) == fingerprint(dict(reversed(FACTS.items())))


@pytest.mark.parametrize("fact", [*FACTS, "metrics"])
def test_every_fact_matters(fact: str) -> None:
    facts = complete(FACTS, "office")
    assert fingerprint({**facts, fact: "another"}) != fingerprint(facts)


def test_what_always_holds_is_filled_in_and_never_overrides() -> None:
    assert complete({"seen_items": "keep"}, "demo") == {
        "candidates": "all",
        "dataset": "demo",
        "metrics": 1,
        "seen_items": "keep",
        "split": "leave-one-out",
    }
    assert complete({"seen_items": "keep", "candidates": "sampled-100"}, "demo")["candidates"] == "sampled-100"


def test_words() -> None:
    assert in_words(FACTS) == "leave-one-out, all items ranked, seen items kept"
    assert in_words({**FACTS, "seen_items": "exclude", "candidates": "sampled-100"}) == (
        "leave-one-out, candidates: sampled-100, seen items excluded"
    )
    assert in_words({}) == "?, candidates: ?, seen items: ?"
