"""A copy of the project's own modules that a run uses, so that what is edited while it waits does not change what it does."""

from __future__ import annotations

import ast
import shutil
from typing import TYPE_CHECKING, Any

from sracl.registry.source import package_folders, source_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*")


def copy_sources(values: Mapping[str, Any], project: Path, target: Path) -> list[str]:
    """Copy every module below the project that a run's components, named as `module:Class`, need.

    Args:
        values: Values of the run.
        project: The project's folder.
        target: Where the copies go, in place of what is there; to be put on the import path.

    Returns:
        Names of the top-level modules and packages that were copied.
    """
    shutil.rmtree(target, ignore_errors=True)
    waiting = {name.partition(":")[0].partition(".")[0] for name in _named(values)}
    seen: set[str] = set()
    copied = []
    while waiting:
        name = waiting.pop()
        seen.add(name)
        source = _below(project, name)
        if source is None:
            continue
        copied.append(name)
        target.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=_LEFT_OUT)
        else:
            shutil.copy2(source, target / source.name)
        files = source.rglob("*.py") if source.is_dir() else [source]
        waiting |= {imported for file in files for imported in _imported(file)} - seen
    return sorted(copied)


def _named(value: Any) -> Iterator[str]:
    """Every component that is named by its module."""
    if isinstance(value, dict):
        if isinstance(value.get("use"), str) and ":" in value["use"]:
            yield value["use"]
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _named(inner)


def _below(project: Path, name: str) -> Path | None:
    """The folder or file of a top-level module, if it is the project's own and not installed."""
    found = next(iter(package_folders(name)), None) or source_file(name)
    inside = found is not None and found.resolve().is_relative_to(project.resolve())
    return found if found is not None and inside and "site-packages" not in found.parts else None


def _imported(file: Path) -> Iterator[str]:
    """Top-level names of what a file imports."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # whoever imports it is told
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
