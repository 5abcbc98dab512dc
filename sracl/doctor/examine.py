"""Everything that is looked at, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl import paths
from sracl.doctor.devices import devices
from sracl.doctor.folders import folders
from sracl.doctor.plugins import plugins
from sracl.doctor.store import store
from sracl.doctor.surroundings import keys, packages, slots, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sracl.doctor.check import Check


def examine() -> Iterator[Check]:
    """Look at everything, each check as it is done; writes nothing, and takes as long as plug-ins take to import."""
    yield from devices()
    yield from folders()
    yield from store(paths.store_file())
    yield from slots()
    yield from keys()
    yield from packages()
    yield terminal()
    yield from plugins()
