"""JSON Schema of single values: what a setting or a parameter accepts, for editors.

Draft 7: what plug-ins for TOML read. Taplo, which Even Better TOML and others are built on, completes from `properties`, `items` and the
parts of `anyOf`, sees nothing in `if`, `then` and `else`, and forgets what stands beside a `$ref` or an `allOf`. So what refuses
stands under `then` and `else`, where an error names the one rule that is broken, and what is to be offered stands in an
`anyOf` whose first part is `True` and which refuses nothing.
"""

from __future__ import annotations

import re
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from sracl.recipes import references
from sracl.registry.wording import in_toml, limits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema: TypeAlias = dict[str, Any]

REFERS = rf"^{references.REFERENCE}$"
"""What a string reads that stands for the value of a variable."""

DEFINITIONS: dict[str, Schema] = {
    "reference": {"description": "The value of a variable of [vars].", "type": "string", "pattern": REFERS},
    "text": {"description": "A string that stands for itself.", "type": "string", "not": {"pattern": REFERS}},
}
"""What schemas of this module refer to."""

OPEN: Schema = {"additionalProperties": True}
"""Goes with rules that are about some keys of a table: Tombi warns of all others where this is not said."""

REFERENCE: Schema = {"$ref": "#/definitions/reference"}

_PLAIN: dict[Any, str] = {int: "integer", float: "number", str: "string", bool: "boolean"}

_KEYWORDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf"}
_LENGTHS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems"), "object": ("minProperties", "maxProperties")}


def plain(accepted: Any) -> Schema:
    """A value of a type; what it holds may be references."""
    if accepted in _PLAIN:
        return {"type": _PLAIN[accepted]}
    origin, parts = get_origin(accepted), get_args(accepted)
    if origin is Literal:
        return {"enum": list(parts)}
    if origin is Annotated:
        inner = plain(parts[0])
        return {**inner, **_limited(str(inner.get("type", "")), limits_of(parts[1:]))}
    if origin in (Union, types.UnionType):
        branches = [plain(part) for part in parts if part is not type(None)]
        return branches[0] if len(branches) == 1 else {"anyOf": branches}
    if origin is dict:
        return {"type": "object", "additionalProperties": or_reference(plain(parts[1]))}
    if origin is tuple and ... not in parts:
        number = len(parts)
        return {"type": "array", "items": [or_reference(plain(part)) for part in parts], "minItems": number, "maxItems": number}
    return {"type": "array", "items": or_reference(plain(parts[0]))}


def or_reference(schema: Schema, said: Mapping[str, Any] | None = None) -> Schema:
    """What a schema accepts, or a reference to a variable."""
    said, kind = said or {}, schema.get("type")
    if kind == "string":
        constrained = {} if len(schema) == 1 else {"if": REFERENCE, "else": schema}
        return {**said, "type": "string", **constrained}
    if isinstance(kind, str):  # other keywords are about values of this type alone
        return {**said, **schema, "type": [kind, "string"], "if": {"$ref": "#/definitions/text"}, "then": {"type": kind}}
    return {**said, "anyOf": [True, {**said, **schema}], "if": REFERENCE, "else": schema}


def offered(schema: Schema, said: Mapping[str, Any]) -> Schema:
    """A schema that stands elsewhere, with what is said of it here."""
    return {**said, "anyOf": [True, schema], "if": True, "then": schema}


def one_of(names: Mapping[str, str], others: str, said: Mapping[str, Any]) -> Schema:
    """One of some names, each with a line on what it is, or a string that a pattern finds."""
    listed = texts(names)
    return {**said, "type": "string", "anyOf": [True, {**said, **listed}], "if": {"pattern": others}, "else": {"enum": listed["enum"]}}


def texts(names: Mapping[str, str]) -> Schema:
    """Strings to choose from, each with a line on what it is, which Taplo shows beside it."""
    return {"enum": list(names), "x-taplo": {"docs": {"enumValues": list(names.values())}}}


def about(text: str, accepts: str, *, required: bool = False, default: Any = None) -> Schema:
    """What is said of a value: its meaning and what it may be, in words, and its default."""
    otherwise = ", which has to be given" if required else "" if default is None else f"; by default {in_toml(default)}"
    said = f"{accepts[:1].upper()}{accepts[1:]}{otherwise}."
    return {"description": f"{text}\n\n{said}".lstrip()} | ({} if default is None else {"default": default})


def _limited(kind: str, found: Mapping[str, Any]) -> Schema:
    """Limits in the keywords for values of a kind; a pattern that only pydantic can read is left out."""
    shortest, longest = _LENGTHS.get(kind, ("", ""))
    keywords = {**_KEYWORDS, "min_length": shortest, "max_length": longest, "pattern": "pattern"}
    return {keywords[name]: limit for name, limit in found.items() if keywords[name] and (name != "pattern" or _compiles(limit))}


def _compiles(pattern: Any) -> bool:
    try:
        re.compile(pattern)
    except (re.error, TypeError):
        return False
    return True
