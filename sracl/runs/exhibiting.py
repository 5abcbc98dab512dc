"""Writes the exhibit of a trained run: some users and items with their texts, neighbours and the weights that training gave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sracl.data import splits
from sracl.engine.seeding import derive
from sracl.objectives.cross_sequence import CrossSequence
from sracl.registry.catalog import bare
from sracl.runs import stages
from sracl.runs.exhibit import FILE, Item, Neighbour, Sequence, write
from sracl.runs.semantic_view import cosines, title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.recipes.plan import RunPlan
    from sracl.runs.parts import Parts
    from sracl.runs.workshop import Workshop

USERS = 500
"""Users shown, drawn by the run's seed."""
ITEMS = 4000
"""Items shown at least: those of the users' sequences, then the ones chosen most in training."""
_LETTERS = 300
"""Of a text."""


def exhibit(run: RunPlan, shop: Workshop, parts: Parts, folder: Path) -> Path | None:
    """Write the exhibit of a run that used texts; None, and no file, for one that used none.

    Draws from no stream of the run, and leaves them and the model as they were.
    """
    kinds = {name.partition(".")[2] for name in parts.artifacts}
    if not kinds:
        return None
    data = parts.data
    prefixes = splits.user_prefixes(data, run.values["data"]["max_length"])
    rng = np.random.default_rng(derive(run.seed, "exhibit"))
    drawn = np.sort(rng.permutation(len(prefixes))[:USERS])
    histories = {int(prefixes.users[row]): data.items[prefixes.starts[row] : prefixes.stops[row]] for row in drawn}
    sequences = _sequences(run, shop, parts, histories) if "sequences" in kinds else _unlike(data, histories)
    known = _items(run, shop, data, _shown(data, histories.values())) if "items" in kinds else {}
    facts = {
        "dataset": data.name,
        "users": len(sequences),
        "items": len(known),
        "has_items": "items" in kinds,
        "has_sequences": "sequences" in kinds,
        "weighed_by": _synthesizer_name(run.values, parts),
        "substitution": _substitution(run.values),
    }
    file = folder / FILE
    write(file, facts=facts, items=[*known.values(), *_named(data, known, sequences)], sequences=sequences)
    return file


def _sequences(run: RunPlan, shop: Workshop, parts: Parts, histories: Mapping[int, NDArray[np.int64]]) -> list[Sequence]:
    """The users' last training sequences, with their neighbours and weights."""
    data = parts.data
    tables, made = shop.neighbours("sequences", run, data)
    owners = tables.pool.users[tables.rows]  # of each training sample; sorted, as samples are
    samples = {user: int(np.searchsorted(owners, user, side="right")) - 1 for user in histories}
    chosen = np.array(list(samples.values()), dtype=np.int64)
    weights = _weights(parts, chosen)
    near = tables.ids[chosen]
    texts = stages.some_texts(made, {*tables.rows[chosen].tolist(), *near[near >= 0].tolist()})
    found = []
    for place, (user, sample) in enumerate(samples.items()):
        itself = int(tables.rows[sample])
        columns = np.flatnonzero(near[place] >= 0)
        others = near[place][columns]
        similar = cosines(tables.vectors, itself, others)
        neighbours = tuple(
            Neighbour(
                name=f"{data.users[tables.pool.users[other]]} up to {tables.pool.visible[other]}",
                items=tuple(data.items[tables.pool.starts[other] : tables.pool.stops[other]].tolist()),
                text=_cut(texts[other]),
                similarity=round(cosine, 4),
                weight=None if weights is None else round(float(weights[place, column]), 4),
            )
            for column, other, cosine in zip(columns.tolist(), others.tolist(), similar, strict=True)
        )
        found.append(Sequence(user, data.users[user], tuple(histories[user].tolist()), _cut(texts[itself]), neighbours))
    return found


def _unlike(data: Interactions, histories: Mapping[int, NDArray[np.int64]]) -> list[Sequence]:
    """The same of a run that looks for no neighbours of sequences."""
    return [Sequence(user, data.users[user], tuple(items.tolist())) for user, items in histories.items()]


def _weights(parts: Parts, samples: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """Shares of the neighbours of some training samples, float [N, k], as after the last epoch and without dropout."""
    objective = _cross(parts)
    if objective is None:
        return None
    synthesizer = objective.synthesizer
    module = synthesizer if isinstance(synthesizer, torch.nn.Module) else None
    was_training = module is not None and module.training
    streams = parts.streams.state()  # a synthesizer may draw
    rows = torch.from_numpy(samples).to(objective.neighbours.ids.device)
    try:
        if module is not None:
            module.eval()
        with torch.no_grad():
            ids = objective.neighbours.ids[rows]
            weights = synthesizer(objective.neighbours.rows[rows], ids) * (ids >= 0)
    finally:
        if module is not None:
            module.train(was_training)
        parts.streams.restore(streams)
    table: NDArray[np.float32] = weights.float().cpu().numpy()
    return table


def _cross(parts: Parts) -> CrossSequence | None:
    return next((each.objective for each in parts.objectives if isinstance(each.objective, CrossSequence)), None)


def _synthesizer_name(values: Mapping[str, Any], parts: Parts) -> str | None:
    if _cross(parts) is None:
        return None
    return next((str(table["synthesizer"]["use"]) for table in values["objective"] if table.get("synthesizer") and table["weight"]), None)


def _substitution(values: Any) -> dict[str, Any] | None:
    """Parameters of the first `semantic_substitute` that a run uses, wherever it stands."""
    if isinstance(values, Mapping):
        if bare(str(values.get("use"))) == "semantic_substitute":
            return {"ratio": values["ratio"], "count": values["count"]}
        if values.get("weight") == 0:
            return None
        values = list(values.values())
    inner = (_substitution(value) for value in values) if isinstance(values, (list, tuple)) else ()
    return next(filter(None, inner), None)


def _shown(data: Interactions, histories: Iterable[NDArray[np.int64]]) -> list[int]:
    """Items of the histories, then those that were chosen most in training, until there are enough."""
    popular = np.argsort(-splits.training_counts(data), kind="stable") + 1
    first = np.unique(np.concatenate([*histories, np.empty(0, dtype=np.int64)])).tolist()
    return list(dict.fromkeys([*first, *popular.tolist()]))[: max(ITEMS, len(first))]


def _items(run: RunPlan, shop: Workshop, data: Interactions, shown: Iterable[int]) -> dict[int, Item]:
    tables, made = shop.neighbours("items", run, data)
    texts = stages.some_texts(made, {item - 1 for item in shown})
    found = {}
    for item in shown:
        near = tables.neighbours[item][tables.neighbours[item] > 0]
        similar = cosines(tables.vectors, item, near)
        neighbours = tuple((other, round(cosine, 4)) for other, cosine in zip(near.tolist(), similar, strict=True))
        found[item] = Item(item, data.item_ids[item - 1], title(data, item), _cut(texts[item - 1]), neighbours)
    return found


def _named(data: Interactions, known: Mapping[int, Item], sequences: Iterable[Sequence]) -> Iterator[Item]:
    """Items that are only named by others."""
    named = {other for item in known.values() for other, _ in item.neighbours or ()}
    for sequence in sequences:
        named.update(sequence.items, *(near.items for near in sequence.neighbours or ()))
    for item in sorted(named - known.keys()):
        yield Item(item, data.item_ids[item - 1], title(data, item))


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
