"""Finds the words of a prompt: registered ones by name, others by their file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sracl.errors import UsageError
from sracl.registry.card import read_card
from sracl.registry.prompt import PromptTemplate

if TYPE_CHECKING:
    from sracl.registry.catalog import Catalog


def is_file(name: str) -> bool:
    """Whether a prompt is named by its file."""
    return name.endswith(".toml")


def find_prompt(cat: Catalog, name: str) -> PromptTemplate:
    """The prompt of this name.

    Args:
        cat: What is registered.
        name: Of a card of kind `prompt`, or a `.toml` file of the same form.

    Raises:
        UsageError: There is no such prompt.
        CardError: The file is no card of a prompt; everything that is wrong with it.
    """
    if not is_file(name):
        return PromptTemplate.of(cat.find("prompt", name))
    file = Path(name)
    if not file.is_file():
        raise UsageError(f"There is no file {file}.")
    card = read_card(file, owner="")
    if card.kind != "prompt":
        raise UsageError(f"{file} is a card of kind '{card.kind}'; one of kind 'prompt' is wanted.")
    return PromptTemplate.of(card)
