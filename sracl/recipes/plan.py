"""Resolves a recipe to a plan: every run of it, complete, hashable, as JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl.data import datasets
from sracl.errors import DataError, Problem, RecipeError
from sracl.recipes import frame, schema
from sracl.recipes.digest import code_versions, decisive_values, digest
from sracl.recipes.load import Loaded, load
from sracl.recipes.resolve import Resolved, resolve
from sracl.recipes.settings import parse
from sracl.recipes.variants import Case, cases
from sracl.registry.catalog import Catalog, catalog
from sracl.registry.wording import in_toml
from sracl.wording import the_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST = 3
"""Values, and cells of matrix and sweep, that are told of where many have the same problem."""

_GOT = ", got "
"""Stands before the value in what is wrong with it."""


@dataclass(frozen=True)
class RunPlan:
    """One run: nothing is left to be decided."""

    recipe: str
    variant: str
    """Empty if the recipe has no variants."""
    cell: Mapping[str, Any]
    """Path -> value on each axis of the matrix, and what the sweep has drawn."""
    seed: int
    values: Mapping[str, Any]
    """Every setting and every parameter, as JSON; what has no influence on this run is left out."""
    origins: Mapping[str, str]
    """Path of each value -> where it was written, or what it is a default of."""
    digest: str
    """Of values, seed, code version and data; runs that compute the same share it."""
    leaky: tuple[str, ...]
    """Settings that show training more than it may see, written as in a recipe; empty for an honest run."""
    data_fingerprint: str | None
    """None where the data set is not there."""
    code: Mapping[str, str] = field(default_factory=dict)
    """Version of every distribution and module that computes it, as in its digest; empty in what earlier versions have written down."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Kind of texts -> identity of the words that they are asked for with, as in its digest; empty in the same."""
    lacking: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """Path of a component -> packages that it needs and that are not installed here and now; not written down."""

    def json(self) -> dict[str, Any]:
        """What decides the run and what it is called, in JSON's types."""
        kept = dataclasses.asdict(self) | {"leaky": list(self.leaky)}
        del kept["lacking"]
        return kept


@dataclass(frozen=True)
class Plan:
    """All runs of a recipe: variants × cells of the matrix × trials of the sweep × seeds, in the order of the file."""

    name: str
    runs: tuple[RunPlan, ...]
    report: Mapping[str, Any]
    """`baseline` (or None) and `published`; for a sweep `tuned`, the metric by which validation chooses."""
    source: str
    """The recipe's file."""
    resources: Mapping[str, Any]
    """What a job for one of the runs asks of the machine: `vram`, GiB or None."""

    def json(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        shared = {"name": self.name, "source": self.source, "report": dict(self.report), "resources": dict(self.resources)}
        return {**shared, "runs": [run.json() for run in self.runs]}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Plan:
        """The plan that `json` wrote down."""
        runs = tuple(RunPlan(**{**run, "leaky": tuple(run["leaky"])}) for run in kept["runs"])
        return cls(kept["name"], runs, kept["report"], kept["source"], kept["resources"])


def plan(recipe: str, *, sets: Sequence[str] = (), seeds: Sequence[int] | None = None) -> Plan:
    """Resolve a recipe.

    Args:
        recipe: A file, or the name of a shipped recipe.
        sets: Values of the command line, each `path=value`.
        seeds: Instead of the recipe's.

    Raises:
        UsageError: There is no such recipe.
        RecipeError: Everything that is wrong with it.
    """
    loaded = load(recipe)
    cat = catalog()
    settings, found = parse(sets)
    loaded.problems += found + frame.misplaced(loaded, settings) + frame.unknown_keys(loaded)
    settings = frame.apply_to_recipe(loaded, settings, seeds)
    loaded.problems += frame.unused_variables(loaded, settings) + frame.without_effect(loaded)
    numbers = frame.seeds_of(loaded)
    made, found = cases(loaded.draft, settings, loaded.bases)
    loaded.problems += found
    report = frame.report_of(loaded, made, cat)
    resources = frame.resources_of(loaded)
    resolved = [resolve(case.draft, cat) for case in made]
    loaded.problems += _together(made, resolved)
    loaded.problems += frame.unmeasured(loaded, (entry.values["evaluation"].get("cutoffs") for entry in resolved))
    if loaded.problems:
        raise RecipeError(loaded.shown, _sorted(loaded))
    fingerprints, sources = _Fingerprints(), dict[str, dict[str, str]]()
    runs: list[RunPlan] = []
    for case, values in zip(made, resolved, strict=True):
        fingerprint, code = fingerprints(values.values["data"]), code_versions(cat, values.components.values(), sources)
        runs += [_run(loaded.name, case, values, seed, fingerprint, code, cat) for seed in numbers]
    return Plan(loaded.name, tuple(runs), report, loaded.shown, resources)


def _run(recipe: str, case: Case, resolved: Resolved, seed: int, fingerprint: str | None, code: Mapping[str, str], cat: Catalog) -> RunPlan:
    key = digest(_decisive(resolved, cat), seed, code, fingerprint)
    values, origins, words = resolved.values, resolved.origins, resolved.words
    return RunPlan(
        recipe, case.variant, case.cell, seed, values, origins, key, resolved.leaky, fingerprint, code, words, lacking=resolved.lacking
    )


def _decisive(resolved: Resolved, cat: Catalog) -> dict[str, Any]:
    """The values that decide what comes of the run, with what prompts say in the place of their names."""
    values = decisive_values(cat, resolved.values, resolved.components)
    tables = {kind: {**table, "prompt": resolved.words[kind]} for kind, table in values["semantics"].items()}
    return {**values, "semantics": tables}


class _Fingerprints:
    """Fingerprints of data sets, each computed once."""

    def __init__(self) -> None:
        self.known: dict[str, str | None] = {}

    def __call__(self, data: Mapping[str, Any]) -> str | None:
        """Of a `data` table; None where the data set is not there."""
        parameters = {key: value for key, value in data.items() if key not in schema.DataSettings.model_fields}
        key = in_toml({"name": data["name"], **parameters})
        if key not in self.known:
            try:
                self.known[key] = datasets.fingerprint(data["name"], parameters)
            except DataError:
                self.known[key] = None
        return self.known[key]


def _together(made: Sequence[Case], resolved: Sequence[Resolved]) -> list[Problem]:
    """Problems of all cases, each once; those that not all cases have say which do, and those that differ by a value alone are one."""
    met: dict[Problem, dict[str, list[int]]] = {}
    for number, entry in enumerate(resolved):
        for problem in dict.fromkeys(entry.problems):
            accepted, _, value = problem.what.partition(_GOT)
            is_value = value.endswith(".") and ". " not in value  # and nothing is said of it
            shared = dataclasses.replace(problem, what=accepted) if is_value else problem
            met.setdefault(shared, {}).setdefault(value if is_value else "", []).append(number)
    found = []
    for problem, values in met.items():
        having = [made[number] for number in sorted({number for numbers in values.values() for number in numbers})]
        told = ", ".join(the_first([value.removesuffix(".") for value in values], _MOST))
        what = f"{problem.what}{_GOT}{told}." if told else problem.what
        which = "" if len(having) == len(made) and len(values) == 1 else _which(having, made, problem.where, len(values) > 1)
        found.append(dataclasses.replace(problem, what=f"{what} {which}".rstrip()))
    return found


def _which(having: Sequence[Case], made: Sequence[Case], where: str, are_values_told: bool) -> str:
    """The cases that have a problem with the value of a path, in words."""
    variants = list(dict.fromkeys(case.variant for case in having))
    if len(variants) < len({case.variant for case in made}):
        return f"(In {'variant' if len(variants) == 1 else 'variants'} {', '.join(repr(name) for name in variants)}.)"
    if all(where in case.cell for case in having):  # whatever else they have
        cells = [] if are_values_told else [f"{where} = {in_toml(case.cell[where])}" for case in having]
    else:
        cells = [", ".join(f"{path} = {in_toml(value)}" for path, value in case.cell.items()) for case in having if case.cell]
    return f"(With {'; '.join(the_first(list(dict.fromkeys(cells)), _MOST))}.)" if cells else ""


def _sorted(loaded: Loaded) -> list[Problem]:
    """Problems by file and line, the recipe before its parents, the command line last."""
    order = {shown: number for number, shown in enumerate(loaded.files)}
    return sorted(dict.fromkeys(loaded.problems), key=lambda problem: (order.get(problem.file or "", len(order)), problem.line or 0))
