"""The tests over users that there are to choose from, and what tables say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sracl.evaluation.bootstrap import RESAMPLES
from sracl.evaluation.significance import OVER_USERS, RELATIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

UserTest: TypeAlias = Literal["ttest", "wilcoxon", "bootstrap"]


@dataclass(frozen=True)
class Words:
    """What is said of a test over users."""

    name: str
    interval: str
    """Of the mean difference, where it has its own or borrows that of another."""
    relative: str
    """Of the difference as a part of the other's mean."""
    remark: str = ""
    """What else has to be known of its p values; empty where that is nothing."""


WORDS: Mapping[UserTest, Words] = {
    "ttest": Words(OVER_USERS, "Student's t", RELATIVE),
    "wilcoxon": Words(
        "Wilcoxon's signed-rank test",
        "Student's t",
        RELATIVE,
        "It ranks the differences of users who differ and leaves out all others: it does not ask whether the mean differs.",
    ),
    "bootstrap": Words(
        "paired bootstrap",
        "percentile bootstrap",
        "percentile bootstrap",
        f"Of {RESAMPLES:,} resamples no p is below {2 / (RESAMPLES + 1):.4f}".replace("0.", ".") + ", uncorrected.",
    ),
}
