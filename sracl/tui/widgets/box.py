"""The frame of what asks for something in the middle of the screen."""

from __future__ import annotations

from textual.screen import ModalScreen, ScreenResultType


class Box(ModalScreen[ScreenResultType]):
    """Holds one `Vertical`, as high as what is in it."""

    DEFAULT_CSS = """
    Box { align: center middle; }
    Box Vertical { width: 70; max-width: 90%; height: auto; max-height: 80%; border: round $primary; padding: 0 1; }
    Box Keys { dock: none; background: transparent; }
    """
