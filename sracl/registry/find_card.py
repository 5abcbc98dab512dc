"""Finds cards that describe no code, such as prompts and language models: registered ones by name, others by their file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sracl.errors import UsageError
from sracl.registry.card import Card, read_card

if TYPE_CHECKING:
    from sracl.registry.catalog import Catalog


def is_file(name: str) -> bool:
    """Whether a card is named by its file."""
    return name.endswith(".toml")


def located(name: str, folder: Path | None) -> str:
    """The name of a card; a file's in full, taken from the folder (None: the current one)."""
    return str(((folder or Path()) / name).resolve()) if is_file(name) else name


def find_card(cat: Catalog, kind: str, name: str) -> Card:
    """The card of this name.

    Args:
        cat: What is registered.
        kind: `prompt` or `llm`.
        name: Of a card of this kind, or a `.toml` file of the same form.

    Raises:
        UsageError: There is no such card.
        CardError: The file is no card; everything that is wrong with it.
    """
    if not is_file(name):
        return cat.find(kind, name)
    file = Path(name)
    if not file.is_file():
        raise UsageError(f"There is no file {file}.")
    card = read_card(file, owner="")
    if card.kind != kind:
        raise UsageError(f"{file} is a card of kind '{card.kind}'; one of kind '{kind}' is wanted.")
    return card
