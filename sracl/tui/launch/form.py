"""A recipe with settings, as it would be run: what there is to be changed, or all that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl import paths
from sracl.errors import SraclError
from sracl.recipes.flat import flat, origin
from sracl.recipes.plan import plan
from sracl.registry.catalog import catalog
from sracl.registry.wording import in_toml
from sracl.tui.launch.fields import Field, fields
from sracl.tui.launch.typed import path_of
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Form:
    """A recipe with its settings as it would be run."""

    told: str
    """How many runs, or everything that is wrong."""
    rows: dict[str, tuple[str, str, str]]
    """Path -> path, value, where it was set; of the first run. Empty where something is wrong."""
    fields: dict[str, Field]


def resolved(recipe: str, sets: Sequence[str]) -> Form:
    """A recipe with settings; reads its files and those of its data set."""
    try:
        found = plan(recipe, sets=sets)
    except SraclError as error:
        return Form(str(error), {}, {})
    first = found.runs[0]
    here = f"{paths.project()}/"
    own = {"seeds": list(dict.fromkeys(run.seed for run in found.runs)), **dict(flat({"resources": found.resources}))}
    given = {path_of(setting) for setting in sets}
    rows = {path: (path, in_toml(value), "--set" if path in given else "") for path, value in own.items()}
    for path, value in flat(first.values):
        if value != []:  # a list of tables without any
            rows[path] = (path, in_toml(value), origin(first.origins, path).removeprefix(here))
    count = f"{found.name}: {how_many(len(found.runs), 'run')}"
    told = f"{count}; values of the first, {first.variant}" if first.variant else count
    return Form(told, rows, fields(first.values, catalog()))
