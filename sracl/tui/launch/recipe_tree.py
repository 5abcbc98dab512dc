"""The recipes there are: files of the project, then those that come with sracl."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Tree

from sracl import paths
from sracl.recipes.shipped import shipped_recipes

if TYPE_CHECKING:
    from pathlib import Path

    from textual.widgets.tree import TreeNode


class RecipeTree(Tree[str]):
    """A leaf a recipe, which holds what `sracl run` takes; a branch a folder.

    Args:
        id: Of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor_down", "Down", show=False, id="down"),
        Binding("k,up", "cursor_up", "Up", show=False, id="up"),
        Binding("g,home", "scroll_home", "First", show=False, id="first"),
        Binding("G,end", "scroll_end", "Last", show=False, id="last"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__("recipes", id=id)
        self.show_root = False
        self.guide_depth = 2

    def on_mount(self) -> None:
        """Read the folders, and go to the first recipe."""
        for folder, recipes in listed().items():
            branch = self.root.add(folder, expand=True)
            for name, argument in recipes.items():
                branch.add_leaf(Text(name), argument)  # a str would be markup: of `sweep[lr].toml`, half would be gone
        self.call_after_refresh(self._go_to_first)

    @property
    def chosen(self) -> str | None:
        """The recipe under the cursor; None on a folder."""
        return self.cursor_node.data if self.cursor_node else None

    def _go_to_first(self) -> None:
        first: TreeNode[str] | None = next((leaf for branch in self.root.children for leaf in branch.children), None)
        self.move_cursor(first)


def listed() -> dict[str, dict[str, str]]:
    """Folder -> name of a recipe in it -> what `sracl run` takes; the project's own first."""
    project = paths.project()
    files = [*sorted(project.glob("*.toml")), *sorted((project / "recipes").rglob("*.toml"))]
    own = [file for file in files if file.is_file() and "recipe" in _keys(file)]
    found: dict[str, dict[str, str]] = {}
    for file in own:
        found.setdefault("this project", {})[file.relative_to(project).as_posix()] = str(file)
    shipped = {name: file for name, file in shipped_recipes().items() if file not in own}
    for name in sorted(shipped, key=lambda name: ("/" in name, name)):
        folder, _, short = name.rpartition("/")
        found.setdefault(folder or "sracl", {})[short] = name
    return found


def _keys(file: Path) -> set[str]:
    """Names at the beginnings of lines: enough to tell a recipe, also one that is no valid TOML yet, from other files.

    A file that cannot be read has none; it may have gone since the folder was looked at.
    """
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {line.partition("=")[0].strip() for line in lines if "=" in line}
