"""What the metrics are, in words and as formulas: computed in `metrics` and `catalogue`, told by `sracl show ndcg@10`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 1
"""Of the definitions here; part of every protocol fingerprint, so that a changed metric is never averaged with its elder."""

LETTERS = (
    "U users, V items. Of user u: r_u the rank of the one target, from 1; L_u the first K items of the list, fewer where there are no "
    "more. Of item i: n_i its training interactions."
)
"""What stands in formulas."""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One metric."""

    name: str
    """As it stands before the cut-off: `ndcg` of `ndcg@10`."""
    title: str
    also: tuple[str, ...] = ()
    """Other names of what is the same here."""
    meaning: str
    formula: str
    """At the cut-off K."""
    range: str
    better: str
    """Which figures are better."""
    one_target: str
    """What it comes to where one item is right for each user, as it is here."""
    entry: str
    """`module:name` of what computes it."""
    of_ranks: bool = True
    """Whether the ranks of targets decide it, so that it can be told of groups of users and end a training; else what lists show does."""


ALL = (
    Definition(
        name="hr",
        title="Hit rate",
        also=("recall", "hit"),
        meaning="The share of users whose target is among the first K items of their list.",
        formula="HR@K = 1/U Σ_u [r_u ≤ K]",
        range="[0, 1]",
        better="higher",
        one_target="Recall@K, and K times Precision@K",
        entry="sracl.evaluation.metrics:per_user",
    ),
    Definition(
        name="ndcg",
        title="Normalised discounted cumulative gain",
        meaning="Hits among the first K items, each worth the less the lower it stands: 1 in the first place, .63 in the second, .29 in "
        "the tenth.",
        formula="NDCG@K = 1/U Σ_u [r_u ≤ K] / log2(r_u + 1)",
        range="[0, 1]; at most HR@K",
        better="higher",
        one_target="DCG@K, since the ideal DCG is 1",
        entry="sracl.evaluation.metrics:per_user",
    ),
    Definition(
        name="mrr",
        title="Mean reciprocal rank",
        also=("map",),
        meaning="One over the rank of the target, if it is among the first K items, and else nothing.",
        formula="MRR@K = 1/U Σ_u [r_u ≤ K] / r_u",
        range="[0, 1]; at most NDCG@K",
        better="higher",
        one_target="MAP@K",
        entry="sracl.evaluation.metrics:per_user",
    ),
    Definition(
        name="coverage",
        title="Catalogue coverage",
        meaning="The share of all items that stand among the first K of anybody's list, whoever is right.",
        formula="coverage@K = |∪_u L_u| / V",
        range="(0, 1]",
        better="higher shows more of the catalogue; it does not say that what is shown is right",
        one_target="the same for any number of targets, which have no part in it",
        entry="sracl.evaluation.catalogue:Shown.metrics",
        of_ranks=False,
    ),
    Definition(
        name="novelty",
        title="Novelty",
        meaning="How little known an item of a list is on average, in bits, by its share in the training interactions. Each item counts "
        "once more than it was chosen, so that those without interactions have a novelty, too.",
        formula="novelty@K = 1/Σ_u |L_u| Σ_u Σ_{i ∈ L_u} −log2 p_i,  p_i = (n_i + 1) / Σ_j (n_j + 1)",
        range="[0, log2 Σ_j (n_j + 1)] bits",
        better="neither: higher shows what fewer have chosen, lower what many have",
        one_target="the same for any number of targets, which have no part in it",
        entry="sracl.evaluation.catalogue:Shown.metrics",
        of_ranks=False,
    ),
)

OF_RANKS = tuple(definition.name for definition in ALL if definition.of_ranks)
"""Those that early stopping may watch."""


def defined(text: str) -> tuple[Definition, int | None] | None:
    """The metric that a text names and its cut-off, such as `ndcg@10`, `HR` or `valid.recall@5`; None where it names none.

    Raises:
        UsageError: It names one with a cut-off that is none.
    """
    name, at, cutoff = text.strip().lower().removeprefix("valid.").removeprefix("test.").partition("@")
    found = next((each for each in ALL if name in (each.name, *each.also)), None)
    if found is None:
        return None
    if at and not (cutoff.isdecimal() and int(cutoff) > 0):
        raise UsageError(f"'{text}': what stands behind the @ is how many items of a list count, as in {found.name}@10.")
    return found, int(cutoff) if at else None


def names(like: str = "") -> Iterator[str]:
    """What metrics are called, with the cut-off that a text has."""
    _, at, cutoff = like.partition("@")
    return (f"{name}{at}{cutoff}" for each in ALL for name in (each.name, *each.also))
