"""What a component says of itself beside its parameters, read from its source: attributes of its class, and what a call may give it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from sracl.registry.signatures import bases, defined, lineage, method_of

if TYPE_CHECKING:
    from sracl.registry.card import Card
    from sracl.registry.source import Module


_PLAIN = (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Expr, ast.Pass)
"""Statements of a class that do what they say, whatever the circumstances."""


class Untold(Exception):
    """The source does not tell; the component itself would."""


def said(card: Card, name: str) -> Any:
    """The constant that a class, or the nearest base that has it, gives an attribute; None where none does.

    Args:
        card: Of the component.
        name: Of the attribute, such as `predicts`.

    Raises:
        Untold: It is no constant, may be set elsewhere than in the body of the class, or a base has no source.
        PluginError: There is no such component.
    """
    module, node = _entry(card)
    if not isinstance(node, ast.ClassDef):
        return None
    for home, owner in lineage(module, node):
        if _may_be_set_elsewhere(home, owner, name):
            raise Untold
        if values := [value for statement in owner.body for target, value in _assigned(statement) if target == name]:
            try:
                return ast.literal_eval(values[-1])
            except ValueError as error:
                raise Untold from error
        if None in bases(home, owner):
            raise Untold
    return None


def takes(card: Card, name: str) -> bool:
    """Whether a call of a component, by a function's own or a class's `__call__`, has an argument of this name.

    Raises:
        Untold: Something wraps it, or what is called is not in the source.
        PluginError: There is no such component.
    """
    module, node = _entry(card)
    called = node if isinstance(node, ast.FunctionDef) else (method_of(module, node, "__call__") or (module, None))[1]
    if called is None or called.decorator_list or node.decorator_list:
        raise Untold
    return any(argument.arg == name for argument in (*called.args.posonlyargs, *called.args.args, *called.args.kwonlyargs))


def _entry(card: Card) -> tuple[Module, ast.ClassDef | ast.FunctionDef]:
    if card.entry is None:
        raise Untold
    return defined(card.entry)


def _assigned(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    """Names that a statement of a class gives a value, and the value."""
    if isinstance(statement, ast.Assign):
        return [(target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value is not None:
        return [(statement.target.id, statement.value)]
    return []


def _may_be_set_elsewhere(module: Module, owner: ast.ClassDef, name: str) -> bool:
    """Whether an attribute may get its value by a decorator, a condition, a method or a property, or from outside of the class."""
    methods = {statement.name for statement in owner.body if isinstance(statement, ast.FunctionDef)}
    return (
        bool(owner.decorator_list)
        or not methods.isdisjoint((name, "__getattr__", "__getattribute__"))
        or not all(isinstance(statement, _PLAIN) for statement in owner.body)
        or any(isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == name for node in ast.walk(module.tree))
    )
