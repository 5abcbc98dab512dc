"""Completes the values of one run: every setting, every parameter of every component, and where each came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.data import datasets
from sracl.errors import PluginError, Problem, UsageError, did_you_mean
from sracl.interfaces import GIVEN
from sracl.recipes import agreement, checks, problems, prompts, references, schema
from sracl.recipes.lines import Path, join_path, split_path
from sracl.recipes.origins import origins
from sracl.registry.catalog import UnknownComponent
from sracl.registry.find_card import find_card, located
from sracl.registry.named_llm import names_card
from sracl.registry.packages import lacking
from sracl.registry.parameters import bind, needs, signature
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sracl.recipes.draft import Draft
    from sracl.registry.catalog import Catalog
    from sracl.registry.signatures import Parameter


@dataclass
class Resolved:
    """The complete values of one run."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    leaky: tuple[str, ...] = ()
    components: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Path -> kind and bound table of each component, outermost only."""
    problems: list[Problem] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    """Kind of texts -> identity of the words that they are asked for with."""
    lacking: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    """Path of a component, outermost only -> packages that it or one within it needs, and that are not installed."""


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
        made.values["data"] = self._data(raw.get("data"))
        made.values |= {
            "samples": self._component(("samples",), raw.get("samples"), schema.SAMPLES),
            "semantics": self._semantics(raw.get("semantics", {})),
            "backbone": self._component(("backbone",), raw.get("backbone"), schema.BACKBONE),
            "view": self._views(raw.get("view", {})),
            "stage": [self._stage(name, table) for name, table in raw.get("stage", {}).items()],
            "objective": self._objectives(("objective",), raw.get("objective", {})),
            "train": self._train(raw.get("train")),
            "evaluation": self._evaluation(raw.get("evaluation")),
        }
        for name, slot in schema.OPTIONAL.items():
            if name in raw:
                made.values[name] = self._component((name,), raw[name], slot)
        for check in checks.ALL:
            for path, what in check(made.values):
                self._report(path, what)
        idle = checks.idle(made.values)
        wanted = self._wanted(idle)
        for path, what in agreement.disagreements(self.cat, made.values, idle):
            self._report(path, what)
        if not made.problems:
            self._keep(idle, wanted)
            made.leaky = tuple(checks.leaks(made.values["semantics"]))
            made.origins = origins(self.draft, made.values)
            made.components = dict(sorted(self.components.items()))
            made.lacking = {path: found for path, component in made.components.items() if (found := self._lacking(path, *component))}
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
        models = schema.SEMANTICS
        if not isinstance(table, dict):
            self._report(("semantics",), f"Should be two tables, [semantics.items] and [semantics.sequences], got {in_toml(table)}.")
            return {}
        for key in table:
            if key not in models:
                self._report(("semantics", key), problems.unknown(key, models, "[semantics]"))
        return {key: self._texts(key, model, table[key]) for key, model in models.items() if key in table}

    def _texts(self, kind: str, model: type[schema.Settings], table: Any) -> dict[str, Any]:
        """One table of neighbours, with the words that its texts are asked for with."""
        path = ("semantics", kind)
        if isinstance(table, dict) and (own := prompts.of_data(self.cat, self.made.values["data"].get("name"), kind)):
            table = {"prompt": own, **table}
        made = self._section(model, path, table)
        if isinstance(name := made.get("prompt"), str) and name:
            made["prompt"] = located(name, self.draft.origin((*path, "prompt")).folder)
            try:
                self.made.words[kind] = prompts.checked(self.cat, made["prompt"], kind).fingerprint
            except prompts.WrongPrompt as wrong:
                self._report((*path, "prompt"), str(wrong))
        return made

    def _views(self, tables: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every pair of views that objectives may name."""
        paths = {("view", name): table for name, table in tables.items()}
        return [{**self._model(schema.Identified, {"id": at[-1]}, at), **self._component(at, paths[at], schema.VIEW)} for at in paths]

    def _stage(self, name: str, table: Any) -> dict[str, Any]:
        """A training that comes before that of the recipe, on the same backbone."""
        path = ("stage", name)
        taken = ("samples", "objective", "train")
        for key in [key for key in table if key not in taken]:
            self._report((*path, key), problems.unknown(key, taken, "A [[stage]]"))
        return {
            **self._model(schema.Identified, {"id": name}, path),
            "samples": self._component((*path, "samples"), table.get("samples"), schema.SAMPLES),
            "objective": self._objectives((*path, "objective"), table.get("objective", {})),
            "train": self._section(schema.StageTrainSettings, (*path, "train"), table.get("train")),
        }

    def _objectives(self, at: Path, tables: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every objective, those of weight 0 among them."""
        bound = []
        for name, table in tables.items():
            path = (*at, name)
            settings = self._model(schema.ObjectiveSettings, {"id": name} | {k: v for k, v in table.items() if k == "weight"}, path)
            component = self._component(path, {key: value for key, value in table.items() if key != "weight"}, schema.OBJECTIVE)
            bound.append({**settings, **component})
        if not bound:
            self._report(at, f"A {'stage' if at[0] == 'stage' else 'recipe'} needs at least one [[{'.'.join(at[::2])}]].")
        return bound

    def _train(self, table: Any) -> dict[str, Any]:
        """The settings of the last training, its phases by their ids."""
        phases = table.get("phase", {}) if isinstance(table, dict) else {}
        own = {key: value for key, value in table.items() if key != "phase"} if isinstance(table, dict) else table
        read = [self._model(schema.PhaseSettings, {"id": name, **entry}, ("train", "phase", name)) for name, entry in phases.items()]
        return {**self._section(schema.TrainSettings, ("train",), own), "phase": read}

    def _evaluation(self, table: Any) -> dict[str, Any]:
        """The protocol; a split that is a table is read by itself."""
        split = table.get("split") if isinstance(table, dict) else None
        if not isinstance(split, dict):
            return self._section(schema.EvaluationSettings, ("evaluation",), table)
        rest = {key: value for key, value in table.items() if key != "split"}
        made = self._section(schema.EvaluationSettings, ("evaluation",), rest)
        return {**made, "split": self._model(schema.TimeSplit, split, ("evaluation", "split"))}

    def _section(self, model: type[schema.Settings], path: Path, table: Any) -> dict[str, Any]:
        """A table of fixed keys, the components in it bound."""
        slots = schema.slots(model)
        if not isinstance(table, dict):
            required = [name for name, entry in model.model_fields.items() if entry.is_required() and name not in slots]
            self._not_a_table(path, table, f"[{join_path(path)}]", ", ".join(required))
            return {}
        components = {name: self._component((*path, name), table.get(name), slot) for name, slot in slots.items()}
        return self._model(model, {**table, **components}, path)

    def _component(self, path: Path, table: Any, slot: schema.Slot) -> dict[str, Any]:
        """A complete component table."""
        if slot.default is not None and (table is None or (isinstance(table, dict) and "use" not in table)):
            table = {"use": self.cat.ours(slot.kind, slot.default), **(table or {})}
        if table is None:
            names = ", ".join(self.cat.names(slot.kind))
            self._report(path, f'Missing. Write [{join_path(path)}] with use = "…". Registered: {names or "none"}.')
            return {}
        bound, found = bind(self.cat, slot.kind, table, join_path(path), slot.protocol, self._meant)
        if slot.kind == "llm_provider" and not found:
            found = self._language_model(path, bound)
        for where, what in found:
            self._report(_path(where), what)
        if not found:
            self.components[join_path(path)] = (slot.kind, bound)
        return bound

    def _language_model(self, path: Path, bound: dict[str, Any]) -> list[tuple[str, str]]:
        """Name the card of a provider's language model in full where it is a file; what is wrong with it."""
        if not names_card(self.cat, bound):
            return []
        bound["llm"] = located(bound["llm"], self.draft.origin((*path, "llm")).folder)
        try:
            find_card(self.cat, "llm", bound["llm"])
        except (UsageError, PluginError) as error:
            return [(join_path((*path, "llm")), " ".join(str(error).split()))]
        return []

    def _meant(self, kind: str, name: str, where: str) -> str:
        """Our own component where a recipe names it that comes with sracl: nobody could mend it when others take the name."""
        if (ours := self.cat.ours(kind, name)) == name:
            return name
        folder = self.draft.origin(_path(where)).folder
        return ours if folder is not None and folder.resolve().is_relative_to(paths.shipped("recipes").resolve()) else name

    def _model(self, model: type[schema.Settings], table: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """A table read strictly; as it stands when something is wrong with it."""
        read, found = problems.check(model, table, path)
        for where, what in found:
            self._report(where, what)
        return dict(table) if read is None else read.model_dump(mode="json")

    def _wanted(self, idle: set[Path]) -> set[str]:
        """Report what parts of the run need and the recipe lacks; return the paths of all tables that are needed."""
        wanted = set()
        for path, (kind, bound) in self.components.items():
            if _path(path) in idle:
                continue
            for table in sorted({GIVEN[given] or "" for given in needs(self.cat, kind, bound)} - {""}):
                wanted.add(table)
                if self.draft.get(_path(table)) is None:
                    self._report(_path(path), f"{bound['use']} needs [{table}], which the recipe does not have.")
        return wanted

    def _keep(self, idle: set[Path], wanted: set[str]) -> None:
        """Drop what the run is built without, and tables that nothing needs."""
        values = self.made.values
        for component in idle:
            del self.components[join_path(component)]
        values["view"] = [entry for entry in values["view"] if ("view", entry["id"]) not in idle]
        for at, holder in checks.trainings(values):
            holder["objective"] = [entry for entry in holder["objective"] if (*at, entry["id"]) not in idle]
        values["train"]["phase"] = checks.phases_left(values)
        for key in list(values["semantics"]):
            if f"semantics.{key}" not in wanted:
                del values["semantics"][key]
                for inner in [inner for inner in self.components if inner.startswith(f"semantics.{key}.")]:
                    del self.components[inner]
        values["evaluation"]["cutoffs"] = sorted(values["evaluation"]["cutoffs"])
        for path, what in checks.finite(values):
            self._report(path, what)

    def _lacking(self, where: str, kind: str, bound: Mapping[str, Any]) -> tuple[Problem, ...]:
        """What a component needs and is not installed, where it was named."""
        found = ((_path(place), what) for place, what in lacking(self.cat, kind, bound, where))
        return tuple(self.draft.origin(path).problem(path, what) for path, what in found)

    def _not_a_table(self, path: Path, table: Any, name: str, keys: str) -> None:
        what = f"Missing. A recipe needs {name} with {keys}." if table is None else f"Should be a table {name}, got {in_toml(table)}."
        self._report(path, what)

    def _report(self, path: Path, what: str) -> None:
        if path in self.unresolved:  # what a value is without its variable says nothing
            return
        self.made.problems.append(self.draft.origin(path).problem(path, what))


def _path(where: str) -> Path:
    """A path that the registry reports."""
    return split_path(where) or tuple(where.split("."))
