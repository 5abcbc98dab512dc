"""Requests of one call while a model on this machine answers them: batch by batch, each stored before it counts."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Waiting:
    """A request without an answer."""

    due: Due
    tokens: Sequence[int]
    """Of the prompt, as the model reads it."""

    @property
    def limit(self) -> int:
        """Tokens of the answer at most."""
        return int(self.due.request.body["max_tokens"])

    @property
    def room(self) -> int:
        """Tokens of prompt and answer together."""
        return len(self.tokens) + self.limit


class LocalSession:
    """The requests of one call while they are answered."""

    def __init__(self, model: CausalModel, answers: Answers, *, batch_size: int, progress: Callable[[int, int], None] | None) -> None:
        """Write nothing yet.

        Args:
            model: Writes the answers.
            answers: Where they are stored.
            batch_size: Answers written at a time.
            progress: Told how many requests of how many are settled.
        """
        self.model = model
        self.answers = answers
        self.batch_size = batch_size
        self.progress = progress

    def settle(self, due: Sequence[Due], total: int) -> None:
        """Have each of these answered, or put down why it cannot be.

        Raises:
            DataError: The model cannot read them to their end.
            ResourceError: Memory does not suffice; batches that were done are kept.
        """
        waiting = [Waiting(one, self.model.read(one.request.body["messages"])) for one in due]
        self._demand_room(waiting)
        settled = total - len(due)
        with Desk(self.answers) as desk:
            for batch in batches(waiting, self.batch_size):
                written = self._write(batch)
                with desk.write() as entry:
                    for one, said in zip(batch, written, strict=True):
                        _put_down(entry, one.due, said)
                memory.release()
                settled += len(batch)
                if self.progress is not None:
                    self.progress(settled, total)

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
            return self.model.write([one.tokens for one in batch], batch[0].limit)
        except torch.OutOfMemoryError as error:
            half = len(batch) // 2
            less = f"with batch_size = {half} the same command goes on" if half else "shorter prompts, by a smaller `budget`, take less"
            raise ResourceError(
                f"the GPU has no memory for {len(batch):,} answers of {self.model.name} at a time. What was written is kept: {less}."
            ) from error


def batches(waiting: Sequence[Waiting], size: int) -> list[Sequence[Waiting]]:
    """Prompts of about one length together, since padding costs as much as text; the longest first, so that memory fails early.

    The answers of a batch have one limit: a longer one would take a prompt that has just room enough beyond the model's context.
    """
    ordered = sorted(waiting, key=lambda one: (one.limit, len(one.tokens)), reverse=True)
    found: list[Sequence[Waiting]] = []
    for _, group in groupby(ordered, key=lambda one: one.limit):
        alike = list(group)
        found += [alike[begin : begin + size] for begin in range(0, len(alike), size)]
    return found


def _put_down(entry: Entry, due: Due, written: Written) -> None:
    attempt = entry.begin(due.request, 0)
    if not isinstance(attempt, int):  # another process has written it meanwhile
        return
    paid = Paid(written.tokens_in, written.tokens_out, cost=0)
    said = completion.Said(written.text, "length" if written.is_cut else "stop", False, {"completion_tokens": written.tokens_out})
    if fault := completion.fault(due.prompt, said):
        entry.end(attempt, "rejected", fault.reason, paid=paid, reply=written.text, for_good=True)
    else:
        entry.answer(attempt, written.text, paid)
