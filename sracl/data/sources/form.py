"""What a form in which data sets are passed on has to be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from sracl.data.sources.columns import Columns
    from sracl.data.sources.events import Events
    from sracl.interfaces import ItemText

Role = Literal["interactions", "items"]
"""What a file holds."""


class Form(Protocol):
    """A form in which data sets are passed on."""

    @property
    def title(self) -> str:
        """What its files are called: `RecBole atomic files`."""
        ...

    def role(self, path: Path, head: str, columns: Columns) -> Role | None:
        """What a file of this form holds, by its name and first line; None if it is not of this form."""
        ...

    def events(self, path: Path, columns: Columns) -> Events:
        """Every interaction in the file, in its order.

        Raises:
            DataError: The file is malformed; the message begins with `file:line`.
        """
        ...

    def texts(self, path: Path, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
        """What the file knows of these items; those it does not know are left out.

        Nothing that sums up what users did (mean stars, sales ranks, what was bought together) is taken over, since it
        knows of the interactions that validate and test.

        Raises:
            DataError: The file is malformed; the message begins with `file:line`.
        """
        ...
