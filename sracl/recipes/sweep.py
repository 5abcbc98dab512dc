"""`[sweep]`: the points of a space at which variants are tried, and the figure by which validation chooses among them."""

from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from sracl.recipes.schema import MAX_SEED, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_DIGITS = 12
"""Decimals of what is drawn: far more than are used of a number."""

_PATIENCE = 100
"""Draws per trial after which a space is taken to have no other points."""


class Sweep(Settings):
    """Tries every variant at as many points, and lets validation choose."""

    metric: str
    """What validation chooses by, higher is better: valid.hr@k, valid.ndcg@k or valid.mrr@k with k among the cut-offs."""
    trials: Annotated[int, Field(ge=1)] | None = None
    """Points of the space for every variant; to be left out where there is only a matrix, all of whose points are tried."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    """Another one draws other points."""
    space: dict[str, Any] = {}
    """Path -> what is drawn for it: { low = 0.01, high = 1.0, scale = "log" }, or a list of values."""


class Range(Settings):
    """Numbers from `low` to `high`, both included; integers where both are."""

    low: int | float
    """The lowest."""
    high: int | float
    """The highest."""
    scale: Literal["linear", "log"] = "linear"
    """What is drawn evenly: the numbers, or their logarithms."""
    step: Annotated[int | float, Field(gt=0)] | None = None
    """Only `low` and every so much above it."""

    def complaint(self) -> str | None:
        """What the numbers are not fit for; None where nothing is wrong."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            return f"Should have a low below its high, got {self.low:g} and {self.high:g}."
        if self.scale == "log" and self.low <= 0:
            return f"Logarithms are of positive numbers; low is {self.low:g}."
        if self.scale == "log" and self.step is not None:
            return 'Steps are even, and scale = "log" is not; leave out one of the two, or list the values.'
        if isinstance(self.low, int) and isinstance(self.high, int) and isinstance(self.step, float):
            return f"Steps of {self.step:g} lead from integers to other numbers; write low = {self.low:.1f} if that is meant."
        return None

    def at(self, share: float) -> int | float:
        """The number that lies this far from the lowest to the highest.

        Args:
            share: From 0 to below 1.

        Returns:
            An integer where both ends are; else three significant digits, so that tables can show what was tried.
        """
        are_integers = isinstance(self.low, int) and isinstance(self.high, int)
        step = self.step or (1 if are_integers else None)
        if self.scale == "log":
            ratio = (self.high + are_integers) / self.low  # integers are rounded down, the highest among them
            number = self.low * math.pow(ratio, share)
            if are_integers:
                return math.floor(number)
        elif step is not None:
            # rounded before what is left of a division is dropped, as (0.3 - 0.1) / 0.1 is below 2
            places = math.floor(round((self.high - self.low) / step, 9)) + 1
            placed = self.low + step * math.floor(share * places)
            return placed if isinstance(placed, int) else round(placed, 9)
        else:
            number = self.low + share * (self.high - self.low)
        return min(max(float(f"{number:.3g}"), self.low), self.high)


def is_range(value: Any) -> bool:
    """Whether a table means numbers to draw from, rather than paths that begin alike, of which `samples.step` is one."""
    return isinstance(value, dict) and any(not isinstance(value[key], dict | list) for key in value.keys() & Range.model_fields.keys())


def draw(space: Sequence[Range | Sequence[Any]], trials: int, seed: int, *, axes: int | None = None) -> list[tuple[Any, ...]]:
    """Different points of a space, spread evenly over it; more trials only add to them.

    A Halton sequence with its digits scrambled (J. H. Halton 1960; A. B. Owen, A randomized Halton algorithm in R, 2017): every
    axis by itself is filled evenly, of which random points leave gaps and a grid has few different ones. Ours and not a library's,
    so that a recipe draws the same whatever is installed.

    Args:
        space: Of each axis its range, or its values.
        trials: How many points.
        seed: Another one, other points.
        axes: At least as many as the space has. Of spaces that begin alike the shared axes are then given the same values.

    Returns:
        A value per axis for each point; fewer points where the space has no more.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for shares in itertools.islice(_shares(axes or len(space), seed), trials * _PATIENCE):
        point = tuple(_at(axis, share) for axis, share in zip(space, shares, strict=False))
        found.setdefault(repr(point), point)
        if len(found) == trials:
            break
    return list(found.values())


def _at(axis: Range | Sequence[Any], share: float) -> Any:
    return axis.at(share) if isinstance(axis, Range) else axis[math.floor(share * len(axis))]


def _shares(axes: int, seed: int) -> Iterator[list[float]]:
    """Points of the unit cube, without end."""
    generator = random.Random(seed)  # whose numbers are the same in every version of Python
    sequences = [_scrambled(base, generator) for base in itertools.islice(_primes(), axes)]
    for number in itertools.count():
        yield [share(number) for share in sequences]


def _scrambled(base: int, generator: random.Random) -> Callable[[int], float]:
    """The digits of a number to this base, in reverse order behind the point, each place with another meaning of its digits."""
    places = math.ceil(_DIGITS / math.log10(base))
    meant = [sorted(range(base), key=lambda _: generator.random()) for _ in range(places)]

    def share(number: int) -> float:
        total, weight = 0.0, 1.0
        for meaning in meant:
            number, digit = divmod(number, base)
            weight /= base
            total += meaning[digit] * weight
        return total

    return share


def _primes() -> Iterator[int]:
    return (number for number in itertools.count(2) if all(number % smaller for smaller in range(2, math.isqrt(number) + 1)))
