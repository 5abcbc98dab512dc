"""All final figures of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.listing import aligned
from sracl.tracking import protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.tracking.queries import MetricRow


def in_tables(figures: Sequence[MetricRow], protocols: Mapping[str, Mapping[str, Any]]) -> str:
    """A table for each split and protocol: a line per metric, a column per group of users; empty where there are no figures.

    Args:
        figures: Of one run, in any order.
        protocols: Facts of each, by fingerprint.
    """
    apart: dict[tuple[str, str], list[MetricRow]] = {}
    for figure in figures:
        apart.setdefault((figure.split, figure.protocol), []).append(figure)
    return "\n\n".join(_table(f"{split}, {_seen(protocols, of)}", found) for (split, of), found in apart.items())


def _table(title: str, figures: Sequence[MetricRow]) -> str:
    users = {figure.group: "" if figure.count is None else f"{figure.count:,}" for figure in figures}
    values = {(figure.name, figure.group): f"{figure.value:.4f}" for figure in figures}
    names = dict.fromkeys(figure.name for figure in figures)
    lines = [[name, *(values.get((name, group), "") for group in users)] for name in names]
    return aligned([[title, *users], ["users", *users.values()], *lines])


def _seen(protocols: Mapping[str, Mapping[str, Any]], fingerprint: str) -> str:
    return protocol.seen_in_words(protocols[fingerprint]) if fingerprint in protocols else fingerprint
