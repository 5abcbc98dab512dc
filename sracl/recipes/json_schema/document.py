"""The JSON Schema of recipes: the grammar of `sracl.recipes.schema` with everything that is registered here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

from sracl.recipes import schema
from sracl.recipes.json_schema.components import Components
from sracl.recipes.json_schema.values import DEFINITIONS, OPEN, REFERS, Schema, about, offered, one_of, or_reference, plain
from sracl.recipes.settings import SETTABLE
from sracl.recipes.shipped import shipped_recipes, summary
from sracl.recipes.sweep import Range, Sweep
from sracl.registry.wording import choices, describe

if TYPE_CHECKING:
    from sracl.registry.catalog import Catalog

_DRAFT = "http://json-schema.org/draft-07/schema#"

_FILE = r"\.toml$"

_SET = rf"""^["']?({"|".join(SETTABLE)})["']?(\.|$)"""
"""Paths that a variant or the matrix may set begin like this."""

_Special = Mapping[str, Schema]


def json_schema(cat: Catalog) -> tuple[Schema, list[str]]:
    """What a recipe file may say, as JSON Schema, draft 7.

    It refuses nothing that sracl accepts, but for one thing: a table that leaves `use` to its parent may only have parameters of
    registered components. What depends on several tables at once, or on the parent, is left to sracl.

    Args:
        cat: What is registered.

    Returns:
        The schema, and a message about everything registered that could not be read and is left out.
    """
    document = _Document(cat)
    return document.whole(), document.components.errors


class _Document:
    def __init__(self, cat: Catalog) -> None:
        self._cat = cat
        self.components = Components(cat)
        recipes = {name: summary(file) for name, file in shipped_recipes().items()}
        self._parent = {"extends": one_of(recipes, _FILE, _meaning(schema.Header, "extends"))}

    def whole(self) -> Schema:
        objectives = self._list(self.components.entry(schema.OBJECTIVE, self._fields(schema.ObjectiveSettings)), "Terms of the loss.")
        views = self._list(
            self.components.entry(schema.VIEW, self._fields(schema.Identified)), "Pairs of views that objectives may name, as view.ID."
        )
        samples = self.components.slot(schema.SAMPLES)
        stage = {"samples": samples, "objective": objectives, "train": self._table(schema.StageTrainSettings)}
        tables = {
            "data": self._data(),
            "samples": samples,
            "semantics": or_reference(
                {
                    "description": "Texts of items and of sequences, their vectors and neighbours.",
                    **_closed({kind: self._texts(kind) for kind in schema.SEMANTICS}),
                }
            ),
            "backbone": self.components.slot(schema.BACKBONE),
            **{name: self.components.slot(slot) for name, slot in schema.OPTIONAL.items()},
            "view": views,
            "stage": self._list(
                _closed({**self._fields(schema.Identified), **stage}, required=["id"]), "Trainings that come before, in this order."
            ),
            "objective": objectives,
            "train": self._table(schema.TrainSettings),
            "evaluation": self._table(schema.EvaluationSettings),
        }
        properties = {
            **self._fields(schema.Header, self._parent, is_run=False),
            "seeds": {
                "description": "Each seed is a run of its own.",
                "type": "array",
                "items": {"type": "integer", "minimum": 0, "maximum": schema.MAX_SEED},
                "minItems": 1,
                "uniqueItems": True,
            },
            "vars": {"description": 'Values that others refer to, as "${vars.NAME}".', "type": "object", **OPEN},
            **tables,
            "variant": self._list(self._variant(), "Ways of running the recipe, each a row of its own."),
            "matrix": {
                "description": "Path -> values; every combination is run.",
                "type": "object",
                "propertyNames": {"pattern": _SET},
                "additionalProperties": {"$ref": "#/definitions/axis"},
            },
            "sweep": {
                "description": Sweep.__doc__,
                **_closed(self._fields(Sweep, {"space": self._space(Sweep)}, is_run=False), required=["metric"]),
            },
            "report": self._table(schema.Report, {"published": self._published()}, is_run=False),
            "resources": self._table(schema.Resources, is_run=False),
        }
        return {
            "$schema": _DRAFT,
            "title": "sracl recipe",
            "description": "What a recipe may say where it was made, with `sracl schema`; made anew, it knows of new plug-ins.",
            **_closed({key: properties[key] for key in schema.RECIPE_KEYS}, required=["recipe", "name"]),
            "if": {"not": {"anyOf": [{"required": [key], **OPEN} for key in ("extends", "variant", "matrix", "sweep")]}, **OPEN},
            "then": _complete(),
            "definitions": {"axis": _AXIS, "drawn": self._drawn(), **DEFINITIONS, **dict(sorted(self.components.definitions.items()))},
        }

    def _fields(self, model: type[schema.Settings], special: _Special | None = None, *, is_run: bool = True) -> dict[str, Schema]:
        """The keys of a table, those of components and special ones among them."""
        slots = schema.slots(model)
        return {name: (special or {}).get(name) or self._field(model, name, slots.get(name), is_run=is_run) for name in model.model_fields}

    def _field(self, model: type[schema.Settings], name: str, slot: schema.Slot | None, *, is_run: bool) -> Schema:
        found = model.model_fields[name]
        said = {"description": found.description or ""}
        if slot is not None:
            return offered(self.components.slot(slot), said)
        inner = _inner_table(found.annotation)
        if inner and (words := choices(found.annotation)):  # either of two forms
            return or_reference({"anyOf": [{"enum": words}, self._closed_table(inner)]}, _meaning(model, name))
        if inner:
            one = self._table(inner, is_run=is_run)
            return self._list({**one, "required": ["id"]}, **said) if issubclass(inner, schema.Identified) else {**one, **said}
        kind: Any = found.annotation
        accepted: Any = Annotated[kind, found]
        said = _meaning(model, name)
        return or_reference(plain(accepted), said) if is_run and name != "id" else {**said, **plain(accepted)}

    def _table(self, model: type[schema.Settings], special: _Special | None = None, *, is_run: bool = True) -> Schema:
        """A table with a fixed set of keys; a variable may stand for one of a run."""
        table = self._closed_table(model, special, is_run=is_run)
        return or_reference(table) if is_run and not issubclass(model, schema.Identified) else table

    def _closed_table(self, model: type[schema.Settings], special: _Special | None = None, *, is_run: bool = True) -> Schema:
        return {"description": model.__doc__, **_closed(self._fields(model, special, is_run=is_run))}

    def _list(self, one: Schema, description: str) -> Schema:
        return {"description": description, "type": "array", "items": one}

    def _data(self) -> Schema:
        return {"description": schema.DataSettings.__doc__, **self.components.dataset(self._fields(schema.DataSettings))}

    def _texts(self, kind: str) -> Schema:
        """A table of neighbours."""
        model = schema.SEMANTICS[kind]
        prompts = {card.name: card.summary for card in self._cat.cards("prompt") if card.facts["describes"] == kind}
        return self._table(model, {"prompt": one_of(prompts, f"{_FILE}|:|{REFERS}", _meaning(model, "prompt"))})

    def _published(self) -> Schema:
        results = {card.name: card.summary for card in self._cat.cards("result")}
        return {**_meaning(schema.Report, "published"), "type": "array", "items": one_of(results, ":", {})}

    def _space(self, model: type[schema.Settings]) -> Schema:
        """Paths with what is drawn for them."""
        paths = {"type": "object", "propertyNames": {"pattern": _SET}, "additionalProperties": {"$ref": "#/definitions/drawn"}}
        return {"description": model.model_fields["space"].description, **paths}

    def _drawn(self) -> Schema:
        """What is drawn for a path, or the rest of paths that begin alike."""
        deeper = {"type": "object", "not": {"anyOf": [{"required": [key]} for key in Range.model_fields]}}
        return {
            "description": "A range to draw from, a list of values, or the rest of paths that begin alike.",
            "anyOf": [
                {"type": "array", "minItems": 1, "uniqueItems": True},
                {**_closed(self._fields(Range, is_run=False)), "minProperties": 1},
                {**deeper, "additionalProperties": {"$ref": "#/definitions/drawn"}},
            ],
        }

    def _variant(self) -> Schema:
        path = {"type": "string", "pattern": _SET}
        special = {
            **self._parent,
            "set": {"description": schema.Variant.model_fields["set"].description, "type": "object", "propertyNames": path, **OPEN},
            "unset": {**_meaning(schema.Variant, "unset"), "type": "array", "items": path},
            "space": self._space(schema.Variant),
        }
        return _closed(self._fields(schema.Variant, special, is_run=False), required=["name"])


_AXIS: Schema = {
    "description": "Values of a path, or the rest of paths that begin alike.",
    "type": ["array", "object"],
    "minItems": 1,
    "uniqueItems": True,
    "additionalProperties": {"$ref": "#/definitions/axis"},
}


def _complete() -> Schema:
    """What a recipe without a parent, variants, a matrix and a sweep has: they alone could bring what is missing."""
    models: dict[str, type[schema.Settings]] = {
        "data": schema.DataSettings,
        "train": schema.TrainSettings,
        "evaluation": schema.EvaluationSettings,
    }
    tables: dict[str, Schema] = {key: {"required": _needed(model), **OPEN} for key, model in models.items()}
    tables |= {"backbone": {"required": ["use"], **OPEN}, "objective": {"minItems": 1, "items": {"required": ["use"], **OPEN}}}
    return {"required": ["seeds", *tables], "properties": tables, **OPEN}


def _needed(model: type[schema.Settings]) -> list[str]:
    """Keys without a default; components have those of their slots."""
    slots = schema.slots(model)
    return [name for name, found in model.model_fields.items() if found.is_required() and name not in slots]


def _closed(properties: Mapping[str, Schema], *, required: list[str] | None = None) -> Schema:
    """A table with these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _meaning(model: type[schema.Settings], name: str) -> Schema:
    """What is said of a setting."""
    found = model.model_fields[name]
    kind: Any = found.annotation
    accepted: Any = Annotated[kind, found]
    default = found.default if isinstance(found.default, str | int | float | bool) else None
    return about(found.description or "", describe(accepted), default=default)


def _inner_table(annotation: Any) -> type[schema.Settings] | None:
    """The model of the tables that a field holds; None where it holds values."""
    parts = (annotation, *get_args(annotation))
    return next((part for part in parts if isinstance(part, type) and issubclass(part, schema.Settings)), None)
