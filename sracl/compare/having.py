"""Runs by the values that they have, asked for as `--set` would give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.errors import UsageError, did_you_mean
from sracl.recipes.flat import flat
from sracl.recipes.settings import parse
from sracl.tracking import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader


def having(store: Reader, runs: Sequence[RunRow], wanted: Sequence[str]) -> list[RunRow]:
    """Those of some runs that have all of these values.

    Args:
        store: Where they are.
        runs: To choose from.
        wanted: Each `path=value`, such as `train.optimizer.lr=0.001`.

    Raises:
        UsageError: One cannot be read, or no run of the store has such a path; all of them are told.
    """
    settings, unread = parse(wanted, option="--where")
    asked = {".".join(setting.path): setting.value for setting in settings}
    problems = [str(problem) for problem in unread]
    values = {run.id: dict(flat(run.values)) for run in runs}
    if unmet := [path for path in asked if not any(path in own for own in values.values())]:
        known = {path for run in queries.runs(store) for path, _ in flat(run.values)}
        problems += [_unknown(path, known) for path in unmet if known and path not in known]
    if problems:
        raise UsageError("\n".join(problems))
    return [run for run in runs if all(path in values[run.id] and _same(values[run.id][path], value) for path, value in asked.items())]


def _unknown(path: str, known: set[str]) -> str:
    within = sorted(other.removeprefix(f"{path}.") for other in known if other.startswith(f"{path}."))
    if within:
        return f"--where: {path}: is a table; name a value in it: {', '.join(within)}."
    return f"--where: {path}: No run has such a value.{did_you_mean(path, known)} `sracl show RUN` lists those of a run."


def _same(kept: Any, value: Any) -> bool:
    """1 and 1.0 are one value in a run, and 1 and true are two."""
    return bool(kept == value) and isinstance(kept, bool) == isinstance(value, bool)
