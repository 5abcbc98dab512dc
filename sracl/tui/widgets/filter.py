"""The box that asks which rows to show."""

from __future__ import annotations

from textual.widgets import Input


class Filter(Input):
    """Seen while it is asked for; the rows that it leaves are its screen's business.

    Args:
        placeholder: What may be written.
    """

    DEFAULT_CSS = "Filter { display: none; } Filter.asked { display: block; }"

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder)

    def ask(self) -> None:
        """Appear, and take what is typed."""
        self.add_class("asked")
        self.focus()

    def leave(self) -> None:
        """Go, and keep what stands in it."""
        self.remove_class("asked")
