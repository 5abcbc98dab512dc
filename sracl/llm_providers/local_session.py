"""Requests of one call while a model on this machine answers them: batch by batch, each stored before it counts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import torch

from sracl import memory
from sracl.errors import DataError, ResourceError
from sracl.llm_providers import completion
from sracl.llm_providers.desk import Desk, Paid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sracl.llm_providers.answers import Answers
    from sracl.llm_providers.asking import Due
    from sracl.llm_providers.causal_model import CausalModel, Written
    from sracl.llm_providers.desk import Entry

_TRIED_AGAIN_AT = 0.7
"""Temperature of tries after the first, at least: what was the likeliest answer is no answer."""


@dataclass(frozen=True)
class Waiting:
    """A request without an answer."""

    due: Due
    tokens: Sequence[int]
    """Of the prompt, as the model reads it."""
    tried: int
    """Replies so far, which were no answers."""

    @property
    def limit(self) -> int:
        """Tokens of the answer at most."""
        return int(self.due.request.body["max_tokens"])

    @property
    def room(self) -> int:
        """Tokens of prompt and answer together."""
        return len(self.tokens) + self.limit

    @property
    def seed(self) -> int:
        """Of the draws of the next try."""
        return int.from_bytes(hashlib.sha256(f"{self.due.request.key} {self.tried}".encode()).digest()[:7])


class LocalSession:
    """The requests of one call while they are answered."""

    def __init__(
        self,
        model: CausalModel,
        answers: Answers,
        *,
        temperature: float,
        top_p: float,
        attempts: int,
        batch_size: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Write nothing yet.

        Args:
            model: Writes the answers.
            answers: Where they are stored.
            temperature: Of first tries; 0 for the likeliest tokens.
            top_p: Part of the probability that tokens are drawn from.
            attempts: Times that an answer is written while replies are no answers.
            batch_size: Answers written at a time.
            progress: Told how many requests of how many are settled.
        """
        self.model = model
        self.answers = answers
        self.temperature = temperature
        self.top_p = top_p
        self.attempts = attempts
        self.batch_size = batch_size
        self.progress = progress

    def settle(self, due: Sequence[Due], total: int) -> None:
        """Have each of these answered, or put down why it cannot be.

        Raises:
            DataError: The model cannot read them to their end.
            ResourceError: Memory does not suffice; batches that were done are kept.
        """
        tried = self.answers.rejected([one.request.key for one in due])
        waiting = [Waiting(one, self.model.read(one.request.body["messages"]), tried[one.request.key]) for one in due]
        self._demand_room(waiting)
        settled = total - len(due)
        with Desk(self.answers) as desk:
            desk.declare(due[0].request)
            while waiting:
                again: list[Waiting] = []
                for batch in batches(waiting, self.batch_size):
                    written = self._write(batch)
                    with desk.write() as entry:
                        left = [one for one, said in zip(batch, written, strict=True) if not self._settle(entry, one, said)]
                    memory.release()
                    again += [replace(one, tried=one.tried + 1) for one in left]
                    settled += len(batch) - len(left)
                    if self.progress is not None:
                        self.progress(settled, total)
                waiting = again

    def _demand_room(self, waiting: Sequence[Waiting]) -> None:
        """Refuse prompts that the model cannot read to their end, before the first is answered."""
        context = self.model.context
        longer = [one for one in waiting if context is not None and one.room > context]
        if longer:
            worst = max(longer, key=lambda one: one.room)
            raise DataError(
                f"{self.model.name} takes {context:,} tokens of prompt and answer together, and {len(longer):,} of {len(waiting):,} "
                f"prompts need more: up to {len(worst.tokens):,}, with {worst.limit:,} for the answer. A prompt with a smaller `budget` "
                "leaves out more of the oldest items, and a smaller max_output leaves less for answers."
            )

    def _write(self, batch: Sequence[Waiting]) -> list[Written]:
        try:
            return self.model.write(
                [one.tokens for one in batch],
                batch[0].limit,
                temperature=max(self.temperature, _TRIED_AGAIN_AT) if batch[0].tried else self.temperature,
                top_p=self.top_p,
                seeds=[one.seed for one in batch],
            )
        except torch.OutOfMemoryError as error:
            half = len(batch) // 2
            less = f"with batch_size = {half} the same command goes on" if half else "shorter prompts, by a smaller `budget`, take less"
            raise ResourceError(
                f"the GPU has no memory for {len(batch):,} answers of {self.model.name} at a time. What was written is kept: {less}."
            ) from error

    def _settle(self, entry: Entry, waiting: Waiting, written: Written) -> bool:
        """Put down what was written; whether nothing more is to be tried."""
        due = waiting.due
        attempt = entry.begin(due.request, 0)
        if not isinstance(attempt, int):  # another process has written it meanwhile
            return True
        paid = Paid(written.tokens_in, written.tokens_out, cost=0)
        said = completion.Said(written.text, "length" if written.is_cut else "stop", False, {"completion_tokens": written.tokens_out})
        fault = completion.fault(due.prompt, said)
        if fault is None:
            entry.answer(attempt, written.text, paid)
            return True
        # none is for good by itself: what is drawn next is another reply, which may also come to an end
        is_last = (waiting.tried + 1) % self.attempts == 0
        entry.end(attempt, "rejected", fault.reason, paid=paid, reply=written.text, for_good=is_last)
        return is_last


def batches(waiting: Sequence[Waiting], size: int) -> list[Sequence[Waiting]]:
    """Prompts of about one length together, since padding costs as much as text; the longest first, so that memory fails early.

    First tries and later ones are drawn otherwise, and are never together. The answers of a batch have one limit: a longer one
    would take a prompt that has just room enough beyond the model's context.
    """

    def alike(one: Waiting) -> tuple[bool, int]:
        return one.tried == 0, one.limit

    ordered = sorted(waiting, key=lambda one: (*alike(one), len(one.tokens)), reverse=True)
    groups = [list(group) for _, group in groupby(ordered, key=alike)]
    return [group[begin : begin + size] for group in groups for begin in range(0, len(group), size)]
