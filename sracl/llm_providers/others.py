"""What other processes spend on the same requests meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sracl.llm_providers.answers import Answers
    from sracl.llm_providers.desk import Entry


class Others:
    """The attempts of others at some requests, from now on."""

    def __init__(self, answers: Answers, keys: Iterable[str]) -> None:
        """Remember where the attempts end that have been made."""
        self._keys = set(keys)
        self._seen = answers.last_attempt()
        self._open: dict[int, int] = {}
        self._spent = 0
        self._entry: Entry | None = None

    def spent(self, entry: Entry) -> int:
        """Picodollars; attempts whose cost is not known count with the most that it can be. Looks once in a transaction."""
        if entry is not self._entry:
            self._entry = entry
            for number, key, is_open, cost in entry.of_others(self._seen, self._open):
                self._seen = max(self._seen, number)
                self._open.pop(number, None)
                if key not in self._keys:
                    continue
                if is_open:
                    self._open[number] = cost
                else:
                    self._spent += cost
        return self._spent + sum(self._open.values())
