"""`@best:METRIC`: the completed run that validates best. Nothing is chosen by the figures of the test, which would then be too good.

Figures of two data sets or protocols are no comparison. Where runs were validated under several, the reference says which it means:
`@best:ndcg@10:office`, or `@best:ndcg@10:3f9a`, as the fingerprint of a protocol begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl.errors import UsageError, did_you_mean
from sracl.tracking import protocol
from sracl.tracking.values import decoded
from sracl.wording import how_many

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

BEST = "@best"
"""How such a reference begins."""

_VALIDATED = """FROM metric JOIN run ON run.id = metric.run_id JOIN protocol ON protocol.fingerprint = metric.protocol
    WHERE metric.split = 'valid' AND metric."group" = 'all' AND metric.value IS NOT NULL
    AND run.state = 'completed' AND json_array_length(run.leaky) = 0"""
"""Final figures, over all users, of runs that are done and have seen nothing but training data."""

_IS_OWN = """json_extract(run."values", '$.evaluation.seen_items') = json_extract(protocol.facts, '$.seen_items')"""
"""Whether a figure has seen items as the run's recipe wants them: every run is validated both ways."""


@dataclass
class _Group:
    """Figures that may be compared."""

    fingerprint: str
    facts: Mapping[str, Any]
    figures: dict[str, float] = field(default_factory=dict)
    """Run -> what it has, the run that was registered first at first."""
    is_own: bool = False
    """Whether it is the protocol that any of the runs wants."""

    @property
    def dataset(self) -> str:
        return str(self.facts["dataset"])


def best(view: sqlite3.Connection, reference: str) -> str:
    """Id of the run with the highest validation figure; of equal ones, of that which was registered first.

    Args:
        view: Where to look.
        reference: `@best:METRIC`, or `@best:METRIC:WHERE` with a data set or the beginning of a protocol's fingerprint.

    Raises:
        UsageError: There is no such metric or no such figure, it is one of the test, or figures of several protocols may be meant.
    """
    metric, _, where = reference.removeprefix(BEST).removeprefix(":").partition(":")
    metric = metric.strip().lower().removeprefix("valid.")
    if metric.startswith("test."):
        instead = ":".join([BEST, metric.removeprefix("test."), *([where] if where else [])])
        raise UsageError(
            f"'{reference}' would choose a run by its test, and what a run was chosen by no longer says how good it is. "
            f"'{instead}' chooses by validation."
        )
    groups = _groups(view, metric)
    if not groups:
        raise UsageError(_unmeasured(reference, metric, validation_metrics(view)))
    figures = _meant(groups, f"{BEST}:{metric}", where).figures
    return max(figures, key=figures.__getitem__)


def validation_metrics(view: sqlite3.Connection) -> list[str]:
    """What completed runs can be chosen by."""
    return [name for (name,) in view.execute(f"SELECT metric.name {_VALIDATED} GROUP BY metric.name ORDER BY min(metric.rowid)")]


def _groups(view: sqlite3.Connection, metric: str) -> list[_Group]:
    """All that have such a metric, by data set."""
    found: dict[str, _Group] = {}
    for fingerprint, facts, run_id, value, is_own in view.execute(
        f"""SELECT metric.protocol, protocol.facts, run.id, metric.value, {_IS_OWN} {_VALIDATED} AND metric.name = ? ORDER BY run.number""",
        [metric],
    ):
        group = found.setdefault(fingerprint, _Group(fingerprint, decoded("facts", facts)))
        group.figures[run_id] = value
        group.is_own = group.is_own or bool(is_own)
    return sorted(found.values(), key=lambda group: (group.dataset, group.fingerprint))


def _meant(groups: Sequence[_Group], asked: str, where: str) -> _Group:
    """The one group that is meant.

    Raises:
        UsageError: None or several may be.
    """
    own = [group for group in groups if group.is_own] or groups
    datasets = sorted({group.dataset for group in groups})
    if not where:
        found = own
    elif where in datasets:
        found = [group for group in own if group.dataset == where]
    else:
        found = [group for group in groups if group.fingerprint.startswith(where)]
    if not found:
        raise UsageError(
            f"'{asked}:{where}': '{where}' is neither a data set on which runs were validated nor the beginning of a protocol's "
            f"fingerprint, which `sracl compare` shows in brackets.{did_you_mean(where, datasets)} Data sets: {', '.join(datasets)}."
        )
    if len(found) > 1:
        refused = f"'{asked}' may be of several protocols, whose figures are no comparison. Say which:"
        raise UsageError("\n".join([refused, *_told(found, asked)]))
    return found[0]


def _told(groups: Sequence[_Group], asked: str) -> list[str]:
    """For each what means it alone: its data set, or its fingerprint where another group is of that data set too."""
    lines = []
    for group in groups:
        is_alone = sum(other.dataset == group.dataset for other in groups) == 1
        what = f"{group.dataset}: {protocol.in_words(group.facts)}, {how_many(len(group.figures), 'run')}"
        lines.append(f"  {asked}:{group.dataset if is_alone else group.fingerprint}  {what}")
    return lines


def _unmeasured(reference: str, metric: str, known: Sequence[str]) -> str:
    if not known:
        return f"'{reference}': no run is completed that could be chosen by its validation. `sracl runs` lists the runs there are."
    measured = f"Measured in validation: {', '.join(known)}."
    if not metric:
        return f"'{reference}' lacks a metric, as in '{BEST}:{known[0]}'. {measured}"
    return f"'{reference}': no run was validated in '{metric}'.{did_you_mean(metric, known)} {measured}"
