"""One thing that was looked at: how it is, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Check:
    """What was found."""

    name: str
    level: Level
    found: str
    mend: str = ""
    """What to do about it; empty where nothing need be done."""
    exit_code: int = 1
    """Of the program, if this is a problem."""
    details: str = ""
    """The last lines of a traceback."""
    component: str = ""
    """Whom it is about, as `sracl show` takes it, such as `backbones/my-lab:mine`; empty where that is no component."""


def exit_code(checks: Iterable[Check]) -> int:
    """0 without a problem; else that of the gravest: plug-ins, then the store, then the disk, then the rest."""
    codes = {check.exit_code for check in checks if check.level == "problem"}
    return next((code for code in (9, 8, 5) if code in codes), 1 if codes else 0)
