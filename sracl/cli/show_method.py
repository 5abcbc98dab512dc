"""What `sracl show` says of a method: the parts that its recipe is composed of, their equations, and its published figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sracl.registry.card import Card
    from sracl.registry.catalog import Catalog

_Component = tuple[str, str, Mapping[str, Any]]
"""Path, kind and bound table."""


def method_facts(cat: Catalog, card: Card) -> dict[str, Any]:
    """What is not written on a method's card: the `parts` of its first recipe, and the `published` rows that name it."""
    recipes = card.facts.get("recipes", ())
    return {
        "parts": list(_parts(cat, recipes[0])) if recipes else [],
        "published": [row for name in card.facts.get("results", ()) for row in _published(cat, name, card.name)],
    }


def print_method(card: Card, facts: Mapping[str, Any]) -> None:
    """Print what `method_facts` found, and the paper's symbols."""
    from sracl.cli.columns import print_columns

    if facts["parts"]:
        print(f"\nParts of {card.facts['recipes'][0]}:")
        rows = [(part["path"], part["component"], part["source"], part["summary"]) for part in facts["parts"]]
        print_columns(("path", "component", "source", "summary"), rows, indent="  ")
    for part in facts["parts"]:
        if part["equations"]:
            print(f"\n  {part['path']}: {part['component']}")
            print("\n".join(f"    {line}" for line in part["equations"]))
    if card.symbols:
        print()
        print_columns(("value", "symbol"), list(card.symbols.items()), indent="  ")
    if facts["published"]:
        names = sorted({name for row in facts["published"] for name in row["values"]}, key=_metric_order)
        figures = [
            (
                row["dataset"],
                *(f"{row['values'][name]:.4f}" if name in row["values"] else "" for name in names),
                row["source"],
                row["protocol"],
            )
            for row in facts["published"]
        ]
        print("\nPublished:")
        print_columns(("dataset", *names, "in", "protocol"), figures, indent="  ")


def _parts(cat: Catalog, recipe: str) -> Iterator[dict[str, Any]]:
    """Every component of a recipe, what is around before what is within."""
    from sracl.recipes.plan import plan

    for place in _outermost(plan(recipe).runs[0].values):
        yield from _described(cat, place)


def _outermost(values: Mapping[str, Any]) -> Iterator[_Component]:
    """Components of a run's values that are in no other; those of texts are described by their own tables."""
    from sracl.recipes.schema import OPTIONAL

    yield "backbone", "backbone", values["backbone"]
    for name in OPTIONAL:
        if name in values:
            yield name, name, values[name]
    for view in values["view"]:
        yield f"view.{view['id']}", "view", _without(view, "id")
    for stage in [*values["stage"], values]:
        prefix = f"stage.{stage['id']}." if "id" in stage else ""
        yield f"{prefix}samples", "sampler", stage["samples"]
        for objective in stage["objective"]:
            yield f"{prefix}objective.{objective['id']}", "objective", _without(objective, "id", "weight")


def _described(cat: Catalog, place: _Component) -> Iterator[dict[str, Any]]:
    """A component and all that fill its slots."""
    from sracl.cli.show_card import short
    from sracl.registry.parameters import refers, signature

    path, kind, table = place
    if refers(kind, table):
        yield {"path": path, "component": table["use"], "source": "", "summary": "The pair declared above.", "equations": []}
        return
    card = cat.find(kind, table["use"])
    taken = signature(card)
    yield {
        "path": path,
        "component": card.address,
        "source": f"{short(taken.path)}:{taken.line}",
        "summary": card.summary or taken.summary,
        "equations": _equations(taken.doc),
    }
    for parameter in taken.parameters.values():
        value = table.get(parameter.name)
        if parameter.slot is not None and value is not None:
            for number, inner in enumerate(value if parameter.many else [value]):
                here = f"{path}.{parameter.name}" + (f".{number}" if parameter.many else "")
                yield from _described(cat, (here, parameter.slot, inner))


def _equations(doc: str) -> list[str]:
    """The indented lines of a docstring before its first section, which are its equations."""
    lines = []
    for line in doc.splitlines()[1:]:
        if line.rstrip() in ("Args:", "Returns:", "Raises:") or line.startswith("Source:"):
            break
        if line.startswith("    ") and line.strip():
            lines.append(line.strip())
    return lines


def _published(cat: Catalog, name: str, method: str) -> Iterator[dict[str, Any]]:
    """Rows of a result card that are of a method, by the letters of its name."""
    from sracl.compare.published import read

    card = cat.find("result", name)
    table = read(card.name, card.summary, card.facts)
    protocol = ", ".join(f"{key} {value}" for key, value in table.protocol.items() if key not in ("split", "candidates"))
    for dataset in table.datasets:
        if row := table.row(method, dataset):
            yield {"dataset": dataset, "values": dict(row.values), "source": f"{table.title} ({name})", "protocol": protocol}


def _metric_order(name: str) -> tuple[str, int]:
    """HR before NDCG, short lists before long ones."""
    metric, _, cutoff = name.partition("@")
    return metric, int(cutoff)


def _without(table: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in keys}
