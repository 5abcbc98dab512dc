"""What `sracl show` says of a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sracl.cli.show import View
    from sracl.evaluation.definitions import Definition


def metric_view(metric: Definition, cutoff: int | None) -> View:
    """Show a metric: its definition, and of whom and how it is reported. K stands for the cut-off where none is named."""
    import re

    from sracl.evaluation import groups
    from sracl.evaluation.definitions import LETTERS

    def at_cutoff(text: str) -> str:
        return text if cutoff is None else re.sub(r"\bK\b", str(cutoff), text)

    def named(name: str) -> str:
        return name if cutoff is None else f"{name}@{cutoff}"

    apart = [*(f"history{name}" for name in groups.names()), groups.HEAD, groups.TAIL]
    data: dict[str, Any] = {
        "kind": "metric",
        "name": named(metric.name),
        "title": metric.title,
        "also": list(map(named, metric.also)),
        "meaning": at_cutoff(metric.meaning),
        "formula": at_cutoff(metric.formula),
        "letters": at_cutoff(LETTERS),
        "range": at_cutoff(metric.range),
        "better": metric.better,
        "one_target": at_cutoff(metric.one_target),
        "entry": metric.entry,
        "splits": ["valid", "test"],
        "seen_items": ["keep", "exclude"],
        "groups": ["all", *(apart if metric.of_ranks else ())],
        "watched": metric.of_ranks,
    }
    return data, lambda: _render(data)


def _render(data: dict[str, Any]) -> None:
    """Print a metric for people."""
    from sracl.cli.show_card import print_facts

    print(f"metric {data['name']}")
    print(f"  {data['title']}. {data['meaning']}\n")
    print(f"  {data['formula']}\n")
    print_facts(
        {
            "letters": data["letters"],
            "range": data["range"],
            "better": data["better"],
            "of one target": data["one_target"],
            "also called": ", ".join(data["also"]),
            "computed in": data["entry"],
            "reported": "in validation and test, with seen items kept and excluded, at every cut-off of evaluation.cutoffs",
            "of users": ", ".join(data["groups"]),
            "while it trains": "in validation, where early stopping may watch it" if data["watched"] else "not",
        }
    )
