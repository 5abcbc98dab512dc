"""Which language model the table of a provider names by a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.registry.catalog import OWNER
from sracl.registry.find_card import is_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sracl.registry.catalog import Catalog


def names_card(cat: Catalog, provider: Mapping[str, Any]) -> bool:
    """Whether the `llm` of a provider's bound table is the name or file of a card: of sracl's own it is, of others it may be anything."""
    return isinstance(provider.get("llm"), str) and cat.find("llm_provider", provider["use"]).owner == OWNER


def names_file(cat: Catalog, provider: Mapping[str, Any]) -> bool:
    """Whether it is the file of one."""
    return names_card(cat, provider) and is_file(provider["llm"])
