"""Recipe files by name: those that come with sracl, and where one that is asked for is."""

from __future__ import annotations

from pathlib import Path as File

from sracl import paths
from sracl.errors import UsageError, did_you_mean


def shipped_recipes() -> dict[str, File]:
    """Name of every recipe that comes with sracl, such as `methods/sracl`, and its file."""
    folder = paths.shipped("recipes")
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in sorted(folder.rglob("*.toml"))}


def summary(file: File) -> str:
    """The first sentence of a recipe's opening comment; empty when it has none."""
    first = file.read_text("utf-8", errors="replace").partition("\n")[0]
    return first.removeprefix("#").strip().partition("   ")[0] if first.startswith("#") else ""


def find(recipe: str) -> File:
    """The file of a recipe: a path, or the name of a shipped one.

    Raises:
        UsageError: There is neither.
    """
    shipped = shipped_recipes()
    name = recipe.removesuffix(".toml").removeprefix("recipes/")
    if File(recipe).is_file():
        return File(recipe)
    if name in shipped:
        return shipped[name]
    if File(f"{recipe}.toml").is_file():
        raise UsageError(f"No recipe is called '{recipe}'. Did you mean the file {recipe}.toml?")
    if recipe.endswith(".toml") and not recipe.startswith("recipes/"):
        raise UsageError(f"There is no file {recipe}.{did_you_mean(name, shipped)} Shipped recipes: {', '.join(shipped)}.")
    raise UsageError(f"No recipe is called '{recipe}'.{did_you_mean(name, shipped)} Shipped: {', '.join(shipped)}.")
