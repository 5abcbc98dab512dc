"""What a description is asked for: prompts of items and of sequences, from training interactions alone.

The wording is ours; it asks for what SRA-CL's prompts ask for (arXiv:2503.04162, section 4.1 and its appendix).
Whatever is said here is part of the cache key of the descriptions, by way of this module's code.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.data.splits import Prefixes
from sracl.interfaces import ItemText, Prompt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions

CONTEXT_LENGTH = 11
"""Items shown of a context: the item and at most the ten chosen before it."""

TITLE_LENGTH = 160
DESCRIPTION_LENGTH = 500
_CONTEXT_SEED = 0

SEQUENCE_SYSTEM = """\
You analyse shopping behaviour in the domain "{domain}". You receive what one customer chose, oldest first, one entry \
per line. In a single paragraph of at most 100 words state what this customer looks for: product kinds, brands or \
styles, price level if visible, and how the most recent entries differ from the earlier ones. Do not list the entries \
again and do not give advice."""

ITEM_SYSTEM = 'You write catalogue notes in the domain "{domain}". Answer with plain text only.'

ITEM_REQUEST = """\
First describe the entry in at most 80 words. Then, on a new line, say in at most 50 words which customers choose it; \
be narrower than "people interested in {domain}"."""


@dataclass(frozen=True, eq=False)
class Contexts:
    """Training sequences that end with each item; those of item i are rows `offsets[i - 1] : offsets[i]`."""

    prefixes: Prefixes
    """One row per context, by item, then user, then position; its targets are 0, since nothing is to be predicted."""
    offsets: NDArray[np.int64]
    """int64 [V + 1]."""


def clean(text: ItemText) -> ItemText:
    """The same text without HTML entities, runs of white space, blank fields and excessive length."""
    return ItemText(
        title=_plain(text.title)[:TITLE_LENGTH].rstrip(),
        brand=_plain(text.brand),
        categories=tuple(filter(None, map(_plain, text.categories))),
        description=_plain(text.description)[:DESCRIPTION_LENGTH].rstrip(),
        attributes={_plain(name): value for name, raw in text.attributes.items() if (value := _plain(raw))},
    )


def item_contexts(interactions: Interactions, limit: int) -> Contexts:
    """Up to `limit` training sequences x_1 … x_p, 2 <= p <= n - 2, ending with each item; cut to their last 11 items.

    Where there are more, they are drawn at random with a fixed seed.
    """
    counts = interactions.lengths
    users = np.repeat(np.arange(interactions.num_users), counts)
    visible = np.arange(interactions.num_interactions) - interactions.offsets[users] + 1
    rows = np.flatnonzero((visible >= 2) & (visible <= counts[users] - 2))
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


def item_prompts(interactions: Interactions, contexts: Contexts, *, domain: str) -> Iterator[Prompt]:
    """A prompt for each item 1..V, in order."""
    texts = [clean(text) for text in interactions.texts]
    titles = [text.title or _line(text) for text in texts]
    system, request = ITEM_SYSTEM.format(domain=domain), ITEM_REQUEST.format(domain=domain)
    for item, text in enumerate(texts, start=1):
        rows = range(contexts.offsets[item - 1], contexts.offsets[item])
        shown = [[other - 1 for other in _items(interactions, contexts.prefixes, row)] for row in rows]
        lines = [" > ".join(title for other in row if (title := titles[other])) for row in shown]
        yield Prompt(
            unit="item",
            items=(text,),
            contexts=tuple(tuple(texts[other] for other in row) for row in shown),
            system=system,
            user=_item_request(text, [line for line in lines if line], request),
        )


def sequence_prompts(interactions: Interactions, prefixes: Prefixes, rows: Sequence[int], *, domain: str) -> Iterator[Prompt]:
    """A prompt for each of these rows of `prefixes`, in the order given.

    Items of which nothing is known are left out; a row of such items alone is a prompt without items.
    """
    texts = [clean(text) for text in interactions.texts]
    lines = [_line(text) for text in texts]
    system = SEQUENCE_SYSTEM.format(domain=domain)
    for row in rows:
        known = [item - 1 for item in _items(interactions, prefixes, row) if lines[item - 1]]
        entries = "\n".join(f"{place}. {lines[item]}" for place, item in enumerate(known, start=1))
        count = "1 entry" if len(known) == 1 else f"{len(known)} entries"
        yield Prompt(
            unit="sequence",
            items=tuple(texts[item] for item in known),
            system=system,
            user=f"{count}:\n{entries}" if known else "",
        )


def _items(interactions: Interactions, prefixes: Prefixes, row: int) -> list[int]:
    return list(interactions.items[prefixes.starts[row] : prefixes.stops[row]].tolist())


def _plain(text: str) -> str:
    return " ".join(html.unescape(text).split())


def _line(text: ItemText) -> str:
    """An entry on one line, empty if nothing is known."""
    leaf = text.categories[-1] if text.categories else ""
    named = " | ".join(filter(None, (text.title, leaf, text.brand)))
    return named or text.description or ", ".join(f"{name} {value}" for name, value in text.attributes.items())


def _item_request(text: ItemText, contexts: Sequence[str], request: str) -> str:
    if text.is_empty:
        return ""
    fields = {
        "title": text.title,
        "brand": text.brand,
        "category": " > ".join(text.categories),
        **text.attributes,
        "text": text.description,
    }
    entry = "\n".join(f"{name}: {value}" for name, value in fields.items() if value)
    buyers = "".join(f"- {line}\n" for line in contexts)
    recent = f"RECENT BUYERS (one customer per line, oldest to newest, ending with this entry)\n{buyers}\n" if buyers else ""
    return f"ENTRY\n{entry}\n\n{recent}{request}"
