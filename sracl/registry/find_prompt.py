"""Finds the words of a prompt: registered ones by name, others by their file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.registry.find_card import find_card
from sracl.registry.prompt import PromptTemplate

if TYPE_CHECKING:
    from sracl.registry.catalog import Catalog


def find_prompt(cat: Catalog, name: str) -> PromptTemplate:
    """The prompt of this name.

    Args:
        cat: What is registered.
        name: Of a card of kind `prompt`, or a `.toml` file of the same form.

    Raises:
        UsageError: There is no such prompt.
        CardError: The file is no card of a prompt; everything that is wrong with it.
    """
    return PromptTemplate.of(find_card(cat, "prompt", name))
