"""All that keys do on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.screen import Screen

from sracl.tui.widgets.text_screen import TextScreen

if TYPE_CHECKING:
    from textual.dom import DOMNode

_TEXTUALS = {binding.action for binding in Screen.BINDINGS if isinstance(binding, Binding)}
"""What Textual lets every screen do, such as to move the focus."""


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
            keys, _ = groups[_owner(screen, active.node, binding)].setdefault((active.node, binding.action), ([], binding.description))
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


def _owner(screen: Screen[object], node: DOMNode, binding: Binding) -> str:
    if node is screen.app or binding.action in _TEXTUALS:
        return "every screen"
    return "this screen" if node is screen else "what has the focus"
