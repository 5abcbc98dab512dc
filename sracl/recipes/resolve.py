"""Completes the values of one run: every setting, every parameter of every component, and where each came from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl.data import datasets
from sracl.errors import PluginError, Problem, UsageError, did_you_mean
from sracl.interfaces import GIVEN, VIEW
from sracl.recipes import problems, references, schema
from sracl.recipes.lines import Path, join_path, split_path
from sracl.recipes.origins import leaves, origins
from sracl.registry.catalog import UnknownComponent
from sracl.registry.parameters import bind, needs, refers, signature
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sracl.recipes.draft import Draft
    from sracl.registry.catalog import Catalog
    from sracl.registry.signatures import Parameter

_SAMPLES = schema.Slot("sampler", "Sampler", "prefix")
_BACKBONE = schema.Slot("backbone", "Backbone")
_OBJECTIVE = schema.Slot("objective", "Objective")
_VIEW = schema.Slot("view", "ViewPair")


@dataclass
class Resolved:
    """The complete values of one run."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    leaky: tuple[str, ...] = ()
    components: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Kind and bound table of each component, outermost only."""
    problems: list[Problem] = field(default_factory=list)


def resolve(draft: Draft, cat: Catalog) -> Resolved:
    """Complete and check a draft, which is changed on the way."""
    return _Resolver(draft, cat).run()


class _Resolver:
    def __init__(self, draft: Draft, cat: Catalog) -> None:
        self.draft = draft
        self.cat = cat
        self.made = Resolved()
        self.unresolved: set[Path] = set()
        self.components: dict[str, tuple[str, dict[str, Any]]] = {}  # path -> kind, bound table

    def run(self) -> Resolved:
        made = self.made
        self.unresolved, problems_found = references.resolve(self.draft)
        made.problems += problems_found
        raw = self.draft.values
        made.values = {
            "data": self._data(raw.get("data")),
            "samples": self._component(("samples",), raw.get("samples"), _SAMPLES),
            "semantics": self._semantics(raw.get("semantics", {})),
            "backbone": self._component(("backbone",), raw.get("backbone"), _BACKBONE),
            "view": self._views(raw.get("view", {})),
            "stage": [self._stage(name, table) for name, table in raw.get("stage", {}).items()],
            "objective": self._objectives(("objective",), raw.get("objective", {})),
            "train": self._train(raw.get("train")),
            "evaluation": self._section(schema.EvaluationSettings, ("evaluation",), raw.get("evaluation")),
        }
        self._check_metrics()
        self._check_views()
        self._check_phases()
        wanted = self._check_needs()
        if not made.problems:
            self._keep(wanted)
            made.leaky = tuple(_leaks(made.values["semantics"]))
            made.origins = origins(self.draft, made.values)
            made.components = [entry for _, entry in sorted(self.components.items())]
        return made

    def _data(self, table: Any) -> dict[str, Any]:
        """The data set, with parameters if it is generated."""
        if not isinstance(table, dict):
            self._not_a_table(("data",), table, "[data]", 'name = "demo"')
            return {}
        own = {key: value for key, value in table.items() if key in schema.DataSettings.model_fields}
        settings = self._model(schema.DataSettings, own, ("data",))
        extra = {key: value for key, value in table.items() if key not in own}
        name = own.get("name")
        if not isinstance(name, str) or not name:
            for key in extra:
                if hint := did_you_mean(key, schema.DataSettings.model_fields):
                    self._report(("data", key), problems.unknown(key, schema.DataSettings.model_fields, "[data]", hint))
            return settings
        taken: Mapping[str, Parameter] = {}
        is_generated = False
        try:
            card = self.cat.find("dataset", name)
            taken, is_generated = signature(card).parameters, card.entry is not None
        except UnknownComponent:
            found_here = [info.name for info in datasets.available()]  # a folder of the user's needs no card
            if name not in found_here:
                names = sorted({*found_here, *self.cat.names("dataset")})
                self._report(("data", "name"), f"No data set is called '{name}'.{did_you_mean(name, names)} There are: {', '.join(names)}.")
                return settings
        except (UsageError, PluginError) as error:
            self._report(("data", "name"), str(error))
            return settings
        accepted = [*schema.DataSettings.model_fields, *taken]
        for key in [key for key in extra if key not in taken]:
            self._report(("data", key), problems.unknown(key, accepted, f"[data] with name = {in_toml(name)}"))
            del extra[key]
        if not is_generated:
            return settings
        bound, found = bind(self.cat, "dataset", {"use": name, **extra}, "data")
        for where, what in found:
            self._report(_path(where), what)
        if not found:
            self.components["data"] = ("dataset", bound)
        return {**settings, **{key: value for key, value in bound.items() if key != "use"}}

    def _semantics(self, table: Any) -> dict[str, Any]:
        """Both tables of neighbours, as far as the recipe has them."""
        models: dict[str, type[schema.Settings]] = {"items": schema.ItemSemantics, "sequences": schema.SequenceSemantics}
        if not isinstance(table, dict):
            self._report(("semantics",), f"Should be two tables, [semantics.items] and [semantics.sequences], got {in_toml(table)}.")
            return {}
        for key in table:
            if key not in models:
                self._report(("semantics", key), problems.unknown(key, models, "[semantics]"))
        made = {key: self._section(model, ("semantics", key), table[key]) for key, model in models.items() if key in table}
        sequences = made.get("sequences", {})
        if sequences.get("unit") == "user" and sequences.get("exclude") == "same_row":
            what = 'With unit = "user" every user has one row, so "same_row" is what "same_user" is; leave it out.'
            self._report(("semantics", "sequences", "exclude"), what)
        return made

    def _views(self, tables: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every pair of views that objectives may name."""
        return [{"id": name, **self._component(("view", name), table, _VIEW)} for name, table in tables.items()]

    def _stage(self, name: str, table: Any) -> dict[str, Any]:
        """A training that comes before that of the recipe, on the same backbone."""
        path = ("stage", name)
        taken = ("samples", "objective", "train")
        for key in [key for key in table if key not in taken]:
            self._report((*path, key), problems.unknown(key, taken, "A [[stage]]"))
        return {
            "id": name,
            "samples": self._component((*path, "samples"), table.get("samples"), _SAMPLES),
            "objective": self._objectives((*path, "objective"), table.get("objective", {})),
            "train": self._section(schema.StageTrainSettings, (*path, "train"), table.get("train")),
        }

    def _objectives(self, at: Path, tables: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every objective, those of weight 0 among them."""
        bound = []
        for name, table in tables.items():
            path = (*at, name)
            settings = self._model(schema.ObjectiveSettings, {"id": name} | {k: v for k, v in table.items() if k == "weight"}, path)
            component = self._component(path, {key: value for key, value in table.items() if key != "weight"}, _OBJECTIVE)
            bound.append({**settings, **component})
        if not bound:
            self._report(at, f"A {'stage' if at[0] == 'stage' else 'recipe'} needs at least one [[{join_path(at)}]].")
        return bound

    def _train(self, table: Any) -> dict[str, Any]:
        """The settings of the last training, its phases by their ids."""
        if isinstance(table, dict) and isinstance(table.get("phase"), dict):
            table = {**table, "phase": [{"id": name, **entry} for name, entry in table["phase"].items()]}
        return self._section(schema.TrainSettings, ("train",), table)

    def _section(self, model: type[schema.Settings], path: Path, table: Any) -> dict[str, Any]:
        """A table of fixed keys, the components in it bound."""
        if not isinstance(table, dict):
            slots = schema.slots(model)
            required = [name for name, entry in model.model_fields.items() if entry.is_required() and name not in slots]
            self._not_a_table(path, table, f"[{join_path(path)}]", ", ".join(required))
            return {}
        slots = schema.slots(model)
        components = {name: self._component((*path, name), table.get(name), slot) for name, slot in slots.items()}
        return self._model(model, {**table, **components}, path)

    def _component(self, path: Path, table: Any, slot: schema.Slot) -> dict[str, Any]:
        """A complete component table."""
        if slot.default is not None and (table is None or (isinstance(table, dict) and "use" not in table)):
            table = {"use": slot.default, **(table or {})}
        if table is None:
            names = ", ".join(self.cat.names(slot.kind))
            self._report(path, f'Missing. Write [{join_path(path)}] with use = "…". Registered: {names or "none"}.')
            return {}
        bound, found = bind(self.cat, slot.kind, table, join_path(path), slot.protocol)
        for where, what in found:
            self._report(_path(where), what)
        if not found:
            self.components[join_path(path)] = (slot.kind, bound)
        return bound

    def _model(self, model: type[schema.Settings], table: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """A table read strictly; as it stands when something is wrong with it."""
        read, found = problems.check(model, table, path)
        for where, what in found:
            self._report(where, what)
        return dict(table) if read is None else read.model_dump(mode="json")

    def _check_metrics(self) -> None:
        """Cut-offs are told apart, and early stopping watches a metric that is computed."""
        cutoffs = self.made.values["evaluation"].get("cutoffs")
        if not isinstance(cutoffs, list):
            return
        if len(set(map(str, cutoffs))) < len(cutoffs):
            self._report(("evaluation", "cutoffs"), f"Lists a cut-off twice: {in_toml(cutoffs)}.")
        stopping = self.made.values["train"].get("early_stopping")
        metric = stopping.get("metric") if isinstance(stopping, dict) else None
        if not isinstance(metric, str):
            return
        known = [f"valid.{name}@{k}" for name in ("hr", "ndcg", "mrr") for k in cutoffs]
        if metric not in known:
            near = did_you_mean(metric, known)
            self._report(
                ("train", "early_stopping", "metric"), f"{in_toml(metric)} is not computed.{near} Computed are: {', '.join(known)}."
            )

    def _check_views(self) -> None:
        """Objectives name views that there are."""
        known = [entry["id"] for entry in self.made.values["view"]]
        for path, name in _referred(self.made.values):
            if name not in known:
                self._report(path, f"No view is called '{name}'.{did_you_mean(name, known)} [[view]] has: {', '.join(known) or 'none'}.")

    def _check_phases(self) -> None:
        """Phases name objectives that there are."""
        known = [entry["id"] for entry in self.made.values["objective"]]
        trained = ["backbone", *known]
        for phase in self.made.values["train"].get("phase", ()):
            if not isinstance(phase, dict) or not isinstance(phase.get("update"), list) or not isinstance(phase.get("weights", {}), dict):
                continue  # reported with its type
            path = ("train", "phase", str(phase.get("id")))
            for number, name in enumerate(map(str, phase["update"])):
                if name not in trained:
                    what = f"There is nothing '{name}' to update.{did_you_mean(name, trained)} There are: {', '.join(trained)}."
                    self._report((*path, "update", str(number)), what)
            for name in phase.get("weights", {}):
                if name not in known:
                    what = f"No objective is called '{name}'.{did_you_mean(name, known)} There are: {', '.join(known)}."
                    self._report((*path, "weights", name), what)

    def _check_needs(self) -> set[str]:
        """Report what parts of the run need and the recipe lacks; return the paths of all tables that are needed."""
        weights = dict(_weights(self.made.values))
        for at in [("objective",), *(("stage", entry["id"], "objective") for entry in self.made.values["stage"])]:
            own = [weight for path, weight in weights.items() if path.startswith(f"{join_path(at)}.")]
            if own and not any(own):
                self._report(at, "Every objective has weight 0, so there is nothing to train.")
        wanted = set()
        for path, (kind, bound) in self.components.items():
            if weights.get(path) == 0:
                continue
            for table in sorted({GIVEN[given] or "" for given in needs(self.cat, kind, bound)} - {""}):
                wanted.add(table)
                if self.draft.get(_path(table)) is None:
                    self._report(_path(path), f"{bound['use']} needs [{table}], which the recipe does not have.")
        return wanted

    def _keep(self, wanted: set[str]) -> None:
        """Drop objectives of weight 0, and tables that nothing needs."""
        values = self.made.values
        for path, weight in _weights(values):
            if weight == 0:
                del self.components[path]
        for holder in (values, *values["stage"]):
            holder["objective"] = [entry for entry in holder["objective"] if entry["weight"] > 0]
        used = {name for _, name in _referred(values)}
        for entry in values["view"]:
            if entry["id"] not in used:
                del self.components[f"view.{entry['id']}"]
        values["view"] = [entry for entry in values["view"] if entry["id"] in used]
        for phase in values["train"]["phase"]:  # an objective of weight 0 is not there to be weighed or trained
            there = {entry["id"] for entry in values["objective"]}
            phase["weights"] = {name: weight for name, weight in phase["weights"].items() if name in there}
            phase["update"] = [name for name in phase["update"] if name == "backbone" or name in there]
        for key in list(values["semantics"]):
            if f"semantics.{key}" not in wanted:
                del values["semantics"][key]
                for path in [path for path in self.components if path.startswith(f"semantics.{key}.")]:
                    del self.components[path]
        values["evaluation"]["cutoffs"] = sorted(values["evaluation"]["cutoffs"])
        for place, value in leaves(values):
            if isinstance(value, float) and not math.isfinite(value):
                self._report(place, f"Should be a finite number, got {value}.")

    def _not_a_table(self, path: Path, table: Any, name: str, keys: str) -> None:
        what = f"Missing. A recipe needs {name} with {keys}." if table is None else f"Should be a table {name}, got {in_toml(table)}."
        self._report(path, what)

    def _report(self, path: Path, what: str) -> None:
        if path in self.unresolved:  # what a value is without its variable says nothing
            return
        self.made.problems.append(self.draft.origin(path).problem(path, what))


def _weights(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Path and weight of every objective of every stage."""
    for prefix, holder in [("", values), *((f"stage.{stage['id']}.", stage) for stage in values["stage"])]:
        for entry in holder["objective"]:
            yield f"{prefix}objective.{entry['id']}", entry["weight"]


def _referred(values: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Where a declared view is named, and its id."""
    for path, value in leaves({"objective": values["objective"], "stage": values["stage"]}):
        if path[-1] == "use" and isinstance(value, str) and refers("view", {"use": value}):
            yield path[:-1], value.removeprefix(VIEW)


def _leaks(semantics: Mapping[str, Any]) -> Iterator[str]:
    """Settings by which validation items reach training, or a sequence its own user's."""
    sequences = semantics.get("sequences", {})
    if sequences.get("pool") == "all":
        yield 'semantics.sequences.pool = "all"'
    if sequences.get("exclude") == "same_row":
        yield 'semantics.sequences.exclude = "same_row"'


def _path(where: str) -> Path:
    """A path that the registry reports."""
    return split_path(where) or tuple(where.split("."))
