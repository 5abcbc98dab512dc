"""What a terminal shows that is too small for anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.geometry import Size

WIDTH, HEIGHT = 80, 24


def is_too_small(size: Size) -> bool:
    """Whether screens do not fit."""
    return size.width < WIDTH or size.height < HEIGHT


class TooSmall(ModalScreen[None]):
    """Says so, and is there until the terminal is larger."""

    DEFAULT_CSS = """
    TooSmall { align: center middle; background: $background; }
    TooSmall Static { width: auto; max-width: 100%; text-align: center; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("Q", "app.quit", "Quit", id="quit")]

    def compose(self) -> ComposeResult:
        """The words."""
        yield Static("", markup=False)

    def on_resize(self) -> None:
        """Say how large it is now."""
        width, height = self.app.size
        self.query_one(Static).update(
            f"sracl needs {WIDTH} x {HEIGHT},\nthis terminal has {width} x {height}.\n\n"
            "Please make it larger:\nall is still here,\nand goes on.\n\nQ leaves."
        )
