"""The line of keys at the foot of a screen."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from string import digits
from typing import TYPE_CHECKING, Any

from rich.style import Style
from rich.text import Text
from textual.keys import _character_to_key
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import App
    from textual.binding import ActiveBinding, Binding
    from textual.screen import Screen

_LETTERS = {_character_to_key(chr(code)): chr(code) for code in range(0x20, 0x7F)}
"""Textual's name of a key -> what it writes into a box. Textual's own way back knows neither `slash` nor `minus` nor `plus`."""


class Keys(Widget):
    """What keys do here; a click does the same. Those of the screen give way to those that work everywhere.

    It is one widget, where Textual's own footer makes one for every key: of the time that opening a screen took, a third
    went into those.
    """

    DEFAULT_CSS = "Keys { dock: bottom; height: 1; background: $footer-background; color: $footer-foreground; }"

    def on_mount(self) -> None:
        """Follow what the screen binds."""
        self.screen.bindings_updated_signal.subscribe(self, self._change)

    def action_press(self, key: str) -> None:
        """Do what a key does."""
        self.app.simulate_key(key)

    def render(self) -> Text:
        """All on one line: the screen's own, those of what has the focus, those of every screen."""
        bindings: dict[str, list[Binding]] = {"screen": [], "widget": [], "app": []}
        in_box = _in_box(self.screen)
        for active in _working(self.screen):
            if active.binding.show and active.enabled:
                owner = "app" if active.node is self.app else "screen" if active.node is self.screen else "widget"
                # the sign that stands for several keys is that of the first, which may be a letter
                bindings[owner].append(replace(active.binding, key_display=None) if in_box else active.binding)
        here, everywhere = _line(self.app, [*bindings["screen"], *bindings["widget"]]), _line(self.app, bindings["app"])
        here.truncate(max(0, self.size.width - everywhere.cell_len - 1), overflow="ellipsis", pad=True)
        return Text.assemble(here, " ", everywhere, no_wrap=True, end="")

    def _change(self, screen: Screen[Any]) -> None:
        self.refresh()


def key_of(screen: Screen[Any], name: str) -> str:
    """How the key of a binding is written, as the user may have changed it; empty where none works on the screen now."""
    in_box = _in_box(screen)
    for active in _working(screen):
        if active.binding.id == name:
            return screen.app.get_key_display(replace(active.binding, key_display=None) if in_box else active.binding)
    return ""


def _in_box(screen: Screen[Any]) -> bool:
    """Whether letters would be typed into a box."""
    return screen.focused is not None and screen.focused.check_consume_key("a", "a")


def _working(screen: Screen[Any]) -> Iterator[ActiveBinding]:
    """The bindings of a screen whose keys are not typed into a box."""
    box = screen.focused if _in_box(screen) else None
    for key, active in screen.active_bindings.items():
        if box is None or not box.check_consume_key(key, _LETTERS.get(key)):
            yield active


def _line(app: App[object], bindings: Sequence[Binding]) -> Text:
    """Keys and what they do; of a group the first and the last one, before the one word for all."""
    once = {binding.action: binding for binding in reversed(bindings)}  # the first key of several
    parts = []
    for group, members in groupby(reversed(once.values()), lambda binding: binding.group):
        several = list(members)
        if group is None:
            parts += [_part(app.get_key_display(binding), binding.description, f"press({binding.key!r})") for binding in several]
        else:
            keys = [app.get_key_display(binding) for binding in several]
            in_a_row = "".join(keys) in digits
            parts.append(_part(f"{keys[0]}-{keys[-1]}" if in_a_row else "".join(keys), group.description, "app.command_palette"))
    return Text(" ").join(parts)


def _part(key: str, description: str, click: str) -> Text:
    part = Text.assemble((key, "bold"), " ", description)
    part.stylize(Style(meta={"@click": click}))
    return part
