"""What a component takes, read from its source: what the run gives it, what a recipe may choose."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sracl.errors import PluginError, did_you_mean
from sracl.interfaces import SLOTS
from sracl.registry.annotations import Unreadable, as_json, read_annotation
from sracl.registry.source import Definition, Module, definition, lookup, lookup_dotted, modules_beside, read_module, source_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sracl.registry.card import Card


@dataclass(frozen=True)
class Parameter:
    """One keyword-only argument: what a recipe may choose."""

    name: str
    annotation: str
    default: Any
    """None where there is none; see `required`."""
    required: bool
    slot: str | None
    """Kind of component that fills it."""
    protocol: str | None
    """The annotation itself where it is a slot, such as `RankingLoss`."""
    doc: str
    """What the docstring's Args section says of it."""
    accepts: str
    """In TOML's words."""
    type: Any = None
    """For pydantic; None for a slot."""
    many: bool = False
    """Whether the slot takes a list of components."""
    at_least: int = 0
    """How many components, where it takes a list."""
    optional: bool = False
    """Whether None is a value."""
    decides: bool = True
    """Whether what comes of the component depends on it."""


@dataclass(frozen=True)
class Signature:
    """What a component takes."""

    name: str
    """Of the class or function, as its author wrote it."""
    givens: tuple[str, ...]
    """Positional names: arguments of the constructor from the run, or of a function at each call."""
    parameters: Mapping[str, Parameter]
    summary: str
    """First line of the docstring."""
    doc: str
    path: Path
    line: int
    is_function: bool
    called_with: tuple[str, ...] | None
    """Positional names that every call gives; None where there is no `__call__` or `forward` to read."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Keyword-only arguments that no recipe can give, and why."""


def signature(card: Card) -> Signature:
    """Read the signature of a component; a data set of files has none, and takes nothing.

    Raises:
        PluginError: There is no such module or name, or its source cannot be read.
    """
    if card.entry is None:
        return Signature(card.name, (), {}, card.summary, "", card.path or Path(), 1, False, None)
    return _signature(*defined(card.entry))


def module_of(entry: str) -> Module:
    """The module that defines what is named as `module:name`, which may be another than the one it is named by.

    Raises:
        PluginError: As in `signature`.
    """
    return defined(entry)[0]


def defined(entry: str) -> tuple[Module, Definition]:
    """The class or function that is named as `module:name`, and the module it stands in.

    Raises:
        PluginError: As in `signature`.
    """
    module_name, _, name = entry.partition(":")
    if source_file(module_name) is None:
        near = did_you_mean(module_name, modules_beside(module_name))
        raise PluginError(f"There is no module '{module_name}' on the import path.{near}")
    module = read_module(module_name)
    found = definition(lookup(module, name))
    if found is None:
        defined = [node.name for node in module.tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
        raise PluginError(f"'{entry}' names no class or function of {module.path}.{did_you_mean(name, defined)}")
    return found


def call_arguments(protocol: str) -> tuple[str, ...] | None:
    """Positional names that every call of a Protocol of `sracl.interfaces` gives; None if it is not called."""
    found = definition(lookup(read_module("sracl.interfaces"), protocol))
    return _called_with(*found) if found else None


def methods(protocol: str) -> tuple[str, ...]:
    """What a Protocol of `sracl.interfaces` has beside being called; whatever it has, no function does."""
    found = definition(lookup(read_module("sracl.interfaces"), protocol))
    body = found[1].body if found else []
    return tuple(node.name for node in body if isinstance(node, ast.FunctionDef) and node.name != "__call__")


@functools.lru_cache(maxsize=512)
def _signature(module: Module, node: Definition) -> Signature:
    """Join the constructor (or the function itself) with what the docstrings say."""
    doc = ast.get_docstring(node) or ""
    is_function = isinstance(node, ast.FunctionDef)
    home, maker = (module, node) if isinstance(node, ast.FunctionDef) else method_of(module, node, "__init__") or (module, None)
    if maker is None and any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        raise PluginError(f"{module.path}: {node.name} is a dataclass, whose constructor cannot be read; give it an __init__.")
    notes = {**_argument_notes(doc), **_argument_notes(ast.get_docstring(maker) or "" if maker else "")}
    parameters: dict[str, Parameter] = {}
    unreadable: dict[str, str] = {}
    if maker is not None:
        for argument, default in zip(maker.args.kwonlyargs, maker.args.kw_defaults, strict=True):
            try:
                parameters[argument.arg] = _parameter(home, argument, default, notes.get(argument.arg, ""))
            except Unreadable as error:
                unreadable[argument.arg] = str(error)
    return Signature(
        name=node.name,
        givens=_positional(maker, is_method=not is_function) if maker else (),
        parameters=MappingProxyType(parameters),
        summary=doc.strip().split("\n", 1)[0].strip(),
        doc=doc,
        path=module.path,
        line=node.lineno,
        is_function=is_function,
        called_with=_called_with(module, node),
        unreadable=MappingProxyType(unreadable),
    )


def _parameter(module: Module, argument: ast.arg, default: ast.expr | None, doc: str) -> Parameter:
    accepted = read_annotation(module, argument.annotation)
    value = None if default is None else _default(module, default)
    return Parameter(
        name=argument.arg,
        annotation=ast.unparse(argument.annotation).strip("'\"") if argument.annotation else "",
        default=value,
        required=default is None,
        slot=SLOTS[accepted.protocol] if accepted.protocol else None,
        protocol=accepted.protocol,
        doc=doc,
        accepts=accepted.accepts,
        type=accepted.type,
        many=accepted.many,
        at_least=accepted.at_least,
        optional=accepted.optional,
        decides=accepted.decides,
    )


def _default(module: Module, node: ast.expr) -> Any:
    """A default as JSON would hold it; a name is looked up among the module's constants.

    Raises:
        Unreadable: It is no constant.
    """
    try:
        return as_json(ast.literal_eval(node))
    except ValueError:
        found = lookup_dotted(module, node)
        value = getattr(found.node, "value", None) if found else None
        if found and isinstance(value, ast.Constant | ast.Tuple | ast.List | ast.Dict | ast.UnaryOp):
            return _default(found.module, value)
    raise Unreadable(f"its default '{ast.unparse(node)}' is no constant")


def _positional(node: ast.FunctionDef, *, is_method: bool) -> tuple[str, ...]:
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return tuple(names[1:] if is_method else names)


def _called_with(module: Module, node: Definition) -> tuple[str, ...] | None:
    """Positional names that every call of a function gives, or of a class's `__call__` (for torch modules `forward`)."""
    if isinstance(node, ast.FunctionDef):
        return _without_default(node, is_method=False)
    found = method_of(module, node, "__call__") or method_of(module, node, "forward")
    return _without_default(found[1], is_method=True) if found else None


def _without_default(node: ast.FunctionDef, *, is_method: bool) -> tuple[str, ...]:
    """Positional names that a call cannot leave out."""
    names = _positional(node, is_method=is_method)
    return names[: len(names) - len(node.args.defaults)]


def method_of(module: Module, node: ast.ClassDef, name: str) -> tuple[Module, ast.FunctionDef] | None:
    """A method of a class or of the nearest base that has it; bases without source (torch's) have none."""
    for home, owner in lineage(module, node):
        for statement in owner.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                return home, statement
    return None


def lineage(module: Module, node: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
    """A class, then its bases, depth first."""
    yield module, node
    for base in bases(module, node):
        if base is not None:
            yield from lineage(*base)


def bases(module: Module, node: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef] | None]:
    """What a class is derived from, where a recipe could be concerned; None for a base without source."""
    for base in node.bases:
        bare = base.value if isinstance(base, ast.Subscript) else base
        if ast.unparse(bare).split(".")[-1] in ("Module", "Protocol", "Generic", "ABC", "object"):
            continue  # nothing there that a recipe could choose, and torch's sources take long to read
        found = definition(lookup_dotted(module, bare))
        yield (found[0], found[1]) if found and isinstance(found[1], ast.ClassDef) and found[1] is not node else None


def _argument_notes(doc: str) -> dict[str, str]:
    """The Args section of a docstring, one line per argument."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.cleandoc(doc), re.DOTALL | re.MULTILINE)
    notes: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent(section.group(1)).splitlines() if section else ():
        head = re.match(r"(\w+)(?: \([^)]*\))?: *(.*)", line)
        if head:
            name = head.group(1)
            notes[name] = head.group(2)
        elif name and line.strip():
            notes[name] += f" {line.strip()}"
    return notes
