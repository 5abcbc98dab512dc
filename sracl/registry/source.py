"""Finds and reads definitions in source files, without importing them.

Importing a component costs a second of torch, and may run anything; its signature stands in the source. Packages above
a module are not executed either: only the finder of the top-level name is asked, the rest is a walk through folders.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sracl import paths
from sracl.errors import PluginError

Definition: TypeAlias = ast.ClassDef | ast.FunctionDef

_HOPS = 8
"""Imports followed from one name to its definition."""


@dataclass(frozen=True, eq=False)
class Module:
    """A parsed source file."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """What a relative import of one dot starts from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@dataclass(frozen=True, eq=False)
class Found:
    """A top-level statement that gives a name its meaning, and the module it stands in."""

    module: Module
    node: ast.stmt


def package_folders(name: str) -> list[Path]:
    """Folders of a package (several for a namespace package); empty when it is not installed or is a plain module."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    below = [folder.joinpath(*rest) for folder in folders]
    return [folder for folder in below if folder.is_dir()]


def source_file(module: str) -> Path | None:
    """The file a module would be imported from, or None when there is none (or it is no Python source)."""
    top, _, rest = module.partition(".")
    if not rest:
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return None
        origin = Path(spec.origin) if spec and spec.origin else None
        return origin if origin is not None and origin.suffix == ".py" and origin.is_file() else None
    parent, _, last = module.rpartition(".")
    for folder in package_folders(parent):
        for candidate in (folder / last / "__init__.py", folder / f"{last}.py"):
            if candidate.is_file():
                return candidate
    return None


def read_module(name: str) -> Module:
    """Parse a module.

    Raises:
        PluginError: It is not on the import path, or is not valid Python.
    """
    path = source_file(name)
    if path is None:
        raise PluginError(f"There is no module '{name}' on the import path.")
    return _parse(name, path, path.stat().st_mtime_ns)


def modules_beside(name: str) -> list[str]:
    """Modules that may be meant by the name of none: those of its package or, where there is no such package, of the project."""
    package = name.rpartition(".")[0]
    if folders := package_folders(package) if package else []:
        return [f"{package}.{file.stem}" for folder in folders for file in folder.glob("*.py")]
    project = paths.project()
    return [".".join(file.relative_to(project).with_suffix("").parts) for file in (*project.glob("*.py"), *project.glob("*/*.py"))]


@functools.lru_cache(maxsize=256)
def _parse(name: str, path: Path, _changed: int) -> Module:
    """Parse a file once for each time it changes."""
    try:
        return Module(name, path, ast.parse(path.read_text("utf-8"), filename=str(path)))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise PluginError(f"Module '{name}' cannot be read: {error}") from error


def lookup(module: Module, name: str, hops: int = _HOPS) -> Found | None:
    """What a top-level name means in a module: a definition or an assignment, followed through imports.

    Conditional imports (`if TYPE_CHECKING:`, `try:`) are followed as well; star imports are not.
    """
    for node in reversed(list(_statements(module.tree.body))):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return Found(module, node)
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
            return Found(module, node)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return Found(module, node)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _imported(absolute(module, node), alias.name, hops) if hops else None
    return None


def lookup_dotted(module: Module, expression: ast.expr) -> Found | None:
    """What a name (`SASRec`) or a dotted name (`sasrec.SASRec`) means in a module."""
    if isinstance(expression, ast.Name):
        return lookup(module, expression.id)
    if isinstance(expression, ast.Attribute):
        target = _module_named(module, ast.unparse(expression.value))
        return _imported(target, expression.attr, _HOPS) if target else None
    return None


def definition(found: Found | None) -> tuple[Module, Definition] | None:
    """The class or function that was found, or None where it was something else."""
    if found is not None and isinstance(found.node, (ast.ClassDef, ast.FunctionDef)):
        return found.module, found.node
    return None


def _statements(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements of a module's top level, those under `if` and `try` among them."""
    flat: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.If):
            flat.extend(_statements([*node.orelse, *node.body]))
        elif isinstance(node, ast.Try):
            flat.extend(_statements([*(inner for handler in node.handlers for inner in handler.body), *node.body, *node.orelse]))
        else:
            flat.append(node)
    return flat


def absolute(module: Module, node: ast.ImportFrom) -> str:
    """Full name of the module a `from` import reads."""
    if not node.level:
        return node.module or ""
    parts = module.package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


def _imported(module: str, name: str, hops: int) -> Found | None:
    """A name of another module; None where that has no readable source."""
    try:
        return lookup(read_module(module), name, hops - 1)
    except PluginError:
        return None


def _module_named(module: Module, dotted: str) -> str | None:
    """Full name of the module that a dotted expression refers to through the imports of another."""
    head, _, rest = dotted.partition(".")
    for node in _statements(module.tree.body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname == head or (alias.asname is None and alias.name.split(".")[0] == head):
                    base = alias.name if alias.asname else head
                    return f"{base}.{rest}" if rest else base
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == head:
                    base = f"{absolute(module, node)}.{alias.name}"
                    return f"{base}.{rest}" if rest else base
    return None
