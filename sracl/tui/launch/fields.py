"""What every value of a run accepts and means, by its path: told by the schema, and by the components that were chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args

from sracl.data import datasets
from sracl.errors import PluginError, UsageError
from sracl.recipes import schema
from sracl.registry.card import spoken
from sracl.registry.signatures import signature
from sracl.registry.wording import choices, describe

if TYPE_CHECKING:
    from sracl.registry.catalog import Catalog
    from sracl.registry.signatures import Parameter


@dataclass(frozen=True)
class Field:
    """What may stand at a path."""

    accepts: str
    """In TOML's words."""
    meaning: str
    choices: tuple[str, ...] = ()
    """All that is accepted, where that can be listed; as `--set` takes it."""


_SEEDS = Field("an array of integers", "Each seed is a run of its own.")


def fields(values: Mapping[str, Any], cat: Catalog) -> dict[str, Field]:
    """A field for every value of a resolved run that a recipe may set, for the seeds, and for what a job asks of the machine.

    Args:
        values: Complete, as `sracl.recipes.plan` gives them.
        cat: What is registered.
    """
    return _Fields(cat).of_run(values)


class _Fields:
    def __init__(self, cat: Catalog) -> None:
        self._cat = cat
        self._found: dict[str, Field] = {}

    def of_run(self, values: Mapping[str, Any]) -> dict[str, Field]:
        """Every table of a run, and what belongs to the recipe."""
        self._found["seeds"] = _SEEDS
        self._settings(schema.Resources, {}, "resources")
        self._data(values["data"])
        self._component("backbone", values["backbone"], "backbone")
        for name, table in values["semantics"].items():
            self._settings(schema.SEMANTICS[name], table, f"semantics.{name}")
        for view in values["view"]:
            self._component("view", view, f"view.{view['id']}")
        for stage in values["stage"]:
            self._training(stage, f"stage.{stage['id']}.", schema.StageTrainSettings)
        self._training(values, "", schema.TrainSettings)
        self._settings(schema.EvaluationSettings, values["evaluation"], "evaluation")
        return self._found

    def _training(self, holder: Mapping[str, Any], at: str, model: type[schema.Settings]) -> None:
        self._component("sampler", holder["samples"], f"{at}samples")
        for objective in holder["objective"]:
            path = f"{at}objective.{objective['id']}"
            self._settings(schema.ObjectiveSettings, objective, path)
            self._component("objective", objective, path)
        self._settings(model, holder["train"], f"{at}train")

    def _data(self, table: Mapping[str, Any]) -> None:
        self._settings(schema.DataSettings, table, "data")
        here = [info.name for info in datasets.available() if info.origin != "absent"]
        self._found["data.name"] = Field("a data set", self._found["data.name"].meaning, tuple(sorted(here)))
        self._parameters("dataset", table["name"], table, "data")

    def _settings(self, model: type[schema.Settings], table: Mapping[str, Any], at: str) -> None:
        """A table of fixed keys."""
        slots = schema.slots(model)
        for name, info in model.model_fields.items():
            path, value = f"{at}.{name}", table.get(name)
            inner = [part for part in (info.annotation, *get_args(info.annotation)) if _is_settings(part)]
            if name in slots:
                self._component(slots[name].kind, value, path)
            elif inner and isinstance(value, Mapping):
                self._settings(inner[0], value, path)
            elif inner and isinstance(value, Sequence) and not isinstance(value, str):
                for entry in value:
                    self._settings(inner[0], entry, f"{path}.{entry['id']}")
            elif inner and not choices(info.annotation):
                self._found[path] = Field("a table", info.description or "")
            elif name != "id":
                plain: Any = info.annotation
                accepted: Any = Annotated[plain, info]
                listed = () if inner else _choices(accepted)  # a table may stand there as well, which only the box takes
                self._found[path] = Field(describe(accepted), info.description or "", listed)

    def _component(self, kind: str, table: Any, at: str) -> None:
        """Which component, and its parameters; none where the table refers to a view that is declared elsewhere."""
        if isinstance(table, Mapping):
            meaning = self._parameters(kind, table["use"], table, at)
            self._found[f"{at}.use"] = Field(spoken(kind), meaning, tuple(self._cat.names(kind)))

    def _parameters(self, kind: str, name: str, table: Mapping[str, Any], at: str) -> str:
        """The parameters of a component, and what it is."""
        try:
            card = self._cat.find(kind, name)
            taken = signature(card)
        except (UsageError, PluginError):
            return ""
        for parameter in taken.parameters.values():
            self._parameter(parameter, table.get(parameter.name), f"{at}.{parameter.name}")
        return card.summary or taken.summary

    def _parameter(self, parameter: Parameter, value: Any, path: str) -> None:
        if parameter.slot and isinstance(value, Mapping):
            self._component(parameter.slot, value, path)
        elif parameter.slot and isinstance(value, Sequence) and not isinstance(value, str):
            for place, inner in enumerate(value):
                self._component(parameter.slot, inner, f"{path}.{place}")
        else:
            self._found[path] = Field(parameter.accepts, parameter.doc, _choices(parameter.type))


def _is_settings(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, schema.Settings)


def _choices(accepted: Any) -> tuple[str, ...]:
    return ("true", "false") if bool in (accepted, *get_args(accepted)) else tuple(choices(accepted))
