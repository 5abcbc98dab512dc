"""Components of other distributions: each is imported in a process of its own, so that one that crashes hurts nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from sracl import paths
from sracl.doctor.check import Check
from sracl.registry.card import FOLDERS
from sracl.registry.catalog import OWNER, catalog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sracl.registry.card import Card

_PATIENCE = 60.0
_IMPORT = "import importlib, sys; getattr(importlib.import_module(sys.argv[1]), sys.argv[2])"
_TAIL = 6


def plugins() -> list[Check]:
    """Every card and entry point of another distribution, and what could not be read of them."""
    cat = catalog()
    foreign = [card for card in cat.cards() if card.owner != OWNER and card.entry]
    checks = [imported(card) for card in foreign]
    checks += [Check("plug-in", "problem", message, "Tell its authors, or uninstall it.", exit_code=9) for message in cat.broken]
    checks += _collisions(cat.cards())
    return checks or [Check("plug-ins", "ok", "none installed")]


def imported(card: Card) -> Check:
    """Whether a component can be imported."""
    module, _, name = (card.entry or "").partition(":")
    of = f"sracl.{FOLDERS[card.kind]} '{card.name}' of {card.owner} {_version(card.owner)}"
    about = card.owned_address
    search = os.pathsep.join(entry for entry in (*sys.path, str(paths.project())) if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT, module, name],
            env={**os.environ, "PYTHONPATH": search},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        late = f"{of}: importing {module} took over {_PATIENCE:.0f} s"
        return Check("plug-in", "problem", late, "Ask its authors.", exit_code=9, component=about)
    if done.returncode == 0:
        return Check("plug-in", "ok", of, component=about)
    tail = done.stderr.strip().splitlines()[-_TAIL:]
    died = f"killed its process (signal {-done.returncode})" if done.returncode < 0 else "failed"
    reason = f": {tail[-1]}" if tail else ""
    mend = f"Install what it needs, or leave it out: pip uninstall {card.owner}"
    return Check(
        "plug-in", "problem", f"{of}: importing {module} {died}{reason}", mend, exit_code=9, details="\n".join(tail), component=about
    )


def _collisions(cards: Iterable[Card]) -> list[Check]:
    """Names that several owners gave: they are asked for with the owner in front."""
    owners: dict[str, list[str]] = {}
    for card in cards:
        owners.setdefault(card.address, []).append(card.owner)
    checks = []
    for address, known in owners.items():
        if len(known) > 1:
            name = address.partition("/")[2]
            mend = f"Say which in recipes: {', '.join(f'{owner}:{name}' for owner in known)}"
            checks.append(Check("plug-in", "warning", f"{address} has several owners", mend))
    return checks


def _version(owner: str) -> str:
    try:
        return version(owner)
    except PackageNotFoundError:
        return "of an unknown version"
