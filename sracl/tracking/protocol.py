"""What makes two figures comparable.

A protocol is a flat table of facts. Its fingerprint is stored with every set of metrics, and figures of different
fingerprints never meet in one average or one block of a table.

| fact                | example         |                                                                      |
|---------------------|-----------------|----------------------------------------------------------------------|
| dataset             | office          |                                                                      |
| data                | 3f9a…           | hash of the data itself: a re-exported data set is another one       |
| split               | leave-one-out   |                                                                      |
| candidates          | all             | what the target is ranked against                                    |
| seen_items          | keep, exclude   | what happens to items of the history; has no default                 |
| ties                | permutation     | how equal scores are ordered                                         |
| metrics             | 1               | version of the metric definitions                                    |

Settings of the model, such as its longest sequence, are no part of it: two models are compared, not two settings.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sracl.evaluation.definitions import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULTS: dict[str, Any] = {"split": "leave-one-out", "candidates": "all", "metrics": VERSION}


def complete(protocol: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """The facts with what this program always does filled in, by name.

    Raises:
        ValueError: `seen_items` is missing, the one fact that nobody may guess.
    """
    if "seen_items" not in protocol:
        raise ValueError(f"a protocol says what happens to seen items; this one has only {', '.join(protocol) or 'nothing'}")
    return dict(sorted({"dataset": dataset, **_DEFAULTS, **protocol}.items()))


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that differ where any fact does."""
    text = json.dumps(dict(facts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def in_words(facts: Mapping[str, Any]) -> str:
    """The protocol as the heading of a table says it: `leave-one-out, all items ranked, seen items kept`."""
    candidates = facts.get("candidates", "?")
    ranked = "all items ranked" if candidates == "all" else f"candidates: {candidates}"
    return f"{facts.get('split', '?')}, {ranked}, {seen_in_words(facts)}"


def seen_in_words(facts: Mapping[str, Any]) -> str:
    """What the two sets of figures of a run differ in: `seen items kept`."""
    seen_items = facts.get("seen_items", "?")
    return {"keep": "seen items kept", "exclude": "seen items excluded"}.get(seen_items, f"seen items: {seen_items}")
