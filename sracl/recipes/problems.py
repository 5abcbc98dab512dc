"""What is wrong with a table, said in the words of its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from sracl.errors import did_you_mean
from sracl.recipes.lines import join_path
from sracl.recipes.schema import Settings
from sracl.registry.wording import choices, describe, in_toml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from sracl.recipes.lines import Path

_Model = TypeVar("_Model", bound=Settings)


def check(model: type[_Model], table: Mapping[str, Any], where: Path) -> tuple[_Model | None, list[tuple[Path, str]]]:
    """Read a table as a model.

    Returns:
        The model, or None when anything is wrong; and each problem with the path it stands at.
    """
    try:
        return model.model_validate(dict(table)), []
    except ValidationError as error:
        found = (_explain(model, detail, table, where) for detail in error.errors(include_url=False))
        return None, list(dict.fromkeys(found))


def unknown(key: str, known: Iterable[str], owner: str, hint: str = "") -> str:
    """A key that has no business in a table."""
    names = list(known)
    return f"There is no such key.{hint or did_you_mean(key, names)} {owner} takes: {', '.join(names)}."


def _explain(model: type[Settings], detail: ErrorDetails, table: Mapping[str, Any], where: Path) -> tuple[Path, str]:
    """One of pydantic's complaints in our words, and the key it is about; entries of a list are not told apart."""
    keys = [str(step) for step in detail["loc"]]
    holder, depth, value = model, 1, table.get(keys[0])
    while depth < len(keys) and isinstance(value, Mapping) and (inner := _table_model(holder, keys[depth - 1])):
        holder, value, depth = inner, value.get(keys[depth]), depth + 1
    key, path = keys[depth - 1], (*where, *keys[:depth])
    if detail["type"] == "extra_forbidden":
        owner = "[[variant]]" if path[0] == "variant" else f"[{join_path(path[:-1])}]"
        return path, unknown(key, holder.model_fields, owner)
    hint = get_type_hints(holder, include_extras=True)[key]
    if (_table_model(holder, key) and not choices(hint)) or detail["type"] == "dict_type":
        return path, f"Should be a table, got {in_toml(value)}."
    if get_origin(hint) is dict and depth < len(keys) and isinstance(value, Mapping):
        path, hint, value = (*path, keys[depth]), get_args(hint)[1], value[keys[depth]]
    if detail["type"] == "missing":
        return path, f"Missing; there is no default. Should be {describe(hint)}."
    near = did_you_mean(value, choices(hint)) if isinstance(value, str) else ""
    return path, f"Should be {describe(hint)}, got {in_toml(value)}.{near}"


def _table_model(model: type[Settings], key: str) -> type[Settings] | None:
    """The model of a table within a table; None where there is a value."""
    field = model.model_fields.get(key)
    parts = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((part for part in parts if isinstance(part, type) and issubclass(part, Settings)), None)
