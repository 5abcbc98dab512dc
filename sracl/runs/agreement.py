"""Whether the parts of one training go together, as far as they say what they need: asked before anything is trained.

What their sources tell is asked where the recipe is read, by `sracl.recipes.agreement`; here are those that only tell when built.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from sracl.errors import PluginError
from sracl.recipes.agreement import biasless, untaught, untrained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sracl.backbones.base import Backbone
    from sracl.data.interactions import Interactions
    from sracl.data.samples import SequenceTable
    from sracl.data.splits import Prefixes
    from sracl.engine.step import Weighted
    from sracl.interfaces import Reads


def demand_training_only(interactions: Interactions, rows: Prefixes, where: str) -> None:
    """Refuse samples that read or predict what validates or tests.

    Args:
        interactions: The data.
        rows: What a sampler made of it.
        where: Path of the sampler in the recipe.

    Raises:
        PluginError: They do.
    """
    positions = rows.stops - interactions.offsets[rows.users] + (rows.targets != 0)  # the furthest one read or predicted
    beyond = positions - interactions.trained[rows.users]
    if (beyond > 0).any():
        user = interactions.users[rows.users[beyond.argmax()]]
        raise PluginError(
            f"{where}: {(beyond > 0).sum():,} of {len(rows):,} samples read or predict what validates or tests, up to {beyond.max()} "
            f"beyond the last training interaction of user '{user}'. A sampler makes samples of the "
            "first `interactions.trained` interactions of each user alone."
        )


def demand_targets(
    values: Mapping[str, Any], backbone: Backbone, samples: SequenceTable, objectives: Sequence[Weighted], *, at: str = ""
) -> None:
    """Refuse objectives that cannot learn from these samples.

    Args:
        values: The tables of the training: `samples` and `objective`.
        backbone: What is trained.
        samples: What the sampler made.
        objectives: In the order of their tables.
        at: Begins the paths of its tables.

    Raises:
        PluginError: An objective needs targets, and there are none, or there is one of each position.
    """
    sampler = values["samples"]["use"]
    for part, table in zip(objectives, values["objective"], strict=True):
        reads: Reads | None = getattr(part.objective, "reads_targets", None)
        for what in _targets(reads, samples, backbone):
            raise PluginError(f"{at}objective.{part.id}: {table['use']} does not go with the samples of '{sampler}': {what}")


def _targets(reads: Reads | None, samples: SequenceTable, backbone: Backbone) -> Iterator[str]:
    """What keeps an objective from learning from these targets."""
    if reads and not samples.has_targets:
        yield 'it learns from the item after each sequence, and these have none. Use samples = "prefix".'
    if reads == "one" and samples.each_position:
        yield 'it takes one target a sequence, and these have one at every position. Use samples = "prefix".'
    if reads and samples.each_position and not backbone.keeps_causal:
        name = type(backbone).__name__
        yield f'every position would predict the item after it, which the backbone {name} lets it see. Use samples = "prefix".'


def demand_prediction(backbone: Backbone, objectives: Sequence[Weighted]) -> None:
    """Refuse a last training that does not teach what is asked when items are ranked.

    Raises:
        PluginError: Its objectives predict from other states alone than the backbone is asked for.
    """
    taught = {part.id: part.objective.predicts for part in objectives if hasattr(part.objective, "predicts")}
    if taught and backbone.predicts not in taught.values():
        raise PluginError(f"objective.{next(iter(taught))}: {untaught(backbone.predicts, type(backbone).__name__, list(taught))}")


def demand_bias(objectives: Sequence[Weighted]) -> None:
    """Refuse a last training that would leave the bias of histories as it began.

    Raises:
        PluginError: None of its objectives trains it, or one has a loss that does not take it.
    """
    training = {part.id: part.objective for part in objectives if getattr(part.objective, "trains_bias", False)}
    if not training:
        raise PluginError(f"history_bias: {untrained([part.id for part in objectives])}")
    for name, objective in training.items():
        loss: Any = getattr(objective, "loss", None)
        if loss is None or "bias" not in signature(loss).parameters:
            raise PluginError(f"objective.{name}.loss: {biasless(_name(loss))}")


def _name(loss: Any) -> str:
    """Of a class or a function, with its parameters bound or not."""
    function = getattr(loss, "func", loss)
    return str(getattr(function, "__name__", type(loss).__name__))
