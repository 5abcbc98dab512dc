"""Answers to prompts: those that are stored, and the others asked for, each once. What all providers share whose answers cost something."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.errors import DataError
from sracl.llm_providers.ledger import PICODOLLARS
from sracl.llm_providers.replies import BadReply, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sracl.interfaces import Prompt
    from sracl.llm_providers.answers import Answers, Kept
    from sracl.llm_providers.request import Request

_REASONS_SHOWN = 3


@dataclass(frozen=True)
class Due:
    """A request that has no answer yet."""

    prompt: Prompt
    request: Request
    most: int
    """Picodollars that it can cost."""


def answered(
    prompts: Sequence[Prompt],
    *,
    answers: Answers,
    due_of: Callable[[Prompt], Due],
    ask: Callable[[Sequence[Due], Sequence[str]], None],
    offline: bool,
    max_failed: int,
    facts: dict[str, Any],
    known: Callable[[Sequence[str]], None] = lambda keys: None,
) -> list[str]:
    """A text per prompt, in order.

    Args:
        prompts: All that is asked; equal requests are one.
        answers: Where answers are stored.
        due_of: Writes the request of a prompt.
        ask: Is given the requests that have no answer yet, those with the longest common beginnings side by side, and the keys
            of all requests; stores an answer or a failure for each.
        offline: Whether nobody is asked.
        max_failed: Prompts whose text may be left empty because there is no answer to them.
        known: Is told the keys of requests that are all settled, where nobody has to be asked.
        facts: Is told the numbers of requests asked, known before, and failed, for which reasons, and what all of them have cost.

    Raises:
        DataError: Answers are missing and nobody may be asked; or more than `max_failed` requests have none, or all of them.
    """
    dues = [due_of(prompt) for prompt in prompts]
    distinct = {due.request.key: due for due in dues}
    keys = list(distinct)
    kept = answers.find(keys)
    missing = sorted((due for key, due in distinct.items() if key not in kept), key=lambda due: (due.prompt.system, due.prompt.user))
    if missing and offline:
        raise DataError(
            f"{len(missing):,} of {len(keys):,} answers are not stored, and nobody may be asked. The same command without --offline asks "
            "for them; `sracl llm import` takes in those of others."
        )
    if not missing:
        known(keys)
    else:
        ask(missing, keys)
        kept |= answers.find([due.request.key for due in missing])
    texts = [_text(due.prompt, kept[due.request.key]) for due in dues]
    failures = {due.request.key: why for due, (_, why) in zip(dues, texts, strict=True) if why}
    answers.reject({key: why for key, why in failures.items() if kept[key].reply is not None})
    reasons = Counter(failures.values())
    lost = answers.lost(keys)
    facts |= {
        "asked": len(missing),
        "known": len(keys) - len(missing),
        "failed": len(failures),
        "reasons": dict(reasons),
        "dollars": (answers.spent(keys) - lost.most) / PICODOLLARS,
        "lost": lost.attempts,
        "dollars_in_doubt": lost.most / PICODOLLARS,
    }
    none_answered = bool(failures) and len(failures) == len(keys)
    if none_answered or len(failures) > max_failed:
        otherwise = (
            "is it a model that follows instructions?" if none_answered else f"max_failed = {len(failures)} leaves their texts empty."
        )
        raise DataError(
            f"{len(failures):,} of {len(keys):,} requests have no answer: the reply {_told(reasons)}. After `sracl llm retry` the same "
            f"command asks them again; {otherwise}"
        )
    return [text for text, _ in texts]


def _text(prompt: Prompt, kept: Kept) -> tuple[str, str]:
    """The text, or why there is none."""
    if kept.reply is None:
        return "", kept.failure or "is missing"
    try:
        return parse(prompt, kept.reply), ""
    except BadReply as error:
        return "", str(error)


def _told(reasons: Counter[str]) -> str:
    shown = "; ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(_REASONS_SHOWN))
    return f"{shown}; and other reasons" if len(reasons) > _REASONS_SHOWN else shown
