"""Where things are written: space, permission, and whether SQLite can trust the file system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sracl import disk, paths
from sracl.doctor.check import Check

if TYPE_CHECKING:
    from pathlib import Path

    from sracl.doctor.check import Level

_LITTLE = 2 * 2**30
"""Bytes free below which one is warned."""

NETWORKED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "lustre", "beegfs", "gpfs", "ceph", "afs", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
)
"""File systems of several machines, on which the write-ahead log's shared memory does not work."""


def folders() -> list[Check]:
    """The project, the cache, the data, and the file system below the store."""
    named = {"project": paths.project(), "cache": paths.cache(), "data": paths.user_data()}
    return [*(space(name, folder) for name, folder in named.items()), file_system(paths.store_file())]


def space(name: str, folder: Path) -> Check:
    """Room and permission in a folder, which may not be there yet."""
    there = disk.nearest(folder)
    if not os.access(there, os.W_OK | os.X_OK):
        level: Level = "warning" if name == "data" else "problem"
        variable = {"project": "SRACL_HOME", "cache": "SRACL_CACHE_DIR", "data": "SRACL_DATA"}[name]
        return Check(name, level, f"{folder} may not be written to", f"Set {variable} to another folder.", exit_code=5)
    free = disk.free(there)
    if free is None:
        return Check(name, "ok", f"{folder}, whose file system does not say how much is free")
    found = f"{folder}, {free / 2**30:.1f} GiB free"
    if free < disk.LEAST:
        return Check(name, "problem", found, "Free some space before anything is run.", exit_code=5)
    if free < _LITTLE:
        return Check(name, "warning", found, "Checkpoints, texts and vectors may need more: free some space.")
    return Check(name, "ok", found)


def file_system(store: Path) -> Check:
    """Kind of the file system that the store is on."""
    import psutil

    there = disk.nearest(store.parent)
    mounts = [part for part in psutil.disk_partitions(all=True) if there.is_relative_to(part.mountpoint)]
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""
    return judged(kind, store)


def judged(kind: str, store: Path) -> Check:
    """What a kind of file system means for the store."""
    if kind in NETWORKED:
        mend = "Keep the store on a disk of this machine: set SRACL_DB, or SRACL_HOME for the runs as well."
        return Check("file system", "warning", f"{kind}, shared with other machines: SQLite's write-ahead log is not safe on it", mend)
    return Check("file system", "ok", f"{kind or 'of an unknown kind'}, below {store.parent}")
