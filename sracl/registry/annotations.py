"""Reads the annotation of a parameter from the syntax tree.

Understood are `int`, `float`, `str`, `bool`, `X | None`, `Literal[…]`, tuples, lists and dictionaries of these,
`Annotated[…, Field(gt=…, ge=…, lt=…, le=…, multiple_of=…, min_length=…, max_length=…, pattern=…)]`, names given to
such types at the top of a module, and the Protocols of `sracl.interfaces.SLOTS` (alone, or in a list or tuple, which
`Annotated[…, Field(min_length=…)]` may ask to hold several). `Field(exclude=True)` says of a parameter that it decides how
something is done and not what comes of it, such as a timeout: what is made does not depend on it, nor does its digest.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args

from pydantic import Field

from sracl.interfaces import SLOTS
from sracl.registry.card import spoken
from sracl.registry.source import Module, lookup_dotted
from sracl.registry.wording import LIMITS, choices, describe, in_toml

__all__ = ["Annotation", "Unreadable", "as_json", "choices", "describe", "in_toml", "read_annotation"]

_PLAIN: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "None": None}
_CONTAINERS: dict[str, Any] = {"list": list, "tuple": tuple, "dict": dict, "Sequence": tuple, "Mapping": dict}


class Unreadable(ValueError):
    """An annotation outside of what is understood."""


@dataclass(frozen=True)
class Annotation:
    """What a parameter accepts."""

    type: Any
    """For pydantic; None for a slot."""
    accepts: str
    protocol: str | None = None
    """The Protocol of a slot."""
    many: bool = False
    """Whether the slot takes a list of components."""
    at_least: int = 0
    """How many components, where it takes a list."""
    optional: bool = False
    """Whether it may be left empty."""
    decides: bool = True
    """Whether what comes of it depends on the value."""


def read_annotation(module: Module, node: ast.expr | None) -> Annotation:
    """Read one annotation.

    Raises:
        Unreadable: It is missing, or none of the forms that are understood.
    """
    if node is None:
        raise Unreadable("it has no annotation")
    node = _unquoted(node)
    branches = [branch for branch in _branches(node) if not _is_none(branch)]
    optional = len(branches) < len(_branches(node))
    if len(branches) == 1 and (slot := _slot(branches[0])):
        protocol, many, at_least = slot
        one = spoken(SLOTS[protocol])
        several = f"an array of tables, {f'at least {at_least}, ' if at_least else ''}each {one}"
        return Annotation(None, several if many else one, protocol, many, at_least, optional)
    resolved = _resolve(module, node, depth=8)
    return Annotation(resolved, describe(resolved), optional=type(None) in get_args(resolved), decides=not _is_excluded(node))


def as_json(value: Any) -> Any:
    """A value as JSON holds it: tuples as lists, throughout."""
    if isinstance(value, (tuple, list)):
        return [as_json(inner) for inner in value]
    return {key: as_json(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _is_excluded(node: ast.expr) -> bool:
    """Whether a `Field(exclude=True)` stands in an annotation."""
    keywords = (keyword for call in ast.walk(node) if isinstance(call, ast.Call) for keyword in call.keywords)
    return any(keyword.arg == "exclude" and _constant(keyword.value) is True for keyword in keywords)


def _unquoted(node: ast.expr) -> ast.expr:
    """The expression inside a quoted annotation."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.parse(node.value, mode="eval").body
        except SyntaxError as error:
            raise Unreadable(f"'{node.value}' is no annotation") from error
    return node


def _last(node: ast.expr) -> str:
    """`Literal` of `typing.Literal`; empty when it is no name."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _branches(node: ast.expr) -> list[ast.expr]:
    """The alternatives of a union, or the annotation itself."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_branches(_unquoted(node.left)), *_branches(_unquoted(node.right))]
    if isinstance(node, ast.Subscript) and _last(node.value) == "Optional":
        return [*_branches(_unquoted(node.slice)), ast.Constant(None)]
    if isinstance(node, ast.Subscript) and _last(node.value) == "Union":
        return [branch for inner in _elements(node.slice) for branch in _branches(_unquoted(inner))]
    return [node]


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _slot(node: ast.expr) -> tuple[str, bool, int] | None:
    """`(Protocol, whether many, at least how many)` if this is a slot."""
    if _last(node) in SLOTS:
        return _last(node), False, 0
    if isinstance(node, ast.Subscript) and _last(node.value) == "Annotated":
        inner, *notes = _elements(node.slice)
        found = _slot(_unquoted(inner))
        limits = {limit: value for note in notes for limit, value in _limits(note).items()} if found else {}
        if found and limits and (limits.keys() != {"min_length"} or not found[1]):
            raise Unreadable("of components, Field can say no more than the min_length of a list of them")
        return (*found[:2], limits.get("min_length", 0)) if found else None
    if isinstance(node, ast.Subscript) and _last(node.value) in ("list", "tuple", "Sequence"):
        first = _unquoted(_elements(node.slice)[0])
        if _last(first) in SLOTS:
            return _last(first), True, 0
    return None


def _resolve(module: Module, node: ast.expr, depth: int) -> Any:
    """The type that an annotation means, for pydantic."""
    node = _unquoted(node)
    if _is_none(node):
        return None
    branches = _branches(node)
    if len(branches) > 1:
        return Union[tuple(_resolve(module, branch, depth) for branch in branches)]  # noqa: UP007 (made at run time)
    name = _last(node)
    if name in _PLAIN:
        return _PLAIN[name]
    if isinstance(node, ast.Subscript):
        return _subscript(module, node, depth)
    if name and depth:
        found = lookup_dotted(module, node)
        value = getattr(found.node, "value", None) if found else None
        if found and isinstance(value, ast.expr):
            return _resolve(found.module, value, depth - 1)
    raise Unreadable(f"'{ast.unparse(node)}' is no type that a recipe can give")


def _subscript(module: Module, node: ast.Subscript, depth: int) -> Any:
    """`Literal[…]`, `Annotated[…]` and containers."""
    outer, inner = _last(node.value), _elements(node.slice)
    if outer == "Literal":
        return Literal[tuple(_constant(choice) for choice in inner)]
    if outer == "Annotated":
        accepted = _resolve(module, inner[0], depth)
        return Annotated[(accepted, *(Field(**_limits(note)) for note in inner[1:]))]
    if outer in _CONTAINERS:
        parts = tuple(... if isinstance(part, ast.Constant) and part.value is ... else _resolve(module, part, depth) for part in inner)
        if outer == "Sequence":
            parts = (*parts, ...)
        return _CONTAINERS[outer][parts if len(parts) > 1 else parts[0]]
    raise Unreadable(f"'{ast.unparse(node)}' is no type that a recipe can give")


def _constant(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise Unreadable(f"'{ast.unparse(node)}' is no constant") from error


def _limits(node: ast.expr) -> dict[str, Any]:
    """Keyword arguments of a `Field(…)` that narrow what is accepted."""
    if not isinstance(node, ast.Call) or _last(node.func) != "Field" or node.args:
        raise Unreadable(f"'{ast.unparse(node)}' says nothing about values; write Field({', '.join(LIMITS)})")
    limits = {
        keyword.arg: _constant(keyword.value) for keyword in node.keywords if keyword.arg and keyword.arg not in ("description", "exclude")
    }
    if unknown := [limit for limit in limits if limit not in LIMITS]:
        raise Unreadable(f"Field takes no '{unknown[0]}' here; it takes {', '.join(LIMITS)}")
    return limits
