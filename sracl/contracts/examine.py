"""Any component held to the promises of its kind: what `sracl check` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.contracts.component import Component
from sracl.contracts.given import NUM_USERS
from sracl.contracts.promises import Broken, Outcome, outcome, outcomes
from sracl.contracts.suites import NUM_ITEMS, SUITES
from sracl.interfaces import SequenceSpec
from sracl.registry import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sracl.registry.catalog import Catalog


def examine(cat: Catalog, kind: str, bound: Mapping[str, Any]) -> Iterator[Outcome]:
    """Try every promise of a kind; where the component cannot even be made, that alone.

    Args:
        cat: What is registered.
        kind: One of `SUITES`.
        bound: The component's table, as `parameters.bind` completes it.

    Raises:
        PluginError: Its module cannot be imported or read.
    """
    card = cat.find(kind, bound["use"])
    taken = parameters.signature(card)
    cat.load(card)
    component = Component(cat, kind, bound)
    probes: list[Any] = []

    def probe() -> None:
        for misfit in parameters.misfits(card, taken, component.protocol):
            raise Broken("what a recipe and a run can make use of", misfit)
        probes.append(component.made(SequenceSpec(NUM_ITEMS, 8, has_mask=True, num_users=NUM_USERS)))

    first = outcome("Can be made of its parameters and of what a run gives", probe, taken.path)
    yield first
    if first.holds:
        yield from outcomes(SUITES[kind](component, probes[0]), taken.path)
