"""What can go wrong, in the user's words.

SraclError                 1   a run failed
├── UsageError             2   the command line asks for something that is not there
├── RecipeError            3   a recipe has problems (all of them are listed)
├── DataError              4   a data set, cache entry or checkpoint is missing or damaged
├── BudgetError            5   no space, time or money left
├── ResourceError          6   a device, lock or model cannot be had now
├── StoreError             8   the store is damaged or newer than this program
└── PluginError            9   a component could not be imported or built

The number is the exit code of the command line.
"""

from __future__ import annotations

import difflib
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of an OSError that say: nothing more can be written here. Reported as a `BudgetError`."""


class SraclError(Exception):
    """Anything sracl reports to its user without a traceback."""

    exit_code = 1


class UsageError(SraclError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class DataError(SraclError):
    """A data set, cached artifact or checkpoint is missing, malformed or not what it claims to be."""

    exit_code = 4


class BudgetError(SraclError):
    """Disk space, time or money ran out."""

    exit_code = 5


class ResourceError(SraclError):
    """A device, a lock or a model cannot be had at present."""

    exit_code = 6


class StoreError(SraclError):
    """The store cannot be opened as asked."""

    exit_code = 8


class PluginError(SraclError):
    """A component could not be imported, or refused its parameters."""

    exit_code = 9


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a recipe or card."""

    where: str
    """Path into the file, such as `objective.cross.weight`."""
    what: str
    """What was found, what is accepted, the nearest match."""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Place first, so that editors can jump to it."""
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file or ""
        return f"{place}: {self.where}: {self.what}" if place else f"{self.where}: {self.what}"


class RecipeError(SraclError):
    """Every problem of a recipe at once."""

    exit_code = 3

    def __init__(self, subject: str, problems: Sequence[Problem]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        count = how_many(len(self.problems), "problem")
        super().__init__("\n".join([f"{subject} has {count}:", *(f"  {problem}" for problem in self.problems)]))

    @classmethod
    def of_several(cls, errors: Sequence[RecipeError]) -> RecipeError:
        """One error with the problems of several recipes, told recipe by recipe."""
        together = cls(", ".join(error.subject for error in errors), [problem for error in errors for problem in error.problems])
        together.args = ("\n".join(map(str, errors)),)
        return together


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence ` Did you mean 'x'?` with the nearest of the known names, or nothing."""
    match = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{match[0]}'?" if match else ""
