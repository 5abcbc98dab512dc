"""Finds recipe files and reads one with its parents into a draft."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from sracl.errors import Problem, RecipeError, did_you_mean
from sracl.recipes import problems, schema
from sracl.recipes.document import Document, normal, read, shown
from sracl.recipes.draft import Draft, Misplaced, Origin
from sracl.recipes.lines import Path, split_path
from sracl.recipes.shipped import find, shipped_recipes
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAX_PARENTS = 8
_METHOD = {"backbone", "objective"}
"""What tells methods apart; a parent that has other tables alone may well be common to several methods."""


@dataclass
class Loaded:
    """A recipe with everything it inherits, and the problems met on the way."""

    name: str
    shown: str
    draft: Draft
    files: list[str] = field(default_factory=list)
    """The recipe and its parents, nearest first, as messages call them."""
    problems: list[Problem] = field(default_factory=list)
    bases: dict[str, Draft] = field(default_factory=dict)
    """What variants extend, as they write it -> that recipe with the values of this one on top."""


def load(recipe: str) -> Loaded:
    """Read a recipe and its parents.

    Raises:
        UsageError: There is no such recipe.
        RecipeError: A file of it is not there or no TOML at all, so that nothing else can be said.
    """
    documents, broken = _family(find(recipe))
    own = documents[0]
    if broken:  # whatever the missing parent would have set would be reported as missing too
        raise RecipeError(own.shown, broken)
    loaded = _merged(documents)
    _extend_variants(loaded, documents)
    return loaded


def _merged(documents: Sequence[Document]) -> Loaded:
    """One of these documents, nearest first, on top of the other."""
    own = documents[0]
    name = own.values.get("name")
    files = [document.shown for document in documents]
    loaded = Loaded(name if isinstance(name, str) else "", own.shown, Draft(home=Origin(own.shown, own.shown, 1)), files)
    for document in reversed(documents):
        _add(document, loaded, is_root=document is documents[-1])
    return loaded


def _extend_variants(loaded: Loaded, documents: Sequence[Document]) -> None:
    """Read what variants extend, and put the documents of the recipe on top of each.

    Raises:
        RecipeError: A file of theirs is not there or no TOML at all, or would have no say beside what the recipe extends.
    """
    tables = loaded.draft.get(("variant",))
    names = [table.get("extends") for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []
    if names and all(isinstance(name, str) for name in names):
        loaded.problems = []  # the recipe is no run by itself; what is wrong with it is met again below
    refused = []
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name or name in loaded.bases:  # a wrong type is reported with the rest of the variant
            continue
        at = ("variant", str(number), "extends")
        where = loaded.draft.origin(at)
        if above := _above(where, documents):
            refused.append(where.problem(at, _covered(above)))
            continue
        parent = _parent(name, where.folder or File())
        parents, broken = ([], [where.problem(at, _absent(name))]) if parent is None else _family(parent, documents)
        refused += broken
        if broken:
            continue
        base = _merged([*documents, *parents])
        loaded.bases[name] = base.draft
        loaded.problems += base.problems
        loaded.files += [document.shown for document in parents if document.shown not in loaded.files]
    if refused:
        raise RecipeError(loaded.shown, refused)


def _above(where: Origin, documents: Sequence[Document]) -> Document | None:
    """What the document in which a value stands inherits a method from, of documents nearest first."""
    inherited = itertools.dropwhile(lambda document: document.shown != where.file, documents)
    return next((document for document in itertools.islice(inherited, 1, None) if _METHOD & document.values.keys()), None)


def _covered(above: Document) -> str:
    """Why a variant extends nothing where its recipe inherits a method: that would lie on top of it."""
    return (
        f"The recipe itself extends {above.shown}, whose method would hide what this variant extends. "
        "Leave that out, and let every variant extend what it is a run of."
    )


def _family(file: File, children: Sequence[Document] = ()) -> tuple[list[Document], list[Problem]]:
    """The documents of a recipe and its parents, nearest first; `children` extend it."""
    documents = [*children, read(file)]
    while True:
        child = documents[-1]
        name = child.values.get("extends")
        if not isinstance(name, str) or not name:  # a wrong type is reported with the rest of the header
            return documents[len(children) :], []
        where = child.origin(("extends",))
        parent = _parent(name, child.file.parent)
        if parent is None:
            return documents, [where.problem(("extends",), _absent(name))]
        if any(parent.resolve() == known.file.resolve() for known in documents):
            ring = " -> ".join([*(known.shown for known in documents), shown(parent)])
            return documents, [where.problem(("extends",), f"Recipes extend one another in a ring: {ring}.")]
        if len(documents) > _MAX_PARENTS:
            return documents, [where.problem(("extends",), f"More than {_MAX_PARENTS} recipes extend one another.")]
        documents.append(read(parent))


def _parent(name: str, folder: File) -> File | None:
    """The file that `extends` names: a path from the folder of who says so if it ends in .toml, else a shipped recipe."""
    if not name.endswith(".toml"):
        return shipped_recipes().get(name)
    file = folder / name
    return file if file.is_file() else None


def _absent(name: str) -> str:
    files = [] if name.endswith(".toml") else list(shipped_recipes())
    hint = f"{did_you_mean(name, files)} Shipped: {', '.join(files)}; a file of your own ends in .toml." if files else ""
    return f"There is no recipe '{name}'.{hint}"


def _add(document: Document, loaded: Loaded, *, is_root: bool) -> None:
    """Merge a document into what its parents have set."""
    header_keys = schema.Header.model_fields
    header = {key: value for key, value in document.values.items() if key in header_keys}
    model, found = problems.check(schema.Header, header, ())
    loaded.problems += [document.origin(path).problem(path, _header(path, what, document.values)) for path, what in found]
    if model is not None:
        _unset(document, loaded, model, is_root=is_root)
    document, found_here = normal(document)
    loaded.problems += found_here
    for key, value in document.values.items():
        if key in header_keys:
            continue
        entries = value.items() if schema.keyed((key,)) and isinstance(value, dict) else [(None, value)]
        for name, entry in entries:
            path = (key,) if name is None else (key, name)
            try:
                loaded.draft.merge(path, entry, document.origin)
            except Misplaced as error:
                at = error.path or path
                loaded.problems.append(document.origin(at).problem(at, str(error)))


def _header(path: Path, what: str, values: Mapping[str, Any]) -> str:
    """What to write where the beginning of a file is wrong."""
    if path == ("recipe",):
        return (
            f"This version of sracl reads format 1; write recipe = 1, got {in_toml(values['recipe'])}."
            if "recipe" in values
            else "Missing. A recipe begins with recipe = 1, the version of its format."
        )
    return (
        'Missing. It is what tables call the recipe, such as name = "my_ablation".' if path == ("name",) and "name" not in values else what
    )


def _unset(document: Document, loaded: Loaded, header: schema.Header, *, is_root: bool) -> None:
    """Take away what the parents have set."""
    for number, text in enumerate(header.unset):
        at = ("unset", str(number))
        path = split_path(text)
        try:
            if path is None:
                raise Misplaced(f"Should be a path such as objective.cross, got {in_toml(text)}.")
            if is_root:
                raise Misplaced("There is no parent whose values could be left out; that takes `extends`.")
            loaded.draft.remove(path)
        except Misplaced as error:
            loaded.problems.append(document.origin(at).problem(path or at, str(error)))
