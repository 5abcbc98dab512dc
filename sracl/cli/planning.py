"""What the words of `sracl run` and `sracl queue add` come to: plans that can be carried out, seeds, and the moment to end."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sracl.errors import SraclError
    from sracl.recipes.plan import Plan


def planned(recipes: Sequence[str], *, sets: Sequence[str] = (), seeds: Sequence[int] | None = None) -> list[Plan]:
    """The plans of recipes, each recipe once, for whose runs all packages are here.

    Raises:
        ResourceError: Packages are not installed; all of them.
        UsageError: There is no such recipe; where there are several, with everything that is wrong with the others.
        RecipeError: Everything that is wrong with all of them.
    """
    from sracl.errors import RecipeError, ResourceError, UsageError
    from sracl.recipes.plan import plan
    from sracl.runs.readiness import demand_packages

    plans: list[Plan] = []
    refused: list[UsageError | RecipeError] = []
    for recipe in dict.fromkeys(recipes):
        try:
            plans.append(plan(recipe, sets=sets, seeds=seeds))
        except (UsageError, RecipeError) as error:
            refused.append(error)
    broken = [error for error in refused if isinstance(error, RecipeError)]
    if len(refused) == 1:
        raise refused[0]
    if len(broken) < len(refused):
        raise UsageError("\n".join(map(str, refused)))
    if broken:
        raise RecipeError.of_several(broken)
    _demand(demand_packages, plans, ResourceError)
    return plans


def chosen(wanted: Sequence[Plan], trials: Sequence[Plan]) -> list[Plan]:
    """Of plans what validation has chosen among the trials of the same recipes.

    Raises:
        UsageError: A recipe has no sweep, trials are still to be done, or every one of them failed.
    """
    from sracl import paths
    from sracl.compare import chosen as choice
    from sracl.tracking.reader import Reader

    left: list[Plan] = []
    told: list[str] = []
    with Reader.open(paths.store_file()) if paths.store_file().is_file() else nullcontext() as store:
        for plan, tried in zip(wanted, trials, strict=True):
            kept, notes = choice.chosen(store, tried, plan)
            left.append(kept)
            told += [f"{note.removesuffix('.')}." for note in notes]
    print("\n".join(told), file=sys.stderr)
    return left


def demand_data(plans: Sequence[Plan]) -> None:
    """Refuse to begin the first of several plans while the data of another are absent; a single one sees to that by itself.

    Raises:
        DataError: All that is absent.
    """
    from sracl.errors import DataError
    from sracl.jobs import enqueue

    _demand(enqueue.demand_data, plans if len(plans) > 1 else (), DataError)


def _demand(demand: Callable[[Plan], None], plans: Sequence[Plan], refusal: type[SraclError]) -> None:
    """Have each plan looked at before it is said what is wrong with any."""
    refused = []
    for plan in plans:
        try:
            demand(plan)
        except refusal as error:
            refused.append(str(error))
    if refused:
        raise refusal("\n".join(dict.fromkeys(refused)))


def seeds_from(text: str | None) -> list[int] | None:
    """`2024,2025` as listed; a single small number as that many seeds from 2024.

    Raises:
        UsageError: It is neither.
    """
    from sracl.errors import UsageError

    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds takes integers such as 2024,2025 or a count such as 3, got {text!r}.") from error
    if len(numbers) == 1 and 0 < numbers[0] < 1000:
        return [2024 + offset for offset in range(numbers[0])]
    return numbers


def moment_after(length: str) -> float:
    """When so much time from now has passed, by `time.monotonic`.

    Raises:
        UsageError: That is no length of time, or none at all.
    """
    import time

    from sracl.compare.wording import length_of_time
    from sracl.errors import UsageError

    seconds = length_of_time(length).total_seconds()
    if not seconds:
        raise UsageError(f"--max-time {length} leaves no time for anything.")
    return time.monotonic() + seconds
