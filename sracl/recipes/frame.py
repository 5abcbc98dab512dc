"""What belongs to a recipe as a whole and to none of its runs: its tables, variables, seeds and report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sracl.errors import Problem, did_you_mean
from sracl.recipes import checks, problems, references, schema
from sracl.recipes.draft import Misplaced, Origin
from sracl.recipes.lines import join_path, split_path
from sracl.recipes.settings import COMMAND_LINE, Setting, why_not_settable
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sracl.recipes.lines import Path
    from sracl.recipes.load import Loaded
    from sracl.recipes.variants import Case
    from sracl.registry.catalog import Catalog

_Settings = TypeVar("_Settings", bound=schema.Settings)

_SETTABLE = ("seeds", "sweep", "report", "resources")
"""What the command line can set, though it is no value of a run."""


def misplaced(loaded: Loaded, settings: list[Setting]) -> list[Problem]:
    """Values of the command line for what it cannot set; they are taken out of the list."""
    found = []
    for setting in list(settings):
        why = None if setting.path[0] in _SETTABLE else why_not_settable(setting.path, loaded.draft)
        if why is not None:
            found.append(COMMAND_LINE.problem(setting.path, why))
            settings.remove(setting)
    return found


def unknown_keys(loaded: Loaded) -> list[Problem]:
    """Tables at the top of a file that mean nothing."""
    found = []
    for key in [key for key in loaded.draft.values if key not in schema.RECIPE_KEYS]:
        what = problems.unknown(key, schema.RECIPE_KEYS, "A recipe", loaded.draft.elsewhere(key))
        found.append(loaded.draft.origin((key,)).problem((key,), what))
    return found


def apply_to_recipe(loaded: Loaded, settings: Sequence[Setting], seeds: Sequence[int] | None) -> list[Setting]:
    """Set what is not a value of runs; return the rest."""
    own = [setting for setting in settings if setting.path[0] in _SETTABLE]
    if seeds is not None:
        if any(setting.path[0] == "seeds" for setting in own):
            loaded.problems.append(COMMAND_LINE.problem(("seeds",), "Seeds are given a second time, by --seeds."))
        loaded.draft.merge(("seeds",), list(seeds), _constant(Origin("--seeds", "--seeds")))
    for setting in own:
        try:
            loaded.draft.merge(_of_space(setting.path, loaded), setting.value, _constant(COMMAND_LINE))
        except Misplaced as error:
            loaded.problems.append(COMMAND_LINE.problem(setting.path, str(error)))
    return [setting for setting in settings if setting not in own]


def _of_space(path: Path, loaded: Loaded) -> Path:
    """A path of the command line into `[sweep.space]` with its axis in one key, as `document` has it, whether it was quoted or not."""
    top, within = path[:2], path[2:]
    if top != ("sweep", "space") or not within or "." in within[0]:
        return path
    known = loaded.draft.get(top)
    axes = known if isinstance(known, dict) else {}
    end = next((end for end in range(1, len(within)) if join_path(within[:end]) in axes), len(within))
    return (*top, join_path(within[:end]), *within[end:])


def unused_variables(loaded: Loaded, settings: Sequence[Setting]) -> list[Problem]:
    """Variables of the recipe itself that no value refers to; a parent's may have lost their use."""
    draft = loaded.draft
    variables = draft.get(("vars",))
    if variables is None:
        return []
    if not isinstance(variables, dict):
        return [draft.origin(("vars",)).problem(("vars",), f"Should be a table, got {in_toml(variables)}.")]
    used = {name for value in [*draft.values.values(), *(setting.value for setting in settings)] for name in references.names(value)}
    found = []
    for name in variables:
        origin = draft.origin(("vars", name))
        if name not in used and origin.file == loaded.shown:
            found.append(origin.problem(("vars", name), f'Is never used; a value refers to it as "${{vars.{name}}}".'))
    return found


def without_effect(loaded: Loaded) -> list[Problem]:
    """Values that a matrix or sweep decides for every run which stands farther up, in a parent of the recipe that sets them."""
    found = []
    for table in (("matrix",), ("sweep", "space")):
        axes = loaded.draft.get(table)
        for text in axes if isinstance(axes, dict) else ():
            path, at = split_path(text), (*table, text)
            value, axis = loaded.draft.origins.get(path or ()), loaded.draft.origin(at)
            if path and value and _is_nearer(value, axis, loaded.files):
                what = (
                    f"Has no effect: the {table[0]} of {axis.file} decides it for every run. List it there, or leave that out: "
                    f"unset = [{in_toml(join_path(at))}]."
                )
                found.append(value.problem(path, what))
    return found


def _is_nearer(one: Origin, other: Origin, files: Sequence[str]) -> bool:
    """Whether it stands in a file that extends that of the other."""
    return one.file in files and other.file in files and files.index(one.file) < files.index(other.file)


def seeds_of(loaded: Loaded) -> list[int]:
    """The seeds; none if something is wrong with them."""
    seeds = loaded.draft.get(("seeds",))
    what = ""
    if seeds is None:
        what = "Missing. Each seed is a run of its own, such as seeds = [2024, 2025, 2026]."
    elif not isinstance(seeds, list) or not seeds or not all(type(seed) is int and 0 <= seed <= schema.MAX_SEED for seed in seeds):
        what = f"Should be an array of integers from 0 to {schema.MAX_SEED}, at least 1 long, got {in_toml(seeds)}."
    elif len(set(seeds)) < len(seeds):
        what = f"Lists a seed twice: {in_toml(seeds)}."
    if what:
        loaded.problems.append(loaded.draft.origin(("seeds",)).problem(("seeds",), what))
        return []
    return list(seeds)


def report_of(loaded: Loaded, made: Iterable[Case], cat: Catalog) -> dict[str, Any]:
    """The `[report]` table: names of variants and of published figures."""
    draft = loaded.draft
    model = _table(loaded, "report", schema.Report)
    if model is None:
        return {}
    variants = list(dict.fromkeys(case.variant for case in made if case.variant))
    if model.baseline is not None and model.baseline not in variants:
        what = (
            f"No variant is called '{model.baseline}'.{did_you_mean(model.baseline, variants)} There are: {', '.join(variants) or 'none'}."
        )
        loaded.problems.append(draft.origin(("report", "baseline")).problem(("report", "baseline"), what))
    known = cat.names("result")
    for number, name in enumerate(model.published):
        if name not in known:
            path = ("report", "published", str(number))
            what = f"No published figures are called '{name}'.{did_you_mean(name, known)} There are: {', '.join(known) or 'none'}."
            loaded.problems.append(draft.origin(path).problem(path, what))
    metric = draft.get(("sweep", "metric"))
    return model.model_dump(mode="json") | ({"tuned": metric.removeprefix("valid.")} if isinstance(metric, str) else {})


def unmeasured(loaded: Loaded, cutoffs: Iterable[Any]) -> list[Problem]:
    """What is wrong with the metric by which a sweep chooses.

    Args:
        loaded: The recipe.
        cutoffs: Those of each of its runs, whatever they are.
    """
    path = ("sweep", "metric")
    metric = loaded.draft.get(path)
    if not isinstance(metric, str):
        return []  # no sweep, or said already
    told: list[str | None] = []
    if metric.startswith("test."):
        told = ["Validation alone chooses: what is chosen by test figures has none left that mean anything. Write valid. instead."]
    else:
        told = [checks.unwatched(metric, known) for known in cutoffs if isinstance(known, list)]
    return [loaded.draft.origin(path).problem(path, what) for what in dict.fromkeys(told) if what]


def resources_of(loaded: Loaded) -> dict[str, Any]:
    """The `[resources]` table."""
    model = _table(loaded, "resources", schema.Resources)
    return {} if model is None else model.model_dump(mode="json")


def _table(loaded: Loaded, key: str, kind: type[_Settings]) -> _Settings | None:
    """A table of the recipe with a fixed set of keys; None if something is wrong with it."""
    draft = loaded.draft
    table = draft.get((key,))
    if table is None:
        return kind()
    if not isinstance(table, dict):
        loaded.problems.append(draft.origin((key,)).problem((key,), f"Should be a table, got {in_toml(table)}."))
        return None
    model, found = problems.check(kind, table, (key,))
    loaded.problems += [draft.origin(path).problem(path, what) for path, what in found]
    return model


def _constant(origin: Origin) -> Callable[[Path], Origin]:
    return lambda _: origin
