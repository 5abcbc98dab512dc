"""Whether the components of a recipe go together, as far as their sources say what they need.

What only a component itself can tell, `sracl.runs.agreement` asks it once it is built, and `sracl.engine.step` as it asks for states.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sracl.errors import PluginError, UsageError
from sracl.recipes.checks import trainings
from sracl.registry.sayings import Untold, said, takes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sracl.interfaces import Predicts
    from sracl.recipes.checks import Found
    from sracl.recipes.lines import Path
    from sracl.registry.card import Card
    from sracl.registry.catalog import Catalog

_ASKED: dict[Predicts, str] = {"next": "the state of the latest item", "mask": "a MASK behind the history"}


def disagreements(cat: Catalog, values: Mapping[str, Any], idle: Iterable[Path]) -> Found:
    """What does not go together, and where.

    Args:
        cat: What is registered.
        values: Complete, as far as they could be made so; what is wrong with a component by itself is said elsewhere.
        idle: Paths of components that the run is built without.
    """
    objectives = [entry for entry in values["objective"] if ("objective", entry["id"]) not in idle]
    for check in (_prediction, _bias):
        with suppress(Untold, UsageError, PluginError):
            yield from list(check(cat, values, objectives))
    for at, holder in trainings(values):
        for entry in holder["objective"]:
            if (*at, entry["id"]) not in idle:
                with suppress(Untold, UsageError, PluginError):
                    yield from list(_states(cat, values, entry, (*at, entry["id"])))


def _prediction(cat: Catalog, values: Mapping[str, Any], objectives: Sequence[Mapping[str, Any]]) -> Found:
    """It teaches what is asked when items are ranked."""
    asked = said(_card(cat, "backbone", values["backbone"]), "predicts")
    taught = {entry["id"]: said(_card(cat, "objective", entry), "predicts") for entry in objectives}
    taught = {name: what for name, what in taught.items() if what is not None}
    if asked is not None and taught and asked not in taught.values():
        yield ("objective", next(iter(taught))), untaught(asked, values["backbone"]["use"], list(taught))


def _bias(cat: Catalog, values: Mapping[str, Any], objectives: Sequence[Mapping[str, Any]]) -> Found:
    """It trains the bias that histories are given, by a loss that takes one."""
    if "history_bias" not in values:
        return
    training = [entry for entry in objectives if said(_card(cat, "objective", entry), "trains_bias")]
    if objectives and not training:
        yield ("history_bias",), untrained([entry["id"] for entry in objectives])
    for entry in training:
        loss = entry.get("loss")
        if isinstance(loss, dict) and not takes(_card(cat, "loss", loss), "bias"):
            yield ("objective", entry["id"], "loss"), biasless(loss["use"])


def _states(cat: Catalog, values: Mapping[str, Any], objective: Mapping[str, Any], at: Path) -> Found:
    """The backbone has what an objective compares."""
    has_states = said(_card(cat, "backbone", values["backbone"]), "has_states")
    if has_states is False and said(_card(cat, "objective", objective), "compares_states"):
        yield at, stateless(objective["use"], values["backbone"]["use"])


def _card(cat: Catalog, kind: str, table: Mapping[str, Any]) -> Card:
    """The card of a component.

    Raises:
        Untold: The table does not name one.
        UsageError: There is no such component.
    """
    name = table.get("use")
    if not isinstance(name, str):
        raise Untold
    return cat.find(kind, name)


def untaught(asked: Predicts, backbone: str, objectives: Sequence[str]) -> str:
    """Items are ranked by a state that none of the objectives, of which there are some, trains."""
    other = "cloze" if asked == "mask" else "next_item"
    return (
        f"Items are ranked by {_ASKED[asked]} with the backbone {backbone}, which no objective trains: "
        f"{', '.join(objectives)} predict{'s' if len(objectives) == 1 else ''} from another. Use {other}, or another backbone."
    )


def untrained(objectives: Sequence[str]) -> str:
    """The bias of histories would stay as it began."""
    return (
        f"None of the objectives ({', '.join(objectives)}) trains it. next_item and cloze do; leave [history_bias] out, or use one of them."
    )


def biasless(loss: str) -> str:
    """The loss of an objective that trains a bias takes none."""
    return (
        f"{loss} takes no bias, so that [history_bias] would be learned by nothing. "
        "cross_entropy, sampled_softmax and binary_cross_entropy take one; leave [history_bias] out, or use one of them."
    )


def stateless(who: str, backbone: str) -> str:
    """States are compared, and there are none."""
    return (
        f"{who} compares states, and the backbone {backbone} has none: it scores candidates against a history. "
        "Take objectives that ask for scores, as pairwise_ranking does, or another backbone."
    )
