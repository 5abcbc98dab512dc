"""Single runs by a figure of theirs, the highest first, under each protocol apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.errors import UsageError, did_you_mean
from sracl.tracking import protocol, queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader


@dataclass(frozen=True)
class Standing:
    """Runs whose figures may be compared, the highest first and what is no number last."""

    fingerprint: str
    protocol: Mapping[str, Any]
    metric: str
    runs: tuple[RunRow, ...]
    figures: Mapping[str, float]
    """Id of a run -> its metric, over all users."""

    @property
    def heading(self) -> str:
        """The protocol in words."""
        return f"{self.protocol.get('dataset', '?')}: test, {protocol.in_words(self.protocol)} [{self.fingerprint}]"


def standings(store: Reader, runs: Sequence[RunRow], metric: str) -> list[Standing]:
    """Runs that have been tested, by a metric under the protocol that is their own: seen items as their recipe wants them.

    Args:
        store: Where they are.
        runs: To be sorted; those without such a figure are left out.
        metric: Such as `ndcg@20`, in letters of either case.

    Returns:
        A standing for each protocol, that with the most runs first.

    Raises:
        UsageError: None of the runs that were tested has such a metric.
    """
    metric = metric.strip().lower()
    facts = queries.protocols(store)
    by_id = {run.id: run for run in runs}
    own = [
        figure
        for figure in queries.final_metrics(store, group="all")
        if figure.run_id in by_id and facts[figure.protocol].get("seen_items") == _seen_items(by_id[figure.run_id])
    ]
    known = list(dict.fromkeys(figure.name for figure in own))
    if known and metric not in known:
        raise UsageError(f"No metric is called '{metric}'.{did_you_mean(metric, known)} Measured: {', '.join(known)}.")
    apart: dict[str, dict[str, float]] = {}
    for figure in own:
        if figure.name == metric:
            apart.setdefault(figure.protocol, {})[figure.run_id] = figure.value
    order = sorted(apart.items(), key=lambda each: (-len(each[1]), each[0]))
    return [Standing(stamp, facts[stamp], metric, _sorted(by_id, found), found) for stamp, found in order]


def _seen_items(run: RunRow) -> str | None:
    seen: str | None = (run.values.get("evaluation") or {}).get("seen_items")
    return seen


def _sorted(runs: Mapping[str, RunRow], figures: Mapping[str, float]) -> tuple[RunRow, ...]:
    highest_first = sorted(figures, key=lambda run_id: math.inf if math.isnan(figures[run_id]) else -figures[run_id])
    return tuple(runs[run_id] for run_id in highest_first)
