"""What `sracl show` says of a recipe or a run: every value, and where it was set."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sracl.registry.wording import set_to
from sracl.wording import how_many

if TYPE_CHECKING:
    from sracl.cli.show import View
    from sracl.tracking.queries import MetricRow, RunRow


def recipe_view(name: str, *, origin: bool) -> View:
    """Show a recipe as it resolves: its runs, the values of the first, and what the other variants change.

    Raises:
        UsageError: There is no such recipe.
        RecipeError: It has problems.
    """
    from sracl.recipes.flat import flat
    from sracl.recipes.plan import plan

    resolved = plan(name)
    firsts = list({(run.variant, str(run.cell)): run for run in reversed(resolved.runs)}.values())[::-1]
    data = {
        "kind": "recipe",
        "name": resolved.name,
        "source": resolved.source,
        "report": resolved.report,
        "runs": [
            {
                "variant": run.variant,
                "cell": run.cell,
                "seed": run.seed,
                "digest": run.digest,
                "leaky": run.leaky,
                "values": run.values,
                "origins": run.origins,
            }
            for run in resolved.runs
        ],
    }

    def render() -> None:
        seeds = ", ".join(dict.fromkeys(str(run.seed) for run in resolved.runs))
        runs = f"{how_many(len(resolved.runs), 'run')}: {_variants(len(firsts))}"
        print(f"recipe {resolved.name}\n  {resolved.source}\n  {runs}, seed{'s' * (', ' in seeds)} {seeds}")
        if metric := resolved.report.get("tuned"):
            print(f"  validation chooses one of each variant on each data set, by {metric.upper()}")
        print()
        base = dict(flat(firsts[0].values))
        if len(firsts) > 1:
            print(f"{_label(firsts[0].variant, firsts[0].cell)}:")
        _print_values(base, firsts[0].origins if origin else None)
        for run in firsts[1:]:
            values = dict(flat(run.values))
            changed = {path: values.get(path, "absent") for path in (*base, *values) if base.get(path) != values.get(path)}
            print(f"\n{_label(run.variant, run.cell)}, in difference to the first:")
            _print_values(_without_lost_tables(changed, values), run.origins if origin else None)

    return data, render


def run_view(run: RunRow, figures: Sequence[MetricRow], protocols: Mapping[str, Mapping[str, Any]], *, origin: bool) -> View:
    """Show one run: its state, its values, what it was trained on and with, and its final figures."""
    from dataclasses import asdict

    from sracl.cli.columns import print_columns
    from sracl.compare.final_figures import in_tables
    from sracl.compare.wording import origin_in_words
    from sracl.recipes.flat import flat
    from sracl.tracking.values import plain

    def render() -> None:
        reason = f": {run.reason}" if run.reason else ""
        print(f"run {run.id}\n  {run.label}, {run.dataset}, seed {run.seed}\n  {run.state}{reason}\n  {origin_in_words(run) or run.folder}")
        if run.tags:
            print(f"  tags: {', '.join(run.tags)}")
        if run.note:
            print(textwrap.indent(f"note: {run.note}", "  "))
        print()
        _print_values(dict(flat(run.values)), run.origins if origin else None)
        print()
        print_columns(("environment", ""), [(path, str(value)) for path, value in flat(run.environment)], indent="  ")
        if figures:
            print(textwrap.indent(f"\n{in_tables(figures, protocols)}", "  "))

    told = [
        {**asdict(figure), "value": None if math.isnan(figure.value) else figure.value, "protocol": protocols.get(figure.protocol)}
        for figure in figures
    ]
    return {"kind": "run", **asdict(run), "figures": plain(told)}, render


def _print_values(values: Mapping[str, Any], origins: Mapping[str, str] | None) -> None:
    from sracl.cli.columns import print_columns
    from sracl.recipes.flat import origin as set_in
    from sracl.registry.wording import in_toml

    rows = [(path, value if value == "absent" else in_toml(value)) for path, value in values.items()]
    if origins is None:
        print_columns(("path", "value"), rows, indent="  ")
    else:
        print_columns(("path", "value", "set in"), [(path, value, set_in(origins, path)) for path, value in rows], indent="  ")


def _without_lost_tables(changed: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Changes with one line for a whole objective or stage that is gone, not one for each of its values."""
    kept: dict[str, Any] = {}
    for path, value in changed.items():
        if path in values:
            kept[path] = value
            continue
        parts = path.split(".")
        gone = next(
            ".".join(parts[:end])
            for end in range(1, len(parts) + 1)
            if not any(f"{other}.".startswith(".".join(parts[:end]) + ".") for other in values)
        )
        kept[gone] = "absent"
    return kept


def _variants(count: int) -> str:
    return "one variant" if count == 1 else f"{count} variants"


def _label(variant: str, cell: Mapping[str, Any]) -> str:
    return " ".join([variant or "recipe", *set_to(cell)])
