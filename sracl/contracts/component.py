"""A component as `sracl check` tries it: with its parameters, and made as often as a promise needs it new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.contracts.given import Given
from sracl.interfaces import SLOTS, EpochHook, SequenceSpec
from sracl.registry import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sracl.registry.catalog import Catalog


@dataclass(frozen=True)
class Component:
    """A component with its parameters, which can be made again and again."""

    cat: Catalog
    kind: str
    bound: Mapping[str, Any]
    """Its table, as `parameters.bind` completes it."""

    def asks_for(self, name: str) -> bool:
        """Whether it, or what stands in its slots, asks the run for this."""
        return name in parameters.needs(self.cat, self.kind, self.bound)

    def made(self, spec: SequenceSpec, **known: Any) -> Any:
        """A new one, an epoch begun.

        Args:
            spec: Of the data that it is made for.
            **known: What it is given, where the suite says what that is.

        Raises:
            PluginError: It cannot be imported, or refuses its arguments.
        """
        given = Given(spec, known)
        hooks: list[EpochHook] = []

        def note(part: Any) -> None:
            if isinstance(part, EpochHook):
                hooks.append(part)

        component = parameters.build(self.cat, self.kind, self.bound, given, self.kind, note)
        for hook in hooks:
            hook.begin_epoch(given.snapshot())
        return component

    @property
    def protocol(self) -> str:
        """What a component of its kind has to be; losses are told apart by what they are called with."""
        if self.kind == "loss":
            called_with = parameters.signature(self.cat.find("loss", self.bound["use"])).called_with
            return "ContrastiveLoss" if called_with and called_with[0] == "anchor" else "RankingLoss"
        return next(protocol for protocol, filled in SLOTS.items() if filled == self.kind)
