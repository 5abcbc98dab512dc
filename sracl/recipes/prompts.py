"""The words that the texts of a recipe are asked for with: which ones, and whether they are of the right kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.errors import PluginError, UsageError
from sracl.registry.find_prompt import find_prompt
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from sracl.registry.catalog import Catalog
    from sracl.registry.prompt import PromptTemplate


class WrongPrompt(Exception):
    """A prompt that cannot be used; the message says why."""


def of_data(cat: Catalog, dataset: str | None, kind: str) -> str | None:
    """The prompt that a data set's card has for its items or sequences; None where it has none."""
    try:
        found: str | None = cat.find("dataset", dataset or "").facts.get("prompts", {}).get(kind)
    except UsageError:
        return None
    return found


def checked(cat: Catalog, name: str, kind: str) -> PromptTemplate:
    """The prompt of this name, which must describe what the table is about.

    Raises:
        WrongPrompt: It does not, or there is none, or something is wrong with its file.
    """
    try:
        template = find_prompt(cat, name)
    except (UsageError, PluginError) as error:
        raise WrongPrompt(" ".join(str(error).split())) from error
    if template.describes != kind:
        others = ", ".join(card.name for card in cat.cards("prompt") if card.facts["describes"] == kind)
        raise WrongPrompt(f"{in_toml(template.name)} describes {template.describes}. Of {kind} there are: {others}.")
    return template
