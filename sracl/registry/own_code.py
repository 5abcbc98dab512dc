"""The modules that a component's code stands in, where no version tells them apart: its own, and what that imports."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from sracl.errors import PluginError
from sracl.registry.source import Module, absolute, lookup, read_module, source_file

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_PYTHON = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))


def own_modules(module: Module) -> dict[str, Path]:
    """A module and all that it imports, and what those import: name -> file.

    Without what is installed, Python's own and sracl's, which have versions. A name that a package takes from one of its modules
    stands for that module alone, so that a component is no other when a neighbour of it is edited.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        module = waiting.pop()
        if module.name not in found:
            found[module.name] = module.path
            waiting += _imported(module)
    return found


def _imported(module: Module) -> Iterator[Module]:
    for name in _names(module):
        if _is_own(name):
            try:
                yield read_module(name)
            except PluginError:  # whoever imports it is told
                continue


def _names(module: Module) -> Iterator[str]:
    """Modules that a module imports, anywhere in it."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (_home(absolute(module, node), alias.name) for alias in node.names)


def _home(package: str, name: str) -> str:
    """The module that `from package import name` is about."""
    if source_file(f"{package}.{name}") is not None:
        return f"{package}.{name}"
    if not _is_own(package):
        return package
    try:
        found = lookup(read_module(package), name)
    except PluginError:
        return package
    return found.module.name if found else package


def _is_own(name: str) -> bool:
    if name.partition(".")[0] == "sracl":
        return False
    file = source_file(name)
    return file is not None and not _INSTALLED.intersection(file.parts) and not any(map(file.is_relative_to, _PYTHON))
