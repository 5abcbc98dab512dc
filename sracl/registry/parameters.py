"""Binds a recipe's component tables to signatures, and builds components from bound tables."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from sracl.errors import PluginError, SraclError, UsageError, did_you_mean
from sracl.interfaces import GIVEN, SLOTS, VIEW
from sracl.registry.annotations import as_json
from sracl.registry.card import Card, spoken
from sracl.registry.catalog import bare
from sracl.registry.find_card import find_card
from sracl.registry.named_llm import names_file
from sracl.registry.signatures import Parameter, Signature, call_arguments, methods, signature
from sracl.registry.wording import choices, discreet, holds_key, in_toml

if TYPE_CHECKING:
    from sracl.registry.catalog import Catalog

__all__ = ["Parameter", "Signature", "bind", "build", "decisive", "misfits", "needs", "refers", "signature"]

_Problems = list[tuple[str, str]]
_Meant = Callable[[str, str, str], str]


def _as_written(kind: str, name: str, where: str) -> str:
    return name


def bind(
    cat: Catalog, kind: str, table: Any, where: str, protocol: str | None = None, meant: _Meant = _as_written
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Complete a component table: every parameter with its value or default, tables within it likewise.

    Args:
        cat: What is registered.
        kind: Such as `loss`.
        table: `{ use = "…", parameter = value, … }`, or the name alone; without reserved keys (`id`, `weight`).
        where: Path of the table in the recipe, for problems.
        protocol: The Protocol of the slot, such as `RankingLoss`, where the kind alone does not tell.
        meant: `(kind, name, path) -> name`: what a name stands for where it is written there.

    Returns:
        The complete table, as JSON would hold it, and every problem as `(where, what)`. With problems, the table holds
        what could be made of it.
    """
    if isinstance(table, str):
        table = {"use": table}
    if isinstance(table, Mapping) and refers(kind, table):  # whether it is declared, only the recipe knows
        others = ", ".join(key for key in table if key != "use")
        return dict(table), [(where, f"Names a declared view, whose values stand there: leave {others} out.")] if others else []
    if not isinstance(table, Mapping):
        return {}, [(where, f'Should be {spoken(kind)} table such as {{ use = "{_example(cat, kind)}" }}, got {in_toml(table)}.')]
    name = table.get("use")
    if not isinstance(name, str):
        got = f", got {in_toml(name)}" if "use" in table else ""
        return dict(table), [(f"{where}.use", f"Should name {spoken(kind)}{got}. Registered: {', '.join(cat.names(kind)) or 'none'}.")]
    name = meant(kind, name, f"{where}.use")
    try:
        card = cat.find(kind, name)
        taken = signature(card)
    except (UsageError, PluginError) as error:
        return dict(table), [(f"{where}.use", str(error))]
    problems: _Problems = [(f"{where}.use", what) for what in misfits(card, taken, protocol or _only_protocol(kind))]
    problems.extend((f"{where}.{key}", _unknown_parameter(taken, key)) for key in table if key != "use" and key not in taken.parameters)
    bound: dict[str, Any] = {"use": name}
    for parameter in taken.parameters.values():
        place = f"{where}.{parameter.name}"
        if parameter.name in table:
            bound[parameter.name], found = _bind_value(cat, parameter, table[parameter.name], place, meant)
            problems.extend(found)
        elif parameter.required:
            problems.append((place, f"{taken.name} needs {parameter.accepts} here."))
        else:
            bound[parameter.name] = parameter.default
    return bound, problems


def refers(kind: str, table: Mapping[str, Any]) -> bool:
    """Whether a table names a pair of views declared elsewhere in the recipe, `{ use = "view.ID" }`, and no component."""
    name = table.get("use")
    return kind == "view" and isinstance(name, str) and name.startswith(VIEW) and ":" not in name


def build(
    cat: Catalog,
    kind: str,
    bound: Mapping[str, Any],
    given: Callable[[str, str], Any],
    path: str,
    made: Callable[[Any], None] = lambda component: None,
    kept: dict[str, Any] | None = None,
) -> Any:
    """Make a component of a bound table: what fills its slots first, then itself.

    Args:
        cat: What is registered.
        kind: Such as `objective`.
        bound: A table as `bind` completes it.
        given: `(name, path of the component) -> value`, for what the run gives to constructors, and for declared views, whose
            name is `view.ID`.
        path: Where the component stands in the plan, such as `objective.intra.augmenter`.
        made: Told of every component made, those within before those around them.
        kept: Similarities made before, by their tables. An equal one is not made again, unless it draws or learns: what else it
            knows follows from the run alone, and can take seconds to find out.

    Returns:
        An instance of the class, or the function with its keyword-only arguments bound.

    Raises:
        PluginError: It cannot be imported, or refuses its arguments.
    """
    if refers(kind, bound):
        return given(bound["use"], path)
    if kept is not None and kind == "similarity" and "generator" not in needs(cat, kind, bound):
        key = json.dumps(bound, sort_keys=True, default=str)
        if key not in kept:
            component = build(cat, kind, bound, given, path, made)
            if hasattr(component, "parameters"):
                return component
            kept[key] = component
        return kept[key]
    card = cat.find(kind, bound["use"])
    taken = signature(card)
    chosen = {
        parameter.name: _built_value(cat, parameter, bound[parameter.name], given, f"{path}.{parameter.name}", made, kept)
        for parameter in taken.parameters.values()
        if parameter.name in bound
    }
    maker = cat.load(card)
    if taken.is_function:
        return functools.partial(maker, **chosen)
    received = [given(name, path) for name in taken.givens]
    try:
        component = maker(*received, **chosen)
    except SraclError:
        raise
    except (TypeError, ValueError) as error:
        raise PluginError(f"{path}: {taken.name} of '{card.owner}' refused its arguments: {error}") from error
    made(component)
    return component


def needs(cat: Catalog, kind: str, bound: Mapping[str, Any]) -> set[str]:
    """Names of all that a run must give to build a bound table, those within it included."""
    if refers(kind, bound):
        return set()
    taken = signature(cat.find(kind, bound["use"]))
    names = set() if taken.is_function else set(taken.givens)
    for parameter in taken.parameters.values():
        value = bound.get(parameter.name)
        if parameter.slot and value is not None:
            for inner in value if parameter.many else [value]:
                names |= needs(cat, parameter.slot, inner)
    return names


def decisive(cat: Catalog, kind: str, bound: Mapping[str, Any]) -> dict[str, Any]:
    """A bound table without what decides only how things are done, such as timeouts; tables within it likewise.

    A name of ours stands without its owner, which tells it from another's where there is one. In the place of a language model's
    card stands what it says of where and what the model is, and of every request to it: its price decides nothing.
    """
    if refers(kind, bound):
        return dict(bound)
    if kind == "llm_provider" and (names_file(cat, bound) or bound.get("llm") in cat.names("llm")):
        said = find_card(cat, "llm", bound["llm"]).facts
        bound = {**bound, "llm": None, **{name: bound.get(name) or said[name] for name in ("base_url", "model")}}
        if said.get("request"):
            bound["request"] = said["request"]
    taken = signature(cat.find(kind, bound["use"])).parameters

    def kept(name: str, value: Any) -> Any:
        slot = taken[name].slot if name in taken else None
        if slot is None or value is None:
            return value
        return [decisive(cat, slot, inner) for inner in value] if taken[name].many else decisive(cat, slot, value)

    bound = {**bound, "use": bare(bound["use"])}
    return {name: kept(name, value) for name, value in bound.items() if name not in taken or taken[name].decides}


def _bind_value(cat: Catalog, parameter: Parameter, value: Any, where: str, meant: _Meant) -> tuple[Any, _Problems]:
    """Check one value; tables in slots are bound in turn."""
    if parameter.slot is None:
        return _checked(parameter, value, where)
    if value is None and parameter.optional:
        return None, []
    if not parameter.many:
        return bind(cat, parameter.slot, value, where, parameter.protocol, meant)
    if not isinstance(value, (list, tuple)):
        return value, [(where, f"Should be {parameter.accepts}, got {in_toml(value)}.")]
    bound: list[Any] = []
    problems: _Problems = []
    if len(value) < parameter.at_least:
        problems.append((where, f"Should be {parameter.accepts}, got {len(value)}."))
    for index, inner in enumerate(value):
        table, found = bind(cat, parameter.slot, inner, f"{where}.{index}", parameter.protocol, meant)
        bound.append(table)
        problems.extend(found)
    return bound, problems


def _checked(parameter: Parameter, value: Any, where: str) -> tuple[Any, _Problems]:
    """A value as its type holds it (an integer becomes a number where one is declared), back as JSON."""
    if isinstance(value, str) and holds_key(value):
        return value, [(where, "Reads like a key, and a recipe is written down in many places. Keys stand in the environment alone.")]
    try:
        return as_json(_validated(parameter, value)), []
    except (ValidationError, TypeError):
        near = did_you_mean(value, choices(parameter.type)) if isinstance(value, str) else ""
        return value, [(where, f"Should be {parameter.accepts}, got {discreet(in_toml(value))}.{near}")]


def _validated(parameter: Parameter, value: Any) -> Any:
    """Validate in pydantic's strict JSON mode: arrays become tuples, but no string becomes a number.

    Raises:
        ValidationError: The value is not of the type, or outside of its limits.
        TypeError: The value is none that JSON has, such as a date.
    """
    if isinstance(value, (date, time)):
        raise TypeError("no parameter takes a date")
    return TypeAdapter(parameter.type).validate_json(json.dumps(value), strict=True)


def _built_value(
    cat: Catalog,
    parameter: Parameter,
    value: Any,
    given: Callable[[str, str], Any],
    path: str,
    made: Callable[[Any], None],
    kept: dict[str, Any] | None,
) -> Any:
    """What the constructor gets for one bound value."""
    if parameter.slot is None:
        try:
            return _validated(parameter, value)
        except (ValidationError, TypeError):
            raise PluginError(f"{path}: should be {parameter.accepts}, got {discreet(in_toml(value))}.") from None
    if value is None:
        return None
    if parameter.many:
        parts = [build(cat, parameter.slot, inner, given, f"{path}.{index}", made, kept) for index, inner in enumerate(value)]
        return tuple(parts) if "tuple[" in parameter.annotation else parts
    return build(cat, parameter.slot, value, given, path, made, kept)


def misfits(card: Card, taken: Signature, protocol: str | None = None) -> list[str]:
    """Why a component cannot be used in the slot of a Protocol, or (None) at all."""
    found = [f"{taken.name}: parameter '{name}' cannot be read: {reason}." for name, reason in taken.unreadable.items()]
    if not taken.is_function and (strange := [name for name in taken.givens if name not in GIVEN]):
        found.append(
            f"{taken.name} asks the run for '{strange[0]}', which no run can give. A constructor may ask for "
            f"{', '.join(GIVEN)}; what a recipe chooses stands after '*'."
        )
    if protocol is None:
        return found
    role = f"an {protocol}" if protocol[0] in "AEIOL" else f"a {protocol}"
    expected = call_arguments(protocol)
    if taken.is_function and (needed := methods(protocol)):
        found.append(f"'{card.name}' is a function, but what stands here must be {role}, a class with {', '.join(needed)}.")
    elif expected is not None and taken.called_with is not None and taken.called_with != expected:
        found.append(
            f"'{card.name}' is called with ({', '.join(taken.called_with)}), but what stands here must be {role}, "
            f"called with ({', '.join(expected)})."
        )
    return found


def _only_protocol(kind: str) -> str | None:
    """The Protocol of a kind that has one."""
    protocols = [protocol for protocol, filled in SLOTS.items() if filled == kind]
    return protocols[0] if len(protocols) == 1 else None


def _unknown_parameter(taken: Signature, key: str) -> str:
    takes = f"It takes: {', '.join(taken.parameters)}." if taken.parameters else "It takes none."
    return f"{taken.name} takes no such parameter.{did_you_mean(key, taken.parameters)} {takes}"


def _example(cat: Catalog, kind: str) -> str:
    return next(iter(cat.names(kind)), "module:Class")
