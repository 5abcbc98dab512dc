"""Who chose what, in which order: the one shape every data set is brought into."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.errors import DataError
from sracl.interfaces import ItemText
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

LEAVE_ONE_OUT = "leave-one-out"
"""The split of data that have none of their own."""

SHORTEST = 3
"""Interactions a user needs: one to read, one to validate, one to test."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Interactions to be predicted: of each the user, and how many items of that user's come before it."""

    users: NDArray[np.int64]
    """Ascending, int64 [R], each once, from 0."""
    visible: NDArray[np.int64]
    """t, the position of the last item before the target, int64 [R], counted from 1."""


@dataclass(frozen=True, eq=False)
class Split:
    """Which interactions of each user train, and which are predicted."""

    label: str
    """What protocols call it; two of one label divide the same data alike."""
    training: str
    """What decides which interactions train; two that say the same have the same of the same data."""
    trained: NDArray[np.int64]
    """How many of each user's train, the first ones, int64 [U]; 0 where none does."""
    valid: Rows
    test: Rows


@dataclass(frozen=True, eq=False)
class Interactions:
    """Sequences of all users end to end (CSR), and what is known of the items.

    Items are numbered 1..V within; 0 is padding. `Interactions.of` numbers them at random, since numbers given in
    order of appearance tell which item comes next.
    """

    name: str
    items: NDArray[np.int64]
    """Item ids of all users' sequences, int64 [N], each user's in chronological order."""
    offsets: NDArray[np.int64]
    """int64 [U + 1]; user u owns `items[offsets[u] : offsets[u + 1]]`."""
    users: tuple[str, ...]
    """Name of each user in the source, [U]."""
    item_ids: tuple[str, ...]
    """Name of each item in the source, [V]; item i is at i - 1."""
    texts: tuple[ItemText, ...]
    """What is known of each item, [V]; item i is at i - 1."""
    fingerprint: str
    """Changes whenever anything above may have changed."""
    notes: tuple[str, ...] = ()
    """What was set aside on the way, in words."""
    times: NDArray[np.float64] | None = None
    """When each of `items` was chosen, as the source counts, float64 [N], never falling within a user; None where it does not say."""
    split: Split | None = None
    """None: leave one out, of each user the last interaction tests and the one before validates."""

    @classmethod
    def of(
        cls,
        name: str,
        sequences: Mapping[str, Sequence[str]],
        texts: Mapping[str, ItemText],
        *,
        times: Mapping[str, Sequence[float]] | None = None,
        fingerprint: str = "",
        notes: Iterable[str] = (),
    ) -> Interactions:
        """Number users in the order given and items at random, the same way each time for one name and set of items.

        Users with fewer than three interactions are left out, and so are items that nobody left has chosen; both are
        noted, as are items without a text.

        Args:
            name: Name of the data set; it seeds the numbering.
            sequences: Item names per user name, in chronological order.
            texts: Text per item name; a missing one is empty.
            times: When each of a user's items was chosen, per user name, never falling; None where nobody knows.
            fingerprint: Identity of the contents; their hash if empty.
            notes: What the reader has to say already.

        Raises:
            DataError: No user is left.
        """
        kept = {user: sequence for user, sequence in sequences.items() if len(sequence) >= SHORTEST}
        if not kept:
            raise DataError(f"data set '{name}': no user has {SHORTEST} interactions or more, so there is nothing to train on and test")
        names = sorted({item for sequence in kept.values() for item in sequence})
        order = _generator(name).permutation(len(names))
        item_ids = tuple(names[position] for position in order)
        number = {item: i for i, item in enumerate(item_ids, start=1)}
        items = np.array([number[item] for sequence in kept.values() for item in sequence], dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum([len(sequence) for sequence in kept.values()])]).astype(np.int64)
        known = tuple(texts.get(item, _NOTHING) for item in item_ids)
        dropped = len(sequences) - len(kept)
        return cls(
            name=name,
            items=items,
            offsets=offsets,
            users=tuple(kept),
            item_ids=item_ids,
            texts=known,
            fingerprint=fingerprint or _contents_hash(name, kept, dict(zip(item_ids, known, strict=True)), times),
            times=None if times is None else np.array([time for user in kept for time in times[user]], dtype=np.float64),
            notes=(
                *notes,
                *_note(dropped, "user", f"with fewer than {SHORTEST} interactions", "left out"),
                *_note(len(texts.keys() - number.keys()), "item", "that no user left has chosen", "left out"),
                *_note(sum(text.is_empty for text in known), "item", "without a text", "kept"),
            ),
        )

    @property
    def num_users(self) -> int:
        """U."""
        return len(self.users)

    @property
    def num_items(self) -> int:
        """V, without padding."""
        return len(self.item_ids)

    @property
    def num_interactions(self) -> int:
        """N."""
        return len(self.items)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Interactions per user, int64 [U]."""
        return np.diff(self.offsets)

    @property
    def training_fingerprint(self) -> str:
        """Changes whenever what trains may have changed, also by the split."""
        return training_fingerprint(self.fingerprint, self.split.training if self.split else LEAVE_ONE_OUT)

    @property
    def trained(self) -> NDArray[np.int64]:
        """How many interactions of each user train, the first ones, int64 [U]: n - 2, unless a split says otherwise."""
        return self.lengths - 2 if self.split is None else self.split.trained

    def sequence(self, user: int) -> NDArray[np.int64]:
        """All items of one user, oldest first: a view, int64 [n]."""
        return self.items[self.offsets[user] : self.offsets[user + 1]]

    def text(self, item: int) -> ItemText:
        """What is known of the item with this number, from 1."""
        if not 1 <= item <= self.num_items:
            raise IndexError(f"items of '{self.name}' are 1..{self.num_items}, got {item}")
        return self.texts[item - 1]


def training_fingerprint(fingerprint: str, training: str) -> str:
    """Identity of what trains: that of the data, and what a split other than leave-one-out decides it by."""
    return fingerprint if training == LEAVE_ONE_OUT else hashlib.sha256(f"{fingerprint} {training}".encode()).hexdigest()


_NOTHING = ItemText()


def _generator(name: str) -> np.random.Generator:
    """A generator of the data set's own, so that its numbering never depends on a run's seed."""
    digest = hashlib.sha256(f"item numbers of {name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def _note(count: int, noun: str, which: str, fate: str) -> tuple[str, ...]:
    return (f"{how_many(count, noun)} {which}: {fate}",) if count else ()


def _contents_hash(
    name: str, sequences: Mapping[str, Sequence[str]], texts: Mapping[str, ItemText], times: Mapping[str, Sequence[float]] | None
) -> str:
    plain = {item: [t.title, t.brand, t.categories, t.description, sorted(t.attributes.items())] for item, t in texts.items()}
    contents: list[object] = [name, [[user, list(sequence)] for user, sequence in sequences.items()], plain]
    if times is not None:
        contents.append([list(times[user]) for user in sequences])
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
