"""What a command may spend on texts, kept while many requests are under way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sracl.errors import UsageError
from sracl.llm_providers.ledger import PICODOLLARS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sracl.llm_providers.answers import Answers


class Ceiling:
    """A sum that is not exceeded: what a request can cost at most is set aside before it is sent.

    What was spent on the same requests before counts too, so that the ceiling of a command that is begun again stays where
    it was; and so does what other processes spend on them meanwhile.
    """

    def __init__(self, dollars: float | None = None) -> None:
        """Make one.

        Args:
            dollars: US dollars; None for no ceiling.

        Raises:
            UsageError: It is no sum of money.
        """
        if dollars is not None and not math.isfinite(dollars):
            raise UsageError(f"a ceiling of {dollars} dollars is none: name a number of dollars, or leave it out for no ceiling.")
        self.dollars = dollars
        self.spent = 0
        """Picodollars; attempts whose cost is not known are in it with the most that it can be."""
        self.aside = 0
        """Picodollars that may become due for requests under way."""
        self.elsewhere = 0
        """Picodollars that other processes spend on the same requests meanwhile."""
        self._counted: set[str] = set()

    def count(self, answers: Answers, keys: Iterable[str]) -> None:
        """Add what these requests have cost before, those that have not been counted yet."""
        if self.dollars is None:
            return
        new = [key for key in keys if key not in self._counted]
        self._counted.update(new)
        self.spent += answers.spent(new)

    def count_texts(self, name: str, dollars: float) -> None:
        """Add what a table of texts has cost that was written before; one that was counted, or written here, is named once for all."""
        if name not in self._counted:
            self._counted.add(name)
            self.spent += round(dollars * PICODOLLARS)

    @property
    def is_exceeded(self) -> bool:
        """Whether more may have become due than is allowed."""
        return self.dollars is not None and self.spent + self.aside + self.elsewhere > round(self.dollars * PICODOLLARS)

    def set_aside(self, most: int) -> bool:
        """Whether this much is left; it is set aside then."""
        self.aside += most
        if self.is_exceeded:
            self.aside -= most
            return False
        return True

    def settle(self, most: int, cost: int) -> None:
        """Give back what was set aside, and spend what it cost."""
        self.aside -= most
        self.spent += cost

    def take_over(self) -> None:
        """Keep what others have spent, before other requests are asked."""
        self.spent += self.elsewhere
        self.elsewhere = 0


class Allowance:
    """What one command allows; all that it asks of language models shares it."""

    def __init__(self, *, max_cost: float | None = None, offline: bool = False) -> None:
        """Say what is allowed.

        Args:
            max_cost: US dollars.
            offline: Whether stored answers alone are used, and nobody is asked.
        """
        self.ceiling = Ceiling(max_cost)
        self.offline = offline
