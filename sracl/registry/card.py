"""Cards: what a component's code cannot say of itself, one TOML file each.

A card names a component (kind, name, entry) and what only its author knows (summary, paper, the paper's letters).
Parameters, types and defaults stand in the component's signature and nowhere else. Cards of data sets, methods and
published results hold further facts, which `Card.facts` keeps as they were written; those of language models and of
prompts are checked, since money depends on them, and so is what a data set's card says of its files.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sracl.errors import PluginError, did_you_mean
from sracl.registry import dataset, llm, prompt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KINDS: dict[str, str] = {
    "backbone": "backbones",
    "history_bias": "history_biases",
    "initializer": "initializers",
    "augmenter": "augmenters",
    "view": "views",
    "similarity": "similarities",
    "retriever": "retrievers",
    "llm_provider": "llm_providers",
    "text_encoder": "text_encoders",
    "synthesizer": "synthesizers",
    "loss": "losses",
    "objective": "objectives",
    "sampler": "samplers",
    "optimizer": "optimizers",
    "dataset": "datasets",
}
"""Kind of component -> its folder below `registry/`; `sracl.<folder>` is its group of entry points."""

RECORDS: dict[str, str] = {"llm": "llms", "prompt": "prompts", "method": "methods", "result": "results"}
"""Kinds of cards that describe no code."""

FOLDERS: dict[str, str] = {**KINDS, **RECORDS}

ENTRY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
"""`package.module:name`."""

_COMPONENT_KEYS = ("kind", "name", "entry", "summary", "needs", "paper", "symbols", "notes")


def spoken(kind: str) -> str:
    """A kind as a noun with its article: `a text encoder`, `an LLM provider`."""
    words = kind.replace("_", " ").replace("llm", "LLM")
    return f"an {words}" if words[0] in "aeioL" else f"a {words}"


class CardError(PluginError):
    """A card that cannot be read, or says what a card may not say."""


@dataclass(frozen=True)
class Card:
    """One registered thing."""

    kind: str
    name: str
    entry: str | None
    """`package.module:name` of the class or function; None where there is no code (a data set of files)."""
    summary: str
    """One line; empty for a plug-in without a card, whose docstring says it."""
    paper: str | None = None
    """Name of a card of kind `method`."""
    symbols: Mapping[str, str] = field(default_factory=dict)
    """Parameter -> the letter the paper gives it."""
    needs: Mapping[str, str] = field(default_factory=dict)
    """Top-level module that its code cannot do without, beside what its distribution installs anyway -> what pip installs it by."""
    owner: str = "sracl"
    """Distribution that registers it."""
    path: Path | None = None
    """The card's file; None for a plug-in without one."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The whole table as written."""

    @property
    def address(self) -> str:
        """`backbones/sasrec`: unique among what one owner registers."""
        return f"{FOLDERS[self.kind]}/{self.name}"

    @property
    def owned_address(self) -> str:
        """`backbones/my-lab:mine`: unique among what all owners register, and understood by `sracl show`."""
        return f"{FOLDERS[self.kind]}/{self.owner}:{self.name}"

    @property
    def origin(self) -> str:
        """Where the registration stands, for messages that must tell two of them apart."""
        return f"{self.owner} ({self.path or f'entry point {self.entry}'})"


def read_card(path: Path, owner: str) -> Card:
    """Read and check one card.

    Args:
        path: A TOML file.
        owner: Distribution that ships it.

    Raises:
        CardError: The file is no TOML, or a key is missing, unknown or of the wrong type.
    """
    try:
        facts = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CardError(f"{path}: this card cannot be read: {error}") from error
    if problems := _problems(facts):
        raise CardError("\n".join([f"{path} is no valid card:", *(f"  {problem}" for problem in problems)]))
    return Card(
        kind=facts["kind"],
        name=facts["name"],
        entry=facts.get("entry"),
        summary=facts["summary"],
        paper=facts.get("paper"),
        symbols=MappingProxyType(facts.get("symbols", {})),
        needs=MappingProxyType(facts.get("needs", {}) if facts["kind"] in KINDS else {}),
        owner=owner,
        path=path,
        facts=MappingProxyType(facts),
    )


def _problems(facts: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with a card's table."""
    problems = []
    for key in ("kind", "name", "summary"):
        if not isinstance(facts.get(key), str) or not facts[key].strip():
            problems.append(f"{key}: should be a string, and every card has it.")
    kind = facts.get("kind")
    if isinstance(kind, str) and kind not in FOLDERS:
        problems.append(f"kind: no kind is called '{kind}'.{did_you_mean(kind, FOLDERS)} Kinds: {', '.join(FOLDERS)}.")
    name = facts.get("name")
    if isinstance(name, str) and not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        problems.append(f"name: should be of lower-case letters, digits, '_', '-' and '.', got '{name}'.")
    problems.extend(f"{key}: should be a string." for key in ("entry", "paper") if key in facts and not isinstance(facts[key], str))
    entry = facts.get("entry")
    if isinstance(entry, str) and not ENTRY.fullmatch(entry):
        problems.append(f"entry: should read package.module:name, got '{entry}'.")
    symbols = facts.get("symbols", {})
    if not isinstance(symbols, dict) or not all(isinstance(letter, str) for letter in symbols.values()):
        problems.append("symbols: should be a table of strings, parameter to letter.")
    needs = facts.get("needs", {})
    if not isinstance(needs, dict) or not all(name.isidentifier() and isinstance(by, str) and by for name, by in needs.items()):
        problems.append('needs: should be a table of a module\'s top-level name to what pip installs it by, { annoy = "sracl[ann]" }.')
    if isinstance(kind, str) and kind in KINDS and kind != "dataset":
        if "entry" not in facts:
            problems.append(f"entry: a card of kind '{kind}' names the code it stands for.")
        for key in facts:
            if key not in _COMPONENT_KEYS:
                problems.append(f"{key}: no such key.{did_you_mean(key, _COMPONENT_KEYS)} Keys: {', '.join(_COMPONENT_KEYS)}.")
    if kind == "llm":
        problems.extend(llm.problems(facts))
    if kind == "prompt":
        problems.extend(prompt.problems(facts))
    if kind == "dataset":
        problems.extend(dataset.problems(facts))
    return problems
