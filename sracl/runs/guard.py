"""The leak guard: what a stage has read of each user is kept beside what it made, and held to before that is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sracl.errors import DataError
from sracl.semantics import embeddings
from sracl.semantics.reach import beyond_training, reach

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes
    from sracl.runs.artifacts import Artifact

REACH = "reach.npy"
"""Highest position read of each user, int32 [U]: a file of every artifact that has read interactions."""


@dataclass(frozen=True, eq=False)
class Guard:
    """How far into each user's history the recipe lets a chain of stages read."""

    interactions: Interactions
    reads: Literal["train", "validation"]
    reached: NDArray[np.int32]
    """Highest position of each user, int32 [U], counted from 1; 0 where nothing of a user is read."""

    @classmethod
    def over(cls, interactions: Interactions, prefixes: Prefixes, *, pool: Literal["train", "all"], what: str) -> Guard:
        """A guard over what these rows read.

        Args:
            interactions: The data.
            prefixes: Everything that is read of it.
            pool: `all` where the recipe lets validation items in.
            what: The rows, for the message.

        Raises:
            DataError: They read what validates, and the recipe does not say so, or what tests.
        """
        guard = cls(interactions, "train" if pool == "train" else "validation", reach(interactions, prefixes))
        if guard.furthest > (pool == "all"):
            raise DataError(f"{what} would read {guard.furthest} beyond the last training interaction of a user")
        return guard

    @property
    def furthest(self) -> int:
        """How far beyond the last that trains at most, as `beyond_training`."""
        return beyond_training(self.interactions, self.reached)

    def note(self, folder: Path) -> dict[str, Any]:
        """Leave word of it in an artifact that is being made; returns facts for it."""
        embeddings.save(self.reached, folder / REACH)
        return {"reads": self.reads, "furthest": self.furthest}

    def check(self, made: Artifact) -> None:
        """Refuse an artifact that has read other interactions than the recipe lets it.

        Raises:
            DataError: By its facts or by its positions it has, or it does not say.
        """
        if reason := self._objection(made):
            raise DataError(
                f"{made.folder} is refused: {reason}. Remove the folder to have it made anew. (Validation items are let into training by "
                'pool = "all" under [semantics.sequences] alone, and such a run is stamped leaky.)'
            )

    def _objection(self, made: Artifact) -> str:
        """What speaks against an artifact, as the middle of a sentence; empty if nothing does."""
        if REACH not in made.files:
            return "it does not say what it has read of each user"
        reached: NDArray[np.int32] = np.load(made.folder / REACH, allow_pickle=False)
        if reached.shape != self.reached.shape:
            return f"it has read {len(reached):,} users, and the data set has {len(self.reached):,}"
        if len(others := np.flatnonzero(reached != self.reached)):
            user = others[np.argmax((reached - self.reached)[others])]
            last = self.interactions.trained[user]
            return (
                f"of user '{self.interactions.users[user]}' it has read up to position {reached[user]}, and due is {self.reached[user]} "
                f"(the last that trains is {last}); so with {len(others):,} users"
            )
        said = made.facts.get("reads"), made.facts.get("furthest")
        if said != (self.reads, self.furthest):
            return f"it says that it read {said[0]} data up to {said[1]} beyond what trains, and due is {self.reads} up to {self.furthest}"
        return ""
