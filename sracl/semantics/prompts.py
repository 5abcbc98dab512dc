"""What a language model is told: prompts of items and of sequences, from training interactions alone.

The words are a template's; what is filled in for its placeholders is made here. A request that is longer than the template
allows loses the oldest items first: of a sequence, or of what an item's buyers chose before it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.data.splits import Prefixes
from sracl.errors import UsageError
from sracl.interfaces import ItemText, Prompt
from sracl.llm_providers import tokens
from sracl.registry.prompt import fill, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.registry.prompt import PromptTemplate

CONTEXT_LENGTH = 11
"""Items shown of a context: the item and at most the ten chosen before it."""

_NOTHING = frozenset({"unknown", "missing", "none", "null", "nan", "n/a"})
"""What data sets write into a field that nothing is known of; Office and Beauty have some 20 brands called Unknown each."""
_CONTEXT_SEED = 0
_SHORTEST_CONTEXT = 2
"""Items of a context: the one that is described is the last of them, and alone says nothing."""


@dataclass(frozen=True, eq=False)
class Contexts:
    """Training sequences that end with each item; those of item i are rows `offsets[i - 1] : offsets[i]`."""

    prefixes: Prefixes
    """One row per context, by item, then user, then position; its targets are 0, since nothing is to be predicted."""
    offsets: NDArray[np.int64]
    """int64 [V + 1]."""


def clean(text: ItemText, template: PromptTemplate) -> ItemText:
    """The same text without HTML entities, runs of white space, fields that say nothing and characters beyond the template's limits."""
    return ItemText(
        title=_plain(text.title)[: template.title_length].rstrip(),
        brand=_plain(text.brand),
        categories=tuple(filter(None, map(_plain, text.categories))),
        description=_plain(text.description)[: template.description_length].rstrip(),
        attributes={_plain(name): value for name, raw in text.attributes.items() if (value := _plain(raw))},
    )


def item_contexts(interactions: Interactions, limit: int) -> Contexts:
    """Up to `limit` training sequences x_1 … x_p, 2 <= p <= m, ending with each item; cut to their last 11 items.

    Where there are more, they are drawn at random with a fixed seed.
    """
    users = np.repeat(np.arange(interactions.num_users), interactions.lengths)
    visible = np.arange(interactions.num_interactions) - interactions.offsets[users] + 1
    rows = np.flatnonzero((visible >= 2) & (visible <= interactions.trained[users]))
    ends = interactions.items[rows]
    lots = np.random.default_rng(_CONTEXT_SEED).random(len(rows))
    drawn = np.lexsort((lots, ends))
    first = np.searchsorted(ends[drawn], ends[drawn])  # where the item's rows begin
    kept = np.sort(drawn[np.arange(len(drawn)) - first < limit])
    kept = kept[np.argsort(ends[kept], kind="stable")]
    chosen = rows[kept]
    stops = chosen + 1
    prefixes = Prefixes(
        users=users[chosen],
        visible=visible[chosen],
        starts=np.maximum(interactions.offsets[users[chosen]], stops - CONTEXT_LENGTH),
        stops=stops,
        targets=np.zeros(len(chosen), dtype=np.int64),
    )
    return Contexts(prefixes, np.searchsorted(ends[kept], np.arange(1, interactions.num_items + 2)).astype(np.int64))


def item_prompts(interactions: Interactions, contexts: Contexts, *, template: PromptTemplate, domain: str) -> Iterator[Prompt]:
    """A prompt for each item 1..V, in order.

    Raises:
        UsageError: The template's own words leave no room for an item.
    """
    texts = [clean(text, template) for text in interactions.texts]
    lines = [_line(text, template) for text in texts]
    write = _Writer(template, domain)
    for item, text in enumerate(texts, start=1):
        rows = range(contexts.offsets[item - 1], contexts.offsets[item])
        shown = [[other - 1 for other in _items(interactions, contexts.prefixes, row)] for row in rows]
        yield Prompt(
            unit="item",
            items=(text,),
            contexts=tuple(tuple(texts[other] for other in row) for row in shown),
            system=write.system,
            user="" if text.is_empty else write.about_item(text, [[lines[other] for other in row if lines[other]] for row in shown]),
            answer=template.form,
        )


def sequence_prompts(
    interactions: Interactions, prefixes: Prefixes, rows: Sequence[int], *, template: PromptTemplate, domain: str
) -> Iterator[Prompt]:
    """A prompt for each of these rows of `prefixes`, in the order given.

    Items of which nothing is known are left out; a row of such items alone is a prompt without items.

    Raises:
        UsageError: The template's own words leave no room for an item.
    """
    texts = [clean(text, template) for text in interactions.texts]
    lines = [_line(text, template) for text in texts]
    write = _Writer(template, domain)
    for row in rows:
        known = [item - 1 for item in _items(interactions, prefixes, row) if lines[item - 1]]
        yield Prompt(
            unit="sequence",
            items=tuple(texts[item] for item in known),
            system=write.system,
            user=write.about_sequence([lines[item] for item in known]) if known else "",
            answer=template.form,
        )


class _Writer:
    """Fills a template in, and keeps what comes of it within the template's tokens."""

    def __init__(self, template: PromptTemplate, domain: str) -> None:
        self.template = template
        self.common = {"domain": domain, "answer": template.asks(domain)}
        self.system = fill(template.system, self.common)
        own = tokens.of_request(Prompt("item", (), system=self.system, user="\n".join(template.user) + self.common["answer"]))
        if own > template.budget // 2:
            raise UsageError(
                f"The prompt '{template.name}' takes {own:,} tokens for its own words, which leaves too little of its budget of "
                f"{template.budget:,} for what they are about; raise `budget` to {2 * own:,}, or say less."
            )

    def about_sequence(self, lines: list[str]) -> str:
        """Of the entries, as many of the latest ones as there is room for."""
        request = self._sequence(lines)
        while not self._fits(request) and len(lines) > 1:
            lines = lines[1:]
            request = self._sequence(lines)
        return request

    def about_item(self, text: ItemText, contexts: list[list[str]]) -> str:
        """The oldest items of the longest contexts go first, then the fields of the item, the last one first."""
        fields = self.template.item
        contexts = [context for context in contexts if context]
        request = self._item(text, fields, contexts)
        while not self._fits(request) and (contexts or len(fields) > 1):
            if contexts:
                longest = max(range(len(contexts)), key=lambda number: len(contexts[number]))
                contexts[longest] = contexts[longest][1:]
                contexts = [context for context in contexts if len(context) >= _SHORTEST_CONTEXT]
            else:
                fields = fields[:-1]
            request = self._item(text, fields, contexts)
        return request

    def _sequence(self, lines: list[str]) -> str:
        entries = "\n".join(f"{place}. {line}" for place, line in enumerate(lines, start=1))
        return self._request({"count": str(len(lines)), "entries": entries})

    def _item(self, text: ItemText, fields: Sequence[str], contexts: list[list[str]]) -> str:
        item = joined(fields, _fields(text, "\n"), "\n") or _line(text, self.template)
        return self._request({"item": item, "contexts": "\n".join(f"- {' > '.join(context)}" for context in contexts)})

    def _request(self, values: Mapping[str, str]) -> str:
        return joined(self.template.user, {**self.common, **values}, "\n\n")

    def _fits(self, request: str) -> bool:
        room = self.template.budget
        if len(self.system.encode()) + len(request.encode()) + tokens.AROUND_MESSAGES <= room:
            return True  # no byte is more than a token, so that most requests need not be counted
        return tokens.of_request(Prompt("item", (), system=self.system, user=request)) <= room


def _items(interactions: Interactions, prefixes: Prefixes, row: int) -> list[int]:
    return list(interactions.items[prefixes.starts[row] : prefixes.stops[row]].tolist())


def _plain(text: str) -> str:
    plain = " ".join(html.unescape(text).split())
    return "" if plain.lower() in _NOTHING else plain


def _line(text: ItemText, template: PromptTemplate) -> str:
    """An item on one line: what the template says of it, or else whatever is known; empty if that is nothing."""
    values = _fields(text, ", ")
    said = joined(template.line, values, " | ") or joined(("{title}", "{category}", "{brand}"), values, " | ")
    return said or (text.description or values["attributes"])[: template.title_length].rstrip()


def _fields(text: ItemText, separator: str) -> dict[str, str]:
    """What placeholders stand for; `separator` stands between attributes."""
    return {
        "title": text.title,
        "brand": text.brand,
        "category": text.categories[-1] if text.categories else "",
        "categories": ", ".join(text.categories),
        "category_path": " > ".join(text.categories),
        "description": text.description,
        "attributes": separator.join(f"{name}: {value}" for name, value in text.attributes.items()),
        **{f"attributes.{name}": value for name, value in text.attributes.items()},
    }
