"""What language models were asked, as rows of tables and in words."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sracl.compare.wording import age
from sracl.plain import on_one_line
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.llm_providers.answers import Account
    from sracl.llm_providers.present import Asker, Rate, Reason
    from sracl.tracking.texts import Texts

MODELS = ("model", "answered", "under way", "failed", "a minute", "in", "out", "dollars", "in doubt", "open", "lost", "provider")
ASKERS = ("process", "project", "model", "under way", "answered", "dollars", "ceiling", "since")
TEXTS = ("texts of this project", "requests", "failed", "dollars", "in doubt")


def names(accounts: Sequence[Account]) -> dict[str, Account]:
    """Accounts under what they are called: the model, with its server where several have one of that name."""
    several = Counter(account.model for account in accounts)
    return {on_one_line(a.model if several[a.model] == 1 else f"{a.model} at {host(a.provider)}"): a for a in accounts}


def host(provider: str) -> str:
    """Of a server's address; other providers as they stand."""
    return urlsplit(provider).netloc or provider


def model_cells(name: str, account: Account, rate: Rate | None) -> tuple[str, ...]:
    """A row of `MODELS`."""
    counts = (account.answered, account.under_way, account.failed)
    tokens = (account.tokens_in, account.tokens_out)
    return (
        name,
        *(f"{count:,}" for count in counts),
        f"{rate.answers:,.0f}" if rate else "",
        *(f"{count:,}" for count in tokens),
        f"{account.dollars:,.4f}",
        f"{account.dollars_in_doubt:,.4f}" if account.dollars_in_doubt else "",
        f"{account.open:,}" if account.open else "",
        f"{account.lost:,}" if account.lost else "",
        host(account.provider),
    )


def in_words(account: Account, rate: Rate | None) -> str:
    """All that is known of a model, where a narrow table cuts it off."""
    told = [
        f"{account.model} at {account.provider}: {how_many(account.answered, 'answer')}, {account.failed:,} failed, {account.open:,} open, "
        f"{account.under_way:,} under way, {how_many(account.lost, 'attempt')} lost",
        f"{account.tokens_in:,} tokens in ({account.tokens_cached:,} of them known), {account.tokens_out:,} out",
        f"{account.dollars:,.6f} dollars, and {account.dollars_in_doubt:,.6f} in doubt",
    ]
    if rate is not None:
        told.append(f"now {rate.answers:,.0f} answers, {rate.tokens_out:,.0f} tokens out and {rate.dollars:,.6f} dollars a minute")
    return on_one_line("; ".join(told))


def asker_cells(asker: Asker) -> tuple[str, ...]:
    """A row of `ASKERS`."""
    ceiling = "none" if asker.ceiling is None else f"{asker.counted:,.4f} of {asker.ceiling:,.10g}"
    counts = (f"{asker.under_way:,}", f"{asker.answered:,}", f"{asker.dollars:,.4f}")
    since = age(timedelta(seconds=max(0.0, time.time() - asker.begun_at)))
    return (str(asker.pid), asker.project.name, asker.model, *counts, ceiling, since)


def text_cells(texts: Texts) -> tuple[str, ...]:
    """A row of `TEXTS`."""
    name = on_one_line(f"{texts.dataset} by {texts.model}" + (f" at {texts.server}" if texts.server else ""))
    doubt = f"{texts.dollars_in_doubt:,.4f}" if texts.dollars_in_doubt else ""
    return (name, f"{texts.requests:,}", f"{texts.failed:,}", f"{texts.dollars:,.4f}", doubt)


def totals(accounts: Sequence[Account], rates: Mapping[tuple[str, str], Rate], asking: Sequence[Asker]) -> str:
    """What all of it has cost, and whether more is being asked."""
    if not accounts:
        return "Nothing was asked yet. `sracl llm plan RECIPE` says what texts would cost, `sracl llm run RECIPE` has them written."
    paid, doubt = sum(each.dollars for each in accounts), sum(each.dollars_in_doubt for each in accounts)
    told = f"{paid:,.6f} dollars altogether; lost attempts and those under way can have cost {doubt:,.6f} besides"
    if asking:
        told += f"; now {sum(rate.dollars for rate in rates.values()):,.6f} a minute"
    return told


def failures(reasons: Sequence[Reason]) -> str:
    """What came to nothing, and why, model by model."""
    lines = []
    for (provider, model), of_model in groupby(reasons, key=lambda reason: (reason.provider, reason.model)):
        lines.append(f"{model} at {provider}")
        for for_good, some in groupby(of_model, key=lambda reason: reason.is_for_good):
            lines.append("  requests that have no answer" if for_good else "  attempts that brought no answer")
            for reason in some:
                lines.append(f"  {reason.count:>7,}  " + on_one_line(f"the reply {reason.why}" if for_good else _attempt(reason)))
        lines.append("")
    return "\n".join(lines).rstrip() or "Nothing has failed."


def _attempt(reason: Reason) -> str:
    return f"{reason.outcome}: {reason.why}" if reason.why else reason.outcome
