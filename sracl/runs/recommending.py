"""What a trained run recommends, to users of its data set or after any history, in the order that its evaluation ranks in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from sracl.data import by_time, splits
from sracl.data.samples import SequenceTable
from sracl.errors import UsageError
from sracl.evaluation.numbers import demand_numbers
from sracl.evaluation.ranking import ranked, score, scored
from sracl.evaluation.top_items import top_items
from sracl.wording import the_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from torch import Tensor

    from sracl.backbones.base import Backbone
    from sracl.data.interactions import Interactions

Split = Literal["all", "valid", "test"]
"""The history that is read: all of it, or what stands before the interaction that validates or tests."""

SeenItems = Literal["keep", "exclude"]


@dataclass(frozen=True)
class Item:
    """An item as the user knows it."""

    item: str
    """Its id in the data files."""
    title: str
    """Empty where none is known."""


@dataclass(frozen=True)
class Recommended(Item):
    """An item with the score that the model gives it; comparable within one list only."""

    score: float


@dataclass(frozen=True)
class Target(Item):
    """The item that was chosen after the history, and its rank among all; None where it has been seen, and seen items are excluded."""

    rank: int | None


@dataclass(frozen=True)
class Recommendations:
    """What is recommended after one history."""

    user: str
    """Empty for a history that is nobody's."""
    known: int
    """Interactions in the history; the model reads the last `max_length` of them."""
    latest: tuple[Item, ...]
    """The last ones of the history, the latest last."""
    items: tuple[Recommended, ...]
    """The best first; fewer than asked for where there are no more."""
    target: Target | None = None
    """None where all of the history is read."""


class Recommender:
    """A trained run, ready to be asked.

    Args:
        values: Of the run's plan.
        data: Its data set.
        backbone: With its weights.
        device: Where the backbone lives.
    """

    LATEST = 3
    """Items of a history that are told."""

    def __init__(self, values: Mapping[str, Any], data: Interactions, backbone: Backbone, device: torch.device) -> None:
        self.data = data
        self.seen_items: SeenItems = values["evaluation"]["seen_items"]
        """As the recipe's evaluation has it."""
        self._backbone = backbone
        self._device = device
        self._max_length: int = values["data"]["max_length"]
        self._split: Any = values["evaluation"]["split"]
        self._batch_size: int = values["evaluation"]["batch_size"]

    def to_users(
        self, names: Sequence[str] | None = None, *, count: int, split: Split = "all", seen_items: SeenItems | None = None
    ) -> Iterator[Recommendations]:
        """Lists for some users, or for all, in the order of the data set.

        They are computed in the blocks of an evaluation, so that nobody's list depends on who else is asked for, and no more is
        held than the scores of one block.

        Args:
            names: Users, as in the data files.
            count: Items a user.
            split: With `test` and `valid`, lists are those that were evaluated: a target whose rank is r stands r-th.
            seen_items: Whether items of the history may be recommended; by default as in the recipe's evaluation.

        Raises:
            SraclError: A score is not a number.
            UsageError: The split has no target of a user.
        """
        data, excluded = self.data, (seen_items or self.seen_items) == "exclude"
        if split == "all":
            histories = splits.whole_histories(data, self._max_length)
        else:
            histories = splits.evaluation_prefixes(data, split, self._max_length)
        table = SequenceTable.of(data, histories, self._max_length, self._device)
        owners = np.array(data.users)[histories.users]
        held_out = set(owners.tolist())
        if lacking := [f"'{name}'" for name in names or () if name not in held_out]:
            what = {"valid": "validates", "test": "tests"}.get(split)
            raise UsageError(f"nothing {what} of {', '.join(the_first(lacking, 3))}: the run's split is {by_time.label(self._split)}.")
        wanted = np.isin(owners, np.array(names)) if names is not None else np.ones(len(histories), dtype=bool)
        for rows, scores in scored(self._backbone, table, batch_size=self._batch_size, wanted=wanted):
            demand_numbers(scores.sum())
            read = histories.take(rows.cpu().numpy())
            seen = torch.from_numpy(splits.seen(data, read)).to(self._device)
            items, values = _top(scores, count, seen if excluded else None)
            targets = table.targets[rows]
            ranks = getattr(ranked(scores, targets, seen)[0], "exclude" if excluded else "keep").tolist() if table.has_targets else None
            for place in np.flatnonzero(wanted[rows.cpu().numpy()]).tolist():
                user = int(read.users[place])
                target = None
                if ranks is not None:
                    rank = ranks[place] if ranks[place] <= data.num_items else None
                    target = Target(*self._named(int(targets[place])), rank)
                history = data.sequence(user)[: read.visible[place]].tolist()
                yield self._told(data.users[user], history, items[place], values[place], target)

    @torch.no_grad()
    def after(self, history: Sequence[str], *, count: int, seen_items: SeenItems | None = None) -> Recommendations:
        """A list for whoever has chosen these items, oldest first, and of whom nothing else is known.

        Raises:
            SraclError: A score is not a number.
        """
        numbers = [1 + self.data.item_ids.index(item) for item in history]
        read = torch.tensor([numbers[-self._max_length :]], device=self._device)
        lengths = torch.tensor([read.shape[1]], device=self._device)
        self._backbone.eval()
        scores = score(self._backbone, self._backbone.encode(*self._backbone.prepare(read, lengths)), read)
        demand_numbers(scores.sum())
        seen = torch.tensor([sorted(set(numbers))], device=self._device)
        items, values = _top(scores, count, seen if (seen_items or self.seen_items) == "exclude" else None)
        return self._told("", numbers, items[0], values[0], None)

    def _told(self, user: str, history: list[int], items: list[int], scores: list[float], target: Target | None) -> Recommendations:
        return Recommendations(
            user=user,
            known=len(history),
            latest=tuple(Item(*self._named(item)) for item in history[-self.LATEST :]),
            items=tuple(Recommended(*self._named(item), score) for item, score in zip(items, scores, strict=True) if item),
            target=target,
        )

    def _named(self, item: int) -> tuple[str, str]:
        return self.data.item_ids[item - 1], self.data.texts[item - 1].title


def typed_items(history: Sequence[str], known: Sequence[str]) -> list[str]:
    """The items of a history as it was typed, the latest last.

    Args:
        history: Texts, each an item or several with commas between them.
        known: Items of the data set: a text that is one of them is that, with its commas.
    """
    there = set(known)
    parts = [[text.strip()] if text.strip() in there else text.split(",") for text in history]
    return [item.strip() for part in parts for item in part if item.strip()]


def _top(scores: Tensor, count: int, left_out: Tensor | None) -> tuple[list[list[int]], list[list[float]]]:
    """Ids of each row's items, the best first, 0 where there are fewer, and their scores."""
    items = top_items(scores, count, left_out)
    values = scores.gather(1, items.clamp(min=1) - 1)
    return items.tolist(), [[float(f"{value:.7g}") for value in row] for row in values.tolist()]  # float32 has seven digits
