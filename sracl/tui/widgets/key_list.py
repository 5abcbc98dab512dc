"""All that keys do on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType

from sracl.tui.widgets.text_screen import TextScreen

if TYPE_CHECKING:
    from textual.screen import Screen


class KeyList(TextScreen):
    """The keys of the screen that it is put above, that screen's own first.

    Textual's own panel of keys begins with those of a table, shows no more than the terminal has lines, and only the mouse moves it.

    Args:
        of: The screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "dismiss", "Help", show=False, id="help"),
    ]

    def __init__(self, of: Screen[object]) -> None:
        super().__init__("Keys", _listed(of))


def _listed(screen: Screen[object]) -> Table:
    """A line an action, under whose it is."""
    groups: dict[str, dict[tuple[object, str], tuple[list[str], str]]] = {"this screen": {}, "what has the focus": {}, "every screen": {}}
    for active in screen.active_bindings.values():
        binding = active.binding
        if active.enabled and binding.description and not binding.system:
            owner = "every screen" if active.node is screen.app else "this screen" if active.node is screen else "what has the focus"
            keys, _ = groups[owner].setdefault((active.node, binding.action), ([], binding.description))
            if (key := screen.app.get_key_display(binding)) not in keys:
                keys.append(key)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for owner, actions in groups.items():
        if actions:
            table.add_row("", Text(owner, style="italic"))
            for keys, description in actions.values():
                table.add_row(Text(" ".join(keys), style="bold"), Text(description))
            table.add_row()
    return table
