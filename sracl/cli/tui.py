"""`sracl tui`: the terminal interface."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer


def command(
    theme: Annotated[Literal["dark", "light", "no-colour"], typer.Option(help="How it looks; NO_COLOR is honoured too.")] = "dark",
) -> None:
    """Browse runs in the terminal. Nothing is written: it may be opened and closed while runs go on."""
    if theme == "no-colour":
        os.environ["NO_COLOR"] = "1"  # Textual reads it when an application is made
    from sracl import paths
    from sracl.tui.app import SraclApp

    SraclApp(paths.store_file(), light=theme == "light").run()
