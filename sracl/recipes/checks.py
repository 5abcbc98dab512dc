"""What must hold between the tables of one run. Each check yields a path and what is wrong there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from sracl.errors import did_you_mean
from sracl.evaluation.definitions import OF_RANKS
from sracl.interfaces import VIEW
from sracl.recipes.origins import leaves
from sracl.registry.parameters import refers
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sracl.recipes.lines import Path

Found: TypeAlias = "Iterator[tuple[Path, str]]"


def metrics(values: Mapping[str, Any]) -> Found:
    """Cut-offs are told apart, and early stopping watches a metric that is computed."""
    cutoffs = values["evaluation"].get("cutoffs")
    if not isinstance(cutoffs, list) or not cutoffs or any(not isinstance(k, int) or k < 1 for k in cutoffs):
        return  # said already, and no metric could be told from such
    if len(set(cutoffs)) < len(cutoffs):
        yield ("evaluation", "cutoffs"), f"Lists a cut-off twice: {in_toml(cutoffs)}."
    stopping = values["train"].get("early_stopping")
    metric = stopping.get("metric") if isinstance(stopping, dict) else None
    if not isinstance(metric, str):
        return
    if what := unwatched(metric, cutoffs):
        yield ("train", "early_stopping", "metric"), what


def unwatched(metric: str, cutoffs: Sequence[int]) -> str | None:
    """What to say of a metric that validation does not compute; None where it does."""
    known = [f"valid.{name}@{k}" for name in OF_RANKS for k in dict.fromkeys(cutoffs)]
    if metric in known:
        return None
    return f"{in_toml(metric)} is not computed.{did_you_mean(metric, known)} Computed are: {', '.join(known)}."


def semantics(values: Mapping[str, Any]) -> Found:
    """No rule is given that has no effect."""
    sequences = values["semantics"].get("sequences", {})
    if sequences.get("unit") == "user" and sequences.get("exclude") == "same_row":
        what = 'With unit = "user" every user has one row, so "same_row" is what "same_user" is; leave it out.'
        yield ("semantics", "sequences", "exclude"), what


def split(values: Mapping[str, Any]) -> Found:
    """Moments follow one another, and what lets held-out items in knows which these are."""
    found = values["evaluation"].get("split")
    if not isinstance(found, dict):
        return
    valid, test = found.get("valid"), found.get("test")
    if isinstance(valid, float) and isinstance(test, float) and valid >= test:
        yield ("evaluation", "split", "valid"), f"Should be below test, which is {test:g}; got {valid:g}."
    if values["semantics"].get("sequences", {}).get("pool") == "all":
        what = 'pool = "all" repeats what the official code lets in where one is left out; with a split by time there is no such pool.'
        yield ("semantics", "sequences", "pool"), what


def views(values: Mapping[str, Any]) -> Found:
    """Objectives name views that there are."""
    known = [entry["id"] for entry in values["view"]]
    for path, name in referred(values):
        if name not in known:
            yield path, f"No view is called '{name}'.{did_you_mean(name, known)} [[view]] has: {', '.join(known) or 'none'}."


def phases(values: Mapping[str, Any]) -> Found:
    """Phases update and weigh what there is, and each has a loss."""
    weighed = {entry["id"]: _weight(entry) for entry in values["objective"]}
    trained = ["backbone", *weighed]
    if values["train"].get("phase") and "backbone" in weighed:
        yield ("objective", "backbone"), "A phase that updates 'backbone' means the backbone; call this objective something else."
    for phase in values["train"].get("phase", ()):
        path, update, weights = ("train", "phase", phase["id"]), phase.get("update"), phase.get("weights", {})
        if not isinstance(update, list) or not isinstance(weights, dict):
            continue  # reported with its type
        for number, name in enumerate(map(str, update)):
            if name not in trained:
                what = f"There is nothing '{name}' to update.{did_you_mean(name, trained)} There are: {', '.join(trained)}."
                yield (*path, "update", str(number)), what
        for name in weights:
            if name not in weighed:
                what = f"No objective is called '{name}'.{did_you_mean(name, weighed)} There are: {', '.join(weighed)}."
                yield (*path, "weights", name), what
        trains = any(name == "backbone" or weighed.get(name) for name in update)  # else it is left out
        if trains and not any(weights.get(name, weight) for name, weight in weighed.items() if weight) and any(weighed.values()):
            yield path, "Every objective has weight 0 in this phase, so there is nothing to learn from."


def something_to_train(values: Mapping[str, Any]) -> Found:
    """Every stage has an objective that counts."""
    for at, holder in trainings(values):
        if holder["objective"] and not any(map(_weight, holder["objective"])):
            yield at, "Every objective has weight 0, so there is nothing to train."


ALL = (semantics, metrics, split, views, phases, something_to_train)


def finite(values: Mapping[str, Any]) -> Found:
    """Numbers are some that JSON has; to be asked of what a run is built with alone."""
    for path, value in leaves(values):
        if isinstance(value, float) and not math.isfinite(value):
            yield path, f"Should be a finite number, got {value}."


def idle(values: Mapping[str, Any]) -> set[Path]:
    """Components that a run is built without: objectives of weight 0, and views that no other objective names."""
    off = {(*at, entry["id"]) for at, holder in trainings(values) for entry in holder["objective"] if _weight(entry) == 0}
    named = {name for path, name in referred(values) if not any(path[: len(objective)] == objective for objective in off)}
    return off | {("view", entry["id"]) for entry in values["view"] if entry["id"] not in named}


def phases_left(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Phases without the objectives that are gone; those that trained nothing else are gone too.

    Where that leaves no others to alternate with, phases alike are one; and one with the objectives' own weights is training
    without phases.
    """
    own = {entry["id"]: _weight(entry) for entry in values["objective"]}
    left = []
    for phase in values["train"]["phase"]:
        update = [name for name in phase["update"] if name == "backbone" or name in own]
        if update:
            left.append({**phase, "update": update, "weights": {name: weight for name, weight in phase["weights"].items() if name in own}})
    if len(left) == len(values["train"]["phase"]):
        return left
    kinds = [(set(phase["update"]), {**own, **phase["weights"]}) for phase in left]
    if any(kind != kinds[0] for kind in kinds):
        return left
    return [] if not left or ("backbone" in kinds[0][0] and kinds[0][1] == own) else left[:1]


def referred(values: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Where a declared view is named, and its id."""
    for path, value in leaves({"objective": values["objective"], "stage": values["stage"]}):
        if path[-1] == "use" and isinstance(value, str) and refers("view", {"use": value}):
            yield path[:-1], value.removeprefix(VIEW)


def leaks(semantics: Mapping[str, Any]) -> Iterator[str]:
    """Settings by which validation items reach training, or a sequence its own user's."""
    sequences = semantics.get("sequences", {})
    if sequences.get("pool") == "all":
        yield 'semantics.sequences.pool = "all"'
    if sequences.get("exclude") == "same_row":
        yield 'semantics.sequences.exclude = "same_row"'


def trainings(values: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Where the objectives of each training stand, and the table that holds them."""
    yield ("objective",), values
    for stage in values["stage"]:
        yield ("stage", stage["id"], "objective"), stage


def _weight(entry: Mapping[str, Any]) -> Any:
    """Of an objective, as written where its table is wrong."""
    return entry.get("weight", 1.0)
