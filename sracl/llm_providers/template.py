"""Descriptions written from the fields alone: no model, no network, the same text every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sracl.interfaces import ItemText, Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence


class Template:
    """Writes what is known of an item or a sequence as plain sentences, the most recent item last.

    An item is described by its fields, named once more by title, and by short titles of what its buyers chose just
    before it; a sequence by short titles of the earlier items and everything that matters of the latest one, named
    once more. The joining words are stop words, so that they add nothing to counts of words.

    With `lsa` on training transitions (the last one of each user hidden), the 20 items nearest to the last one hold the
    next for 11.9 % of users on Office, 8.4 % on Beauty and 34 % on demo; from the fields alone for 8.5, 6.5 and 20 %.
    """

    def __init__(
        self,
        *,
        companions: Annotated[int, Field(ge=0)] = 3,
        words: Annotated[int, Field(ge=1)] = 6,
        earlier: Annotated[int, Field(ge=0)] = 9,
        emphasis: Annotated[int, Field(ge=1)] = 2,
    ) -> None:
        """Make a writer.

        Args:
            companions: Items named per context of an item: those chosen last before it.
            words: Words of a title where an item is only named.
            earlier: Items named of a sequence beside the latest one: the last ones before it.
            emphasis: How often the thing itself, and the latest item of a sequence, is stated.
        """
        self.companions = companions
        self.words = words
        self.earlier = earlier
        self.emphasis = emphasis

    def __call__(self, prompts: Sequence[Prompt]) -> list[str]:
        """One text per prompt; empty where nothing is known."""
        names: dict[int, str] = {}
        cards: dict[int, str] = {}
        return [self._item(prompt, names) if prompt.unit == "item" else self._sequence(prompt, names, cards) for prompt in prompts]

    def _item(self, prompt: Prompt, names: dict[int, str]) -> str:
        (item,) = prompt.items
        fields = _sentences(item)
        if not fields:
            return ""
        before = self.companions + 1
        companions = [self._name(other, names) for context in prompt.contexts for other in context[-before:-1]]
        together = "; ".join(filter(None, dict.fromkeys(companions)))
        again = [_sentences(_essentials(item))] * (self.emphasis - 1)
        return " ".join(filter(None, (fields, *again, f"Often found together with: {together}." if together else "")))

    def _sequence(self, prompt: Prompt, names: dict[int, str], cards: dict[int, str]) -> str:
        if not prompt.items:
            return ""
        *earlier, latest = prompt.items
        shown = earlier[max(0, len(earlier) - self.earlier) :]
        before = "; ".join(filter(None, (self._name(item, names) for item in shown)))
        card = cards.get(id(latest))
        if card is None:
            card = cards[id(latest)] = _sentences(_essentials(latest)) or _sentences(latest)
        if not (before or card):
            return ""
        now = " ".join([card] * self.emphasis)
        return f"Before: {before}. Now: {now}" if before else f"Now: {now}"

    def _name(self, item: ItemText, names: dict[int, str]) -> str:
        """The title cut short, or what else there is; kept by identity, since prompts share their items."""
        name = names.get(id(item))
        if name is None:
            leaf = item.categories[-1] if item.categories else ""
            name = names[id(item)] = " ".join((item.title or f"{item.brand} {leaf}").split()[: self.words])
        return name


def _essentials(item: ItemText) -> ItemText:
    """Title, brand and narrowest category."""
    return ItemText(title=item.title, brand=item.brand, categories=item.categories[-1:])


def _sentences(item: ItemText) -> str:
    parts = [item.title, item.brand, ", ".join(item.categories), *(f"{name}: {value}" for name, value in item.attributes.items())]
    return " ".join(f"{part.rstrip('.')}." for part in (*parts, item.description) if part)
