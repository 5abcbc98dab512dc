"""JSON Schema of component tables: `use` decides which other keys there are, and what these accept."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl.errors import PluginError
from sracl.interfaces import VIEW
from sracl.recipes.json_schema.values import OPEN, REFERENCE, REFERS, Schema, about, offered, or_reference, plain, texts
from sracl.recipes.schema import Slot
from sracl.registry.card import Card, spoken
from sracl.registry.parameters import misfits
from sracl.registry.signatures import Parameter, Signature, signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sracl.registry.catalog import Catalog

_UNCHECKED = rf":|{REFERS}"
"""Names of components whose parameters are not known: `package.module:Class`, `distribution:name`, references."""

_DECLARED = rf"^{re.escape(VIEW)}[^:]*$"
"""Names of pairs of views that are declared elsewhere in the recipe."""


@dataclass(frozen=True)
class _Choice:
    """A component as a recipe names it: with its distribution where several have one of that name."""

    name: str
    card: Card
    taken: Signature

    @property
    def summary(self) -> str:
        return self.card.summary or self.taken.summary


@dataclass(frozen=True)
class _Place:
    """Where a component is chosen."""

    title: str
    """Of its definitions."""
    kind: str
    choices: Sequence[_Choice]
    own: Mapping[str, Schema] = field(default_factory=dict)
    """Keys that its tables have whatever the component."""
    by: str = "use"
    """The key that names the component."""
    unchecked: str = _UNCHECKED
    """Pattern of names that say nothing of the other keys."""

    @property
    def names(self) -> list[str]:
        return [choice.name for choice in self.choices]


class Components:
    """Definitions of component tables, each made when it is first asked for.

    Args:
        cat: What is registered. What cannot be read of it is left out and told by `errors`, as `sracl list` does.
    """

    def __init__(self, cat: Catalog) -> None:
        self._cat = cat
        self._known: dict[str, list[_Choice]] = {}
        self.definitions: dict[str, Schema] = {}
        self.errors: list[str] = list(cat.broken)

    def slot(self, slot: Slot) -> Schema:
        """A component by its name alone, or a table."""
        unchecked = _UNCHECKED + (f"|{_DECLARED}" if slot.kind == "view" else "")
        place = _Place(slot.protocol, slot.kind, self._fitting(slot), unchecked=unchecked)

        def made() -> Schema:
            noun = spoken(slot.kind)
            by_name = {"description": f"The name of {noun}, which then has its defaults.", "type": "string", **_listed(place.choices)}
            rules = self._rules(place)
            if slot.kind == "view":
                rules.append({"if": _named(place, {"pattern": _DECLARED}), "then": {"maxProperties": 1, **OPEN}})
            return {
                "description": f"{noun[0].upper()}{noun[1:]}: its name, or a table that names it with `use`.",
                "type": ["object", "string"],
                **OPEN,
                "anyOf": [True, by_name, self._any(place)],
                "if": {"type": "string"},
                "then": {"if": {"pattern": unchecked}, "else": {"enum": place.names}},
                "else": {"allOf": rules, **OPEN},
            }

        return self._defined(slot.protocol, made)

    def entry(self, slot: Slot, own: Mapping[str, Schema]) -> Schema:
        """A table in a list of components, which has keys of its own besides the parameters."""
        place = _Place(f"{slot.protocol}.entry", slot.kind, self._fitting(slot), own)
        return self._defined(place.title, lambda: {**self._table(place), "required": ["id"]})

    def dataset(self, own: Mapping[str, Schema]) -> Schema:
        """The table of a data set. A generated one has parameters; one that is not registered may be a folder of the user's."""
        place = _Place("Dataset", "dataset", self._choices("dataset"), own, by="name")
        bare = {"type": "object", "properties": {**own, "name": {"type": "string"}}, "additionalProperties": False}
        return {**self._table(place, otherwise=bare), "type": ["object", "string"], "then": REFERENCE}

    def _table(self, place: _Place, otherwise: Schema | None = None) -> Schema:
        """What is offered for a table, and what is asked of it."""
        rules = {"if": {"type": "string"}, "else": {"allOf": self._rules(place, otherwise), **OPEN}}
        return {"type": "object", **OPEN, "anyOf": [True, self._any(place)], **rules}

    def _rules(self, place: _Place, otherwise: Schema | None = None) -> list[Schema]:
        """What holds for a table without a name, with each name, and with a name that is neither registered nor unchecked."""
        known = {"anyOf": [{"enum": place.names}, {"type": "string", "pattern": place.unchecked}]}
        return [
            {"if": {"required": [place.by], **OPEN}, "else": self._any(place)},
            *({"if": _named(place, {"const": choice.name}), "then": self._exact(place, choice)} for choice in place.choices),
            {
                "if": {"properties": {place.by: known}, **OPEN},
                "else": otherwise or {"properties": {place.by: {"enum": place.names}}, **OPEN},
            },
        ]

    def _exact(self, place: _Place, choice: _Choice) -> Schema:
        """The table of one component."""
        prefix = place.title if place.own else place.kind

        def made() -> Schema:
            parameters = {parameter.name: self._parameter(parameter) for parameter in choice.taken.parameters.values()}
            properties = {**place.own, place.by: {"const": choice.name}, **parameters}
            said = {"title": choice.name, "description": choice.summary}
            return {**said, "type": "object", "properties": properties, "additionalProperties": False}

        return self._defined(f"{prefix}.{choice.name}", made)

    def _any(self, place: _Place) -> Schema:
        """A table that names no component, since a parent does: it may have a parameter of any."""

        def made() -> Schema:
            having: dict[str, list[tuple[str, Parameter]]] = {}
            for choice in place.choices:
                for parameter in choice.taken.parameters.values():
                    having.setdefault(parameter.name, []).append((choice.name, parameter))
            noun = spoken(place.kind)
            properties = {
                **place.own,
                place.by: {"description": f"Which {noun.partition(' ')[2]}.", **_listed(place.choices)},
                **{name: self._shared(found) for name, found in sorted(having.items())},
            }
            said = f"{noun[0].upper()}{noun[1:]} and its parameters."
            return {"description": said, "type": "object", "properties": properties, "additionalProperties": False}

        return self._defined(f"{place.title}.any", made)

    def _parameter(self, parameter: Parameter) -> Schema:
        return self._accepting(parameter, about(parameter.doc, parameter.accepts, required=parameter.required, default=parameter.default))

    def _accepting(self, parameter: Parameter, said: Mapping[str, Any]) -> Schema:
        """What a parameter accepts, with what is said of it."""
        if parameter.slot is None or parameter.protocol is None:
            return or_reference(plain(parameter.type), said)
        one = self.slot(Slot(parameter.slot, parameter.protocol))
        if parameter.many:
            return or_reference({"type": "array", "items": one, "minItems": parameter.at_least}, said)
        return offered(one, said)

    def _shared(self, having: Sequence[tuple[str, Parameter]]) -> Schema:
        """A parameter of several components, where it is not said which one is meant."""
        alike: dict[str, list[tuple[str, Parameter]]] = {}
        for name, parameter in having:
            alike.setdefault(json.dumps(self._accepting(parameter, {})), []).append((name, parameter))
        parts = [self._accepting(group[0][1], _said_of(group)) for group in alike.values()]
        return parts[0] if len(parts) == 1 else {"anyOf": parts}

    def _fitting(self, slot: Slot) -> list[_Choice]:
        return [choice for choice in self._choices(slot.kind) if not misfits(choice.card, choice.taken, slot.protocol)]

    def _choices(self, kind: str) -> list[_Choice]:
        """What there is of a kind, as far as it can be read and used at all."""
        if kind not in self._known:
            cards = self._cat.cards(kind)
            self._known[kind] = []
            for card in cards:
                try:
                    taken = _usable(card)
                except PluginError as error:
                    self.errors.append(f"Distribution '{card.owner}': {card.address}: {error}")
                    continue
                is_alone = sum(other.name == card.name for other in cards) == 1
                self._known[kind].append(_Choice(card.name if is_alone else f"{card.owner}:{card.name}", card, taken))
        return self._known[kind]

    def _defined(self, title: str, make: Callable[[], Schema]) -> Schema:
        """A reference to a definition; a name has only letters that pass through an address as they are."""
        title = re.sub(r"[^A-Za-z0-9_.-]", "-", title)
        if title not in self.definitions:
            self.definitions[title] = {}  # components may hold one another
            self.definitions[title] = make()
        return {"$ref": f"#/definitions/{title}"}


def _usable(card: Card) -> Signature:
    """The signature of a component.

    Raises:
        PluginError: It cannot be read, or no recipe can use the component, or JSON has no words for it.
    """
    taken = signature(card)
    if wrong := misfits(card, taken):
        raise PluginError(" ".join(wrong))
    for parameter in taken.parameters.values():
        try:
            json.dumps([parameter.default, None if parameter.slot else plain(parameter.type)], allow_nan=False)
        except (TypeError, ValueError) as error:
            raise PluginError(f"parameter '{parameter.name}' cannot be told in JSON: {error}.") from error
    return taken


def _named(place: _Place, name: Schema) -> Schema:
    return {"properties": {place.by: name}, "required": [place.by], **OPEN}


def _listed(choices: Sequence[_Choice]) -> Schema:
    """Names to choose from, each with a line on what it is."""
    return texts({choice.name: choice.summary for choice in choices})


def _said_of(group: Sequence[tuple[str, Parameter]]) -> Schema:
    """What is said of a parameter that means the same to pydantic in several components."""
    said: dict[str, list[str]] = {}
    for name, parameter in group:
        text = about(parameter.doc, parameter.accepts, required=parameter.required, default=parameter.default)["description"]
        said.setdefault(text, []).append(name)
    defaults = [parameter.default for _, parameter in group]
    default = {"default": defaults[0]} if defaults[0] is not None and all(each == defaults[0] for each in defaults) else {}
    lines = list(said) if len(said) == 1 else [f"{', '.join(names)}: {text}" for text, names in said.items()]
    return {"description": "\n\n".join(lines), **default}
