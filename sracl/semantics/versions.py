"""Versions of code, so that cached artifacts are made anew when what made them has changed.

Read from the source and never by import. Comments, docstrings and layout do not count.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl.registry.parameters import signature

if TYPE_CHECKING:
    from sracl.registry.catalog import Catalog

_PACKAGE = Path(__file__).resolve().parents[1]
_CONTRACTS = {_PACKAGE / name for name in ("interfaces.py", "errors.py", "paths.py")}
"""Modules that compute nothing, and change for reasons of their own."""


def module_version(*files: Path) -> str:
    """Identity of the code in these modules of sracl and in those of sracl that they import, 16 hexadecimal digits."""
    reached: set[Path] = set()
    waiting = [file.resolve() for file in files]
    while waiting:
        file = waiting.pop()
        if file not in reached and file not in _CONTRACTS:
            reached.add(file)
            waiting.extend(_imported(file))
    return _short("".join(_essence(file) for file in sorted(reached)))


def component_version(catalog: Catalog, kind: str, table: Mapping[str, Any]) -> str:
    """Identity of the code behind a component table: its own, that of the components in its slots, its distribution's.

    Models and other files that a parameter names by path count by the sizes and times of what they hold.
    """
    card = catalog.find(kind, table["use"])
    described = signature(card)
    distribution = "" if card.owner == "sracl" else _distribution(card.owner)
    slots = [
        component_version(catalog, parameter.slot, table[name])
        for name, parameter in sorted(described.parameters.items())
        if parameter.slot is not None and isinstance(table.get(name), Mapping)
    ]
    folders = [_listing(value) for _, value in sorted(table.items()) if isinstance(value, str) and _is_path(value)]
    return _short("\n".join([module_version(described.path), distribution, *slots, *folders]))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _distribution(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return name


@lru_cache(maxsize=256)
def _essence(file: Path) -> str:
    tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_remark(statement)] or [ast.Pass()]
    return ast.dump(tree)


def _is_remark(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)


@lru_cache(maxsize=256)
def _imported(file: Path) -> tuple[Path, ...]:
    """Files of sracl's modules that this one imports."""
    return tuple(path for name in _imported_names(ast.parse(file.read_bytes())) if (path := _module_file(name)))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_file(name: str) -> Path | None:
    package, *parts = name.split(".")
    file = _PACKAGE.joinpath(*parts).with_suffix(".py") if parts else None
    return file if package == "sracl" and file is not None and file.is_file() else None


def _is_path(value: str) -> bool:
    """Whether a text names a path, or a file of the current folder; a bare word that is a folder's name is not taken for one."""
    try:
        return "/" in value or Path(value).expanduser().is_file()
    except OSError:  # a text too long for a name
        return False


def _listing(value: str) -> str:
    """Names, sizes and times below a path that exists; nothing otherwise."""
    path = Path(value).expanduser()
    if not path.exists():
        return ""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
