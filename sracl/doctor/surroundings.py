"""Keys in the environment, by name alone, packages that components need, and the terminal."""

from __future__ import annotations

import os
import shutil
import sys

from sracl import letters
from sracl.devices import slots_asked_for
from sracl.doctor.check import Check
from sracl.errors import PluginError, UsageError
from sracl.registry.catalog import catalog
from sracl.registry.packages import missing, not_installed
from sracl.registry.signatures import signature

_KEY_PARAMETER = "api_key_env"
_WIDTH, _HEIGHT = 80, 24


def keys() -> list[Check]:
    """For every variable that a component or a language model's card has a key read from, whether it is set. Never what is in it."""
    users: dict[str, list[str]] = {}
    for kind in ("llm_provider", "text_encoder"):
        for card in catalog().cards(kind):
            try:
                taken = signature(card).parameters
            except PluginError:
                continue  # told among the plug-ins
            read = taken[_KEY_PARAMETER].default if _KEY_PARAMETER in taken else None
            if isinstance(read, str) and read:
                users.setdefault(read, []).append(card.address)
    for card in catalog().cards("llm"):
        if variable := card.facts.get("api_key_env"):
            users.setdefault(variable, []).append(card.address)
    return [
        Check("key", "ok", f"{variable} is {'set' if os.environ.get(variable) else 'not set'}; read by {', '.join(dict.fromkeys(known))}")
        for variable, known in users.items()
    ]


def packages() -> list[Check]:
    """For everything that components need beside what sracl installs, whether it is there."""
    users: dict[str, list[str]] = {}
    absent = set()
    for card in (card for card in catalog().cards() if card.needs):
        absent.update(missing(card))
        for requirement in dict.fromkeys(card.needs.values()):
            users.setdefault(requirement, []).append(card.address)
    return [
        Check("package", "ok", f"{not_installed(name) if name in absent else f'{name} is installed'}; needed by {', '.join(known)}")
        for name, known in users.items()
    ]


def slots() -> list[Check]:
    """How many jobs share the processor, where the environment says that in a way nobody can follow."""
    try:
        slots_asked_for()
    except UsageError as error:
        return [Check("slots", "problem", str(error), "Without it one job at a time has the processor.", UsageError.exit_code)]
    return []


def terminal() -> Check:
    """Size, colours and letters."""
    out = sys.__stdout__  # the terminal itself, also where sys.stdout is caught by the terminal interface
    encoding = letters.of_terminal()
    if not (out and out.isatty()):
        return Check("terminal", "ok", f"none: the output goes elsewhere ({encoding or 'unknown'} letters)")
    width, height = shutil.get_terminal_size()
    kind = os.environ.get("TERM", "")
    colours = "no colours" if os.environ.get("NO_COLOR") or kind == "dumb" else "colours"
    found = f"{width}x{height}, {kind or 'TERM not set'}, {colours}, {encoding or 'unknown'} letters"
    if encoding != "utf8":
        return Check("terminal", "warning", found, "Set LC_ALL to a UTF-8 locale such as C.UTF-8: curves and bars need its letters.")
    if kind in ("", "dumb"):
        return Check("terminal", "warning", found, "sracl tui needs a terminal that can move its cursor; set TERM.")
    if width < _WIDTH or height < _HEIGHT:
        return Check("terminal", "warning", found, f"sracl tui wants {_WIDTH}x{_HEIGHT} or more.")
    return Check("terminal", "ok", found)
