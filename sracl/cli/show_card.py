"""What `sracl show` says of a card: a component with its parameters, a data set, a method, published figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sracl.cli.show import View
    from sracl.registry.card import Card
    from sracl.registry.catalog import Catalog
    from sracl.registry.signatures import Parameter, Signature

_SHOWN_APART = (
    *("kind", "name", "summary", "entry", "needs", "paper", "symbols"),
    *("counts", "protocol", "row", "recipes", "results", "preparation", "files"),
)
_WORDS = ("system", "user", "item", "line", "answer")
"""Texts of a prompt."""


def card_view(cat: Catalog, card: Card) -> View:
    """Show a card, joined with the signature of the code it stands for.

    Raises:
        PluginError: The code's source cannot be read.
    """
    from sracl.registry.packages import missing
    from sracl.registry.signatures import signature

    taken = signature(card) if card.entry else None
    paper = _paper(cat, card)
    data: dict[str, Any] = {
        "kind": card.kind,
        "name": card.name,
        "summary": card.summary or (taken.summary if taken else ""),
        "owner": card.owner,
        "entry": card.entry,
        "paper": paper,
        "card": str(card.path) if card.path else None,
    }
    data.update({key: value for key, value in card.facts.items() if key not in data})
    if card.needs:
        data["missing"] = missing(card)
    if taken:
        data["source"] = f"{short(taken.path)}:{taken.line}"
        data["given"] = list(taken.givens)
        data["parameters"] = [_parameter(card, parameter) for parameter in taken.parameters.values()]
        data["unreadable"] = dict(taken.unreadable)
        data["doc"] = _without_args(taken.doc)
    if card.kind == "dataset" and not card.entry:
        data["found"] = _found(card.name)
    if card.kind == "method":
        from sracl.cli.show_method import method_facts

        data["components"] = [_address(part) for part in cat.cards() if part.paper == card.name and part.entry]
        data.update(method_facts(cat, card))
    return data, lambda: _render(card, data, taken)


def _render(card: Card, data: Mapping[str, Any], taken: Signature | None) -> None:
    """Print a card for people."""
    from sracl.cli.columns import print_columns

    print(f"{card.kind.replace('_', ' ')} {card.name}")
    print(f"  {data['summary']}\n")
    facts = {key: data[key] for key in ("entry", "source", "card", "paper", "found") if data.get(key)}
    if card.needs:
        facts["needs"] = _needed(card, data["missing"])
    if card.owner != "sracl":
        facts["registered by"] = card.owner
    apart = (*_SHOWN_APART, *_WORDS) if card.kind == "prompt" else _SHOWN_APART
    facts.update({key: value for key, value in card.facts.items() if key not in apart})
    if taken and taken.givens:
        facts["called with" if taken.is_function else "given by the run"] = ", ".join(taken.givens)
    if files := card.facts.get("files"):
        facts["files"] = ", ".join(file["name"] for file in files)
    for key in ("preparation", "counts", "protocol"):
        if table := card.facts.get(key):
            facts[key] = ", ".join(f"{name} {value}" for name, value in table.items())
    if card.kind == "method":
        facts["recipes"] = ", ".join(card.facts.get("recipes", ()))
        facts["published figures"] = ", ".join(f"results/{name}" for name in card.facts.get("results", ()))
        facts["its own components"] = ", ".join(data["components"])
    print_facts(facts)
    if taken:
        print()
        _print_parameters(data["parameters"], taken)
    elif card.kind == "method":
        from sracl.cli.show_method import print_method

        print_method(card, data)
    elif card.kind == "prompt":
        from sracl.cli.show_prompt import print_prompt

        print_prompt(card)
    if rows := card.facts.get("row"):
        print()
        names = list(dict.fromkeys(name for row in rows for name in row["values"]))
        print_columns(
            ("dataset", "system", *names),
            [(row["dataset"], row["system"], *(str(row["values"].get(name, "")) for name in names)) for row in rows],
        )
    if rest := data.get("doc"):
        print(f"\n{rest}")


def _needed(card: Card, missing: list[str]) -> str:
    """The packages of a component, and which are not there."""
    from sracl.registry.packages import not_installed

    return ", ".join(not_installed(each) if each in missing else each for each in dict.fromkeys(card.needs.values()))


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print named facts, one each line, long ones wrapped below themselves."""
    import textwrap

    width = max((len(key) for key in facts), default=0) + 4
    for key, value in facts.items():
        text = " ".join(str(value).split())
        if text:
            print(
                textwrap.fill(
                    text,
                    120,
                    initial_indent=f"  {key}".ljust(width),
                    subsequent_indent=" " * width,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )


def _print_parameters(parameters: list[dict[str, Any]], taken: Signature) -> None:
    from sracl.cli.columns import print_columns

    if not parameters and not taken.unreadable:
        print("No parameters.")
        return
    shown = ["name", "type", "default", "accepts", "symbol", "meaning"]
    if not any(parameter["symbol"] for parameter in parameters):
        shown.remove("symbol")
    print_columns(["parameter", *shown[1:]], [[parameter[key] or "" for key in shown] for parameter in parameters])
    for name, reason in taken.unreadable.items():
        print(f"'{name}' cannot be given by a recipe: {reason}.")


def _parameter(card: Card, parameter: Parameter) -> dict[str, Any]:
    """A parameter as text."""
    from sracl.registry.wording import in_toml

    return {
        "name": parameter.name,
        "type": _plain_type(parameter.annotation),
        "default": "required" if parameter.required else in_toml(parameter.default),
        "accepts": parameter.accepts,
        "slot": parameter.slot,
        "symbol": card.symbols.get(parameter.name),
        "meaning": parameter.doc,
    }


def _plain_type(annotation: str) -> str:
    """`float` of `Annotated[float, Field(gt=0)]`, `str` of `Literal["a", "b"]`: what it accepts says the rest."""
    import re

    bare = re.sub(r"Annotated\[(.+?), Field\(.*?\)\]", r"\1", annotation)
    return re.sub(r"Literal\[['\"].*?\]", "str", bare)


def _without_args(doc: str) -> str:
    """A docstring after its first line, less the arguments, which stand in the table of parameters."""
    import re

    return re.sub(r"^Args:\n(?:[ \t]+.*\n?|\n)*", "", doc.partition("\n")[2], flags=re.MULTILINE).strip()


def _paper(cat: Catalog, card: Card) -> str | None:
    """The paper of a card in one line."""
    from sracl.errors import UsageError

    if card.paper is None:
        return None
    try:
        facts = cat.find("method", card.paper).facts
    except UsageError:
        return card.paper
    return f"{facts.get('title', card.paper)}. {facts.get('venue', '')} {facts.get('year', '')}. {facts.get('link', '')}".strip()


def _found(name: str) -> str:
    """Which folder holds a data set."""
    from sracl import paths
    from sracl.data import search

    return str(search.where(name) or f"nowhere; looked for {', '.join(str(folder / name) for folder in paths.data_folders())}")


def short(path: Path) -> str:
    """A path from the current folder where it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _address(card: Card) -> str:
    return card.address if card.owner == "sracl" else f"{card.address} ({card.owner})"
