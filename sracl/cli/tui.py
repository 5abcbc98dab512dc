"""`sracl tui`: the terminal interface."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer


def command(
    theme: Annotated[
        Literal["dark", "light", "no-colour"] | None,
        typer.Option(help="How it looks this time; NO_COLOR is honoured too. By default as it was left (T switches)."),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Write nothing at all, and hide whatever would.")] = False,
    ascii: Annotated[
        bool, typer.Option("--ascii", help="Print ASCII alone. So it is by itself where TERM=dumb or the locale is not UTF-8.")
    ] = False,
) -> None:
    """Browse runs in the terminal. It may be opened and closed while runs go on."""
    if theme == "no-colour":
        os.environ["NO_COLOR"] = "1"  # Textual reads it when an application is made
    from dataclasses import replace

    from sracl import paths
    from sracl.tui import settings
    from sracl.tui.app import SraclApp
    from sracl.tui.ascii import is_needed
    from sracl.tui.hang_up import end_with_terminal

    end_with_terminal()
    chosen = settings.read()
    if theme in ("dark", "light"):
        chosen = replace(chosen, theme=settings.LIGHT if theme == "light" else settings.DARK)
    app = SraclApp(paths.store_file(), chosen, read_only=read_only, ascii=ascii or is_needed())
    app.run()
    if app.return_code:  # it broke: Textual prints where, and returns
        raise typer.Exit(app.return_code)
