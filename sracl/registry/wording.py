"""Types and values in TOML's words, for messages and listings."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

LIMITS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")
"""What a `Field(…)` may say of a value."""

_USER = re.compile(r"(\w://)[^/\s@\"]*@")
_QUERY = re.compile(r"(\w://[^\s?\"]*)\?[^\s\"]*")
_SURE_KEY = re.compile(r"\b(sk|pk)-[\w-]{16,}")
_KEY = re.compile(r"\b((?:sk|pk|key|token)[-_])[\w-]{6,}", re.IGNORECASE)

_WORDS: dict[Any, tuple[str, str]] = {
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    str: ("a string", "strings"),
    bool: ("true or false", "true or false each"),
}


def describe(accepted: Any) -> str:
    """A type in TOML's words, such as `a number in [0, 1)`."""
    return _words(accepted)[0]


def in_toml(value: Any) -> str:
    """A value as a recipe would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} = {in_toml(inner)}" for key, inner in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(in_toml(inner) for inner in value)}]"
    return "nothing" if value is None else str(value)


def set_to(values: Mapping[str, Any]) -> list[str]:
    """Values as they are set on the command line: path=value each, words as they stand and all else as in a recipe."""
    return [f"{path}={value if isinstance(value, str) else in_toml(value)}" for path, value in values.items()]


def discreet(text: str) -> str:
    """The text without what reads like a key: the user and the query of an address, and words such as `sk-…`."""
    without = _QUERY.sub(r"\1?…", _USER.sub(r"\1…@", text))
    return _KEY.sub(r"\1…", without)


def holds_key(text: str) -> bool:
    """Whether a text surely has a key in it: `sk-…`, or an address with a user."""
    return bool(_USER.search(text) or _SURE_KEY.search(text))


def choices(accepted: Any) -> list[str]:
    """The strings a `Literal` allows; empty for other types."""
    if get_origin(accepted) is Literal:
        return [choice for choice in get_args(accepted) if isinstance(choice, str)]
    if get_origin(accepted) in (Union, types.UnionType, Annotated):
        return [choice for branch in get_args(accepted) for choice in choices(branch)]
    return []


def limits_of(notes: Iterable[Any]) -> dict[str, Any]:
    """What the `Field(…)` among the notes of an `Annotated` say of a value."""
    return {
        limit: value
        for note in notes
        for entry in getattr(note, "metadata", ())
        for limit in LIMITS
        if (value := getattr(entry, limit, None)) is not None
    }


def _words(accepted: Any) -> tuple[str, str]:
    """A type in the singular and in the plural."""
    if accepted in _WORDS:
        return _WORDS[accepted]
    origin, parts = get_origin(accepted), get_args(accepted)
    if needed := _keys_of(accepted):
        return f"a table with {needed}", f"tables with {needed}"
    if origin is Literal:
        text = " or ".join([", ".join(in_toml(part) for part in parts[:-1]), in_toml(parts[-1])]) if len(parts) > 1 else in_toml(parts[0])
        return text, f"{text} each"
    if origin is Annotated:
        limits = limits_of(parts[1:])
        one, many = _words(parts[0])
        return one + _range(limits), many + _range(limits)
    if origin in (Union, types.UnionType):
        branches = [_words(part) for part in parts if part is not type(None)]
        return " or ".join(one for one, _ in branches), " or ".join(many for _, many in branches)
    if origin is dict:
        return f"a table of {_words(parts[1])[1]}", f"tables of {_words(parts[1])[1]}"
    if origin is tuple and ... not in parts:
        inside = ", ".join(_words(part)[0] for part in parts)
        return f"an array [{inside}]", f"arrays [{inside}]"
    return f"an array of {_words(parts[0])[1]}", f"arrays of {_words(parts[0])[1]}"


def _keys_of(accepted: Any) -> str:
    """The keys that a table has to have, of a model; empty for other types."""
    fields = getattr(accepted, "model_fields", {}) if isinstance(accepted, type) else {}
    return ", ".join(name for name, field in fields.items() if field.is_required())


def _range(limits: Mapping[str, Any]) -> str:
    """Limits as they follow a noun."""
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    text = ""
    if low is not None and high is not None:
        text += f" in {'[' if 'ge' in limits else '('}{low}, {high}{']' if 'le' in limits else ')'}"
    elif low is not None:
        text += f" of at least {low}" if "ge" in limits else f" above {low}"
    elif high is not None:
        text += f" of at most {high}" if "le" in limits else f" below {high}"
    if "multiple_of" in limits:
        text += f", a multiple of {limits['multiple_of']}"
    shortest, longest = limits.get("min_length"), limits.get("max_length")
    if shortest is not None and longest is not None:
        text += f", {shortest} to {longest} long"
    elif shortest is not None:
        text += f", at least {shortest} long"
    elif longest is not None:
        text += f", at most {longest} long"
    return text + (f", matching {limits['pattern']}" if "pattern" in limits else "")
