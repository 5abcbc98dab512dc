"""How a listing words where a run stands and how old it is."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from sracl.errors import UsageError
from sracl.registry.wording import set_to
from sracl.tracking.lines import epochs_at_most

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import timedelta

    from sracl.tracking.identity import State
    from sracl.tracking.queries import RunLine, RunRow

_SIZES = ("kB", "MB", "GB", "TB")
_AGES = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_SIGNS: Mapping[State, str] = {
    "planned": "○",
    "running": "●",
    "stalled": "!",
    "stalled?": "?",
    "stale?": "?",
    "completed": "✓",
    "failed": "✗",
    "interrupted": "~",
    "cancelled": "–",
}
"""One letter each, in ASCII as well; `?` is doubt, of either kind, and the word beside it tells which."""


def state_with_sign(state: State) -> str:
    """A state to be found at a glance, and read."""
    return f"{_SIGNS[state]} {state}"


def epochs(run: RunLine | RunRow) -> str:
    """How many epochs of how many at most a run has behind it; empty before the first."""
    if run.epoch is None:
        return ""
    total = epochs_at_most(run.trainings)
    return f"{run.epoch}/{total}" if total else str(run.epoch)


def at_most(seconds: float | None) -> str:
    """A bound of time, rounded up to two digits; empty for None."""
    if seconds is None:
        return ""
    unit, size = next(((unit, size) for unit, size in _AGES if seconds > 1.5 * size), _AGES[-1])
    count, tenths = math.ceil(seconds / size), math.ceil(10 * seconds / size)
    return f"≤ {count} {unit}" if size <= 60 or tenths >= 100 else f"≤ {tenths / 10} {unit}"


def place(run: RunLine | RunRow) -> str:
    """Recipe and variant of the place it was last given; others by their number. Tags, and that it is leaky or imported."""
    marks = " [leaky]" * bool(run.leaky) + " [imported]" * bool(run.imported) + "".join(f" #{tag}" for tag in run.tags)
    if not run.entries:
        return run.label + marks
    last = run.entries[-1]
    more = f" +{len(run.entries) - 1}" if len(run.entries) > 1 else ""
    return f"{last.recipe}/{last.variant}{more}{marks}" if last.variant else f"{last.recipe}{more}{marks}"


def cell(run: RunLine | RunRow) -> dict[str, Any]:
    """What a matrix chose for the place it was last given: path -> value; without the data set, which is told apart."""
    chosen: dict[str, Any] = json.loads(run.entries[-1].cell) if run.entries else {}
    return {path: value for path, value in chosen.items() if path != "data.name"}


def cell_in_short(chosen: Mapping[str, Any], room: int) -> str:
    """Values of a matrix as `weight=0.1 ratio=0.2`, by the ends of paths that tell them apart, cut as far as the room demands.

    Values are not cut before names are down to a letter.
    """
    from rich.cells import cell_len, set_cell_size

    names = [(_end(path, chosen), value) for path, value in chosen.items()]
    text = ""
    for most in range(max([2, *(len(name) for name, _ in names)]), 1, -1):
        cut = [(name if len(name) <= most else f"{name[: most - 1]}…", value) for name, value in names]
        text = " ".join(word for name, value in cut for word in set_to({name: value}))
        if cell_len(text) <= room:
            return text
    return f"{set_cell_size(text, room - 1)}…" if text else ""


def _end(path: str, among: Collection[str]) -> str:
    """The shortest end of a path that no other has."""
    steps = path.split(".")
    ends = (".".join(steps[place:]) for place in range(len(steps) - 1, 0, -1))
    return next((end for end in ends if sum(f".{other}".endswith(f".{end}") for other in among) == 1), path)


def origin_in_words(run: RunRow) -> str:
    """Where an imported run is from; empty for a run that was trained here."""
    if not run.imported:
        return ""
    where = f", trained on {run.host}" if run.host else ""
    return f"imported from {run.imported}{where}: figures, no weights"


def age(passed: timedelta) -> str:
    """How long ago, in its largest unit."""
    seconds = max(0, int(passed.total_seconds()))  # a clock that was set back must not give a negative age
    unit, size = next((entry for entry in _AGES if seconds >= entry[1]), _AGES[-1])
    return f"{seconds // size} {unit}"


def length_of_time(text: str) -> timedelta:
    """What a length of time such as 30d, 12h or 2h30m says.

    Raises:
        UsageError: It is none.
    """
    from datetime import timedelta

    units = {"weeks": "w", "days": "d", "hours": "h", "minutes": "m", "seconds": "s"}
    parts = re.fullmatch("".join(rf"(?:(?P<{name}>[0-9]{{1,6}}){letter})?" for name, letter in units.items()), text)
    if parts is None or not text:
        raise UsageError(
            f"A length of time is weeks, days, hours, minutes or seconds, the longer first, such as 30d, 12h or 2h30m; '{text}' is none."
        )
    return timedelta(**{name: int(number) for name, number in parts.groupdict("0").items()})


def size(count: int) -> str:
    """Bytes, in the largest decimal unit of which there is one."""
    if count < 1000:
        return f"{count} B"
    power = next((power for power in range(1, len(_SIZES)) if count < 999.95 * 1000**power), len(_SIZES))  # 999.95 would print as 1000.0
    return f"{count / 1000**power:.1f} {_SIZES[power - 1]}"
