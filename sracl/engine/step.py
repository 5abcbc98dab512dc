"""One training step: objectives ask for states, everything is encoded at once, objectives answer with their terms."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sracl.errors import PluginError
from sracl.interfaces import BATCH, VIEW, Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sracl.interfaces import Backbone, Batch, Bias, Objective, Precision, Want

Key = tuple[str, str]


@dataclass(frozen=True)
class Weighted:
    """An objective with the recipe's id and weight."""

    id: str
    weight: float
    objective: Objective


class _Answers:
    """The encoded states as one objective sees them."""

    def __init__(
        self, backbone: Backbone, states: Mapping[Key, Tensor], asker: str, wants: Mapping[str, Want], table: list[Tensor]
    ) -> None:
        self._backbone = backbone
        self._states = states
        self._asker = asker
        self._wants = wants
        self._table = table

    def __getitem__(self, key: str) -> Tensor:
        demand_states(self._backbone, f"objective '{self._asker}'")
        states = self._asked(key)
        # of a shared request another objective may have wanted all positions
        return states[:, -1] if self._wants[key] == "last" and states.ndim == 3 else states

    @property
    def item_table(self) -> Tensor:
        if not self._table:  # computed once a step, shared by all objectives
            self._table.append(self._backbone.item_table())
        return self._table[0]

    def score(self, key: str, candidates: Tensor, users: Tensor | None = None) -> Tensor:
        states = self._asked(key)
        return self._backbone.score(states[:, -1] if states.ndim == 3 else states, users=users, candidates=candidates)

    def _asked(self, key: str) -> Tensor:
        if key not in self._wants:
            raise PluginError(f"objective '{self._asker}' reads states of '{key}', and has requested {', '.join(self._wants) or 'none'}")
        return self._states[_full(self._asker, key)]

    def table(self, name: str) -> Tensor:
        return self._backbone.table(name)

    @property
    def has_bias(self) -> bool:
        return self._backbone.history_bias is not None

    def bias(self, items: Tensor) -> Bias:
        if self._backbone.history_bias is None:
            raise ValueError("the recipe has no [history_bias]; ask has_bias first")
        return self._backbone.history_bias(items)


def demand_states(backbone: Backbone, who: str) -> None:
    """Refuse to hand out states that mean nothing.

    Raises:
        PluginError: The backbone has none.
    """
    if not backbone.has_states:
        raise PluginError(
            f"{who} compares states, and the backbone {type(backbone).__name__} has none: it scores candidates against a history. "
            "Take objectives that ask for scores, as pairwise_ranking does, or another backbone."
        )


def training_loss(
    backbone: Backbone, objectives: Sequence[Weighted], batch: Batch, *, precision: Precision = "float32"
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all terms for one batch, and each term by its objective's id (detached, unweighted).

    The sequences of all requests that share mask and gradient mode are concatenated, trimmed to the longest, and encoded
    in one call: the one place where a precision below float32 is in force. Objectives get float32 states and an item table of
    float32, and scores are taken in it.

    Raises:
        PluginError: An objective or the backbone refused what it got, by a ValueError; states are asked of a backbone without, or
            were not requested; they have a wrong shape; a loss is not one number; or an objective wrote to the batch.
        ValueError: One key was requested with two different sets of sequences.
        RuntimeError: An objective did not follow the protocol of `interfaces.Term`.
    """
    running = []
    versions = _versions(batch)
    requests: dict[Key, Request] = {}
    askers: dict[Key, list[str]] = {}
    for part in objectives:
        term = part.objective.term(batch)
        if not isinstance(term, Generator):
            raise PluginError(f"objective '{part.id}': its term should yield requests before it returns the loss, and has no yield")
        try:
            with _in_words(part.id):
                asked = next(term)
        except StopIteration:
            raise RuntimeError(f"objective '{part.id}' asked for nothing; a term yields its requests once, if only an empty list") from None
        _demand_unwritten(batch, versions, part.id)
        for request in asked:
            key = _full(part.id, request.key)
            requests[key] = _merge(key, requests.get(key), request)
            askers.setdefault(key, []).append(part.id)
        running.append((part, term, {request.key: request.want for request in asked}))

    states = _encode(backbone, requests, askers, precision)
    table: list[Tensor] = []
    terms: dict[str, Tensor] = {}
    total = torch.zeros((), device=batch.inputs.device)
    for part, term, wants in running:
        try:
            with _in_words(part.id):
                term.send(_Answers(backbone, states, part.id, wants, table))
        except StopIteration as finished:
            value: Tensor = finished.value
        else:
            raise RuntimeError(f"objective '{part.id}' asked twice in one step; a term yields its requests once")
        _demand_unwritten(batch, versions, part.id)
        if not isinstance(value, Tensor) or value.numel() != 1:
            got = f"a tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise PluginError(f"objective '{part.id}': its loss should be a tensor of one number, such as a mean over rows, got {got}")
        terms[part.id] = value.detach()
        total = total + part.weight * value
    return total, terms


@contextmanager
def _in_words(*ids: str) -> Iterator[None]:
    """What a component refuses on behalf of some objectives.

    Raises:
        PluginError: It raised a ValueError.
    """
    try:
        yield
    except ValueError as error:
        names = ", ".join(f"'{name}'" for name in dict.fromkeys(ids))
        raise PluginError(f"{'objectives' if ',' in names else 'objective'} {names}: {error}") from error


def _versions(batch: Batch) -> dict[str, int]:
    """How often each part of the batch was written to."""
    return {name: part._version for name, part in vars(batch).items()}


def _demand_unwritten(batch: Batch, versions: Mapping[str, int], asker: str) -> None:
    """The batch is everybody's: what one objective or its augmenter wrote to it, the others would be trained on.

    Raises:
        PluginError: It was written to.
    """
    written = [name for name, version in _versions(batch).items() if version != versions[name]]
    if written:
        raise PluginError(f"objective '{asker}', or a part of it, wrote to the batch's {written[0]}, which all share; clone it first")


def _full(asker: str, key: str) -> Key:
    return ("", key) if key == BATCH or key.startswith(VIEW) else (asker, key)


def _merge(key: Key, known: Request | None, new: Request) -> Request:
    if known is None:
        return new
    if known.items is not new.items or known.mask != new.mask or known.grad != new.grad:
        raise ValueError(f"the key {key[1]!r} was requested for two different sets of sequences")
    return new if new.want == "all" else known


def _encode(
    backbone: Backbone, requests: Mapping[Key, Request], askers: Mapping[Key, Sequence[str]], precision: Precision
) -> dict[Key, Tensor]:
    states: dict[Key, Tensor] = {}
    for mask, grad in dict.fromkeys((request.mask, request.grad) for request in requests.values()):
        together = {key: request for key, request in requests.items() if (request.mask, request.grad) == (mask, grad)}
        lengths = torch.cat([request.lengths for request in together.values()])
        widest = max(request.items.shape[1] for request in together.values())
        longest = int(lengths.max()) if lengths.device.type == "cpu" else widest  # a GPU is not waited for
        items = torch.cat([request.items[:, -longest:] for request in together.values()])
        want: Want = "all" if any(request.want == "all" for request in together.values()) else "last"
        differentiated = nullcontext() if grad else torch.no_grad()
        with differentiated, _autocast(precision, items.device), _in_words(*(name for key in together for name in askers[key])):
            encoded = backbone.encode(items, lengths, mask=mask, want=want)
        wanted = tuple(items.shape) if want == "all" else (len(items),)
        if tuple(encoded.shape[:-1]) != wanted:
            raise PluginError(
                f"the backbone {type(backbone).__name__} should encode items of shape {list(items.shape)} with want='{want}' "
                f"as {[*wanted, 'd']}, got {list(encoded.shape)}".replace("'d'", "d")
            )
        encoded = encoded.to(torch.promote_types(encoded.dtype, torch.float32))
        parts = encoded.split([len(request.lengths) for request in together.values()])
        for (key, request), part in zip(together.items(), parts, strict=True):
            if want == "last":
                states[key] = part
            elif request.want == "last":
                states[key] = part[:, -1]
            else:  # give back the columns that were trimmed
                states[key] = torch.nn.functional.pad(part, (0, 0, request.items.shape[1] - longest, 0))
    return states


def _autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Within, matrix products are taken in this precision. bfloat16 has the range of float32, so that no loss need be scaled."""
    return nullcontext() if precision == "float32" else torch.autocast(device.type, torch.bfloat16)
