"""What keys do, as the user may change it.

Every binding of the terminal interface has an id, which is the same for what means the same on several screens (`back`, `down`),
and begins with the name of its screen where it is that screen's own (`runs.mark`).
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key
from textual.screen import ModalScreen, Screen

import sracl.tui
from sracl.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAMED = frozenset(key.value for key in Keys if "+" not in key.value and key.value.isalnum()) - {"return"}
"""Keys that are no letters, such as `f5`."""

_TAKEN = {"ctrl+h": "backspace", "ctrl+i": "tab", "ctrl+m": "enter", "ctrl+j": "enter"}
"""What terminals send these as."""


def tables() -> dict[type[DOMNode], list[Binding]]:
    """Every class of the terminal interface that binds keys, and the bindings it adds; several keys of one are one binding."""
    for module in pkgutil.walk_packages(sracl.tui.__path__, "sracl.tui."):
        importlib.import_module(module.name)
    return {
        kind: [binding for binding in vars(kind)["BINDINGS"] if isinstance(binding, Binding)]
        for kind in _below(DOMNode)
        if kind.__module__.startswith("sracl.tui.") and "BINDINGS" in vars(kind)
    }


def problems(chosen: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a choice of keys.

    Args:
        chosen: Id of a binding -> keys, with commas between them.

    Returns:
        Id -> problem, empty when all is well.
    """
    known = tables()
    bindings = {binding.id: binding for table in known.values() for binding in table if binding.id}
    found = {}
    for name, keys in chosen.items():
        if name not in bindings:
            found[name] = f"Nothing is called so.{did_you_mean(name, bindings)} There are: {', '.join(sorted(bindings))}."
        elif wrong := [told for key in keys.split(",") if (told := _wrong(key.strip(), typed_over=bindings[name].priority))]:
            found[name] = " ".join(wrong)
    return found or _clashes(known, chosen)


def parts(keys: str) -> list[str]:
    """Keys as Textual names them: `?,f1` are `question_mark` and `f1`."""
    return [_character_to_key(key) if len(key) == 1 else key for key in map(str.strip, keys.split(","))]


def _wrong(key: str, *, typed_over: bool) -> str:
    """What a terminal would not make of a key; empty when it is one."""
    if key in _TAKEN:
        return f"'{key}' reaches programs as {_TAKEN[key]}; choose another."
    *modifiers, name = key.split("+")
    is_letter = (len(name) == 1 and name.isprintable() and not name.isspace()) or _is_sign(name)
    if not set(modifiers) <= {"ctrl", "shift", "alt"} or not (is_letter or name in NAMED):
        names = ", ".join(sorted(NAMED))
        return (
            f"'{key}' is no key.{did_you_mean(key, NAMED)} Keys are letters, digits, signs such as ?, {names}, and ctrl+ with one of them."
        )
    if typed_over and is_letter and not modifiers:
        return f"'{key}' is typed into boxes, and this works within them; choose a key such as f8 or ctrl+t."
    return ""


def _is_sign(name: str) -> bool:
    """Whether it is Textual's name of a sign, such as `question_mark`."""
    return name in {_character_to_key(chr(code)) for code in range(0x21, 0x7F)}


def _clashes(known: Mapping[type[DOMNode], Sequence[Binding]], chosen: Mapping[str, str]) -> dict[str, str]:
    """Keys that would do two things on one screen, of which one was chosen."""
    everywhere = [binding for kind, table in known.items() if not issubclass(kind, Screen) for binding in table]
    found = {}
    for screen in (kind for kind in known if issubclass(kind, Screen) and not issubclass(kind, App)):
        owners: dict[str, str] = {}
        reached = () if issubclass(screen, ModalScreen) else everywhere  # what is above all else has its own keys alone
        for binding in (*known[screen], *reached):
            name = binding.id or ""
            for key in parts(chosen.get(name, binding.key)):
                other = owners.setdefault(key, name)
                if other != name and (name in chosen or other in chosen):
                    mine, theirs = (name, other) if name in chosen else (other, name)
                    found[mine] = f"'{key}' is the key of {theirs} as well. Give {theirs} another one, too."
    return found


def _below(kind: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)
