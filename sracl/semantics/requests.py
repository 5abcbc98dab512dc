"""What is to be described, each thing once: the prompts behind a table of texts, and which of them each row gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.semantics import prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes
    from sracl.interfaces import Prompt
    from sracl.registry.prompt import PromptTemplate


@dataclass(frozen=True, eq=False)
class Requests:
    """The prompts behind a table of texts."""

    reads: Prefixes
    """What they show of users' histories."""
    of_row: Sequence[int]
    """Of each row of the table, the number of its prompt."""
    template: PromptTemplate
    """Whose words they are."""
    prompts: Callable[[], Iterator[Prompt]]
    """Makes them, in order; all of them would be larger than the data."""


def of_items(interactions: Interactions, *, contexts: int, template: PromptTemplate, domain: str) -> Requests:
    """A row and a prompt for each item 1..V.

    Args:
        interactions: The data; only x_1 … x_{n-2} of each user is read.
        contexts: Training sequences shown with an item, at most.
        template: The words.
        domain: What the data set is about.
    """
    shown = prompts.item_contexts(interactions, contexts)
    return Requests(
        reads=shown.prefixes,
        of_row=range(interactions.num_items),
        template=template,
        prompts=lambda: prompts.item_prompts(interactions, shown, template=template, domain=domain),
    )


def of_sequences(interactions: Interactions, sequences: Prefixes, *, template: PromptTemplate, domain: str) -> Requests:
    """A row for each sequence; those that read the same items share a prompt.

    Args:
        interactions: The data.
        sequences: What is to be described.
        template: The words.
        domain: What the data set is about.
    """
    first, of_row = _distinct(interactions, sequences)
    return Requests(
        reads=sequences,
        of_row=of_row,
        template=template,
        prompts=lambda: prompts.sequence_prompts(interactions, sequences, first, template=template, domain=domain),
    )


def _distinct(interactions: Interactions, sequences: Prefixes) -> tuple[list[int], list[int]]:
    """Rows that read items no row before them read, and for each row which of those reads the same."""
    places: dict[bytes, int] = {}
    first: list[int] = []
    of_row: list[int] = []
    for row, (start, stop) in enumerate(zip(sequences.starts.tolist(), sequences.stops.tolist(), strict=True)):
        place = places.setdefault(interactions.items[start:stop].tobytes(), len(first))
        if place == len(first):
            first.append(row)
        of_row.append(place)
    return first, of_row
