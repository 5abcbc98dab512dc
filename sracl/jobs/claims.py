"""Which job has which device, kept for all projects of a user on this machine.

A claim is a file that is locked. The job's process inherits the lock and holds it as long as it lives: it outlives the
worker that took it, nobody has to give it back, and no device stays booked for the dead.
"""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sracl.tracking.jobs import CANNOT_BEGIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sracl.devices import Device

_OTHERS_MAY_HAVE = 1.0
"""GiB of a GPU that a desktop or a driver may use while the whole of it is given to a job."""


class Claims:
    """The claims kept in one folder, which is made when the first is taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(self, device: Device, amount: float | None) -> int | str:
        """Claim a part of a device.

        Args:
            device: What to claim.
            amount: Of its capacity; None for all of a GPU, or one slot of the processor.

        Returns:
            A file descriptor to be inherited by the job and closed here; or why it has to wait, in words.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.lstat().st_uid != os.getuid():  # who could have files of ours overwritten through it
            return f"{CANNOT_BEGIN}the folder {self.folder} is another user's; name one of yours in SRACL_CLAIMS"
        whole = device.is_gpu and (amount is None or not device.capacity)
        share = device.capacity if amount is None or whole else amount
        wanted = share if device.is_gpu else 1.0
        with self._alone(device):
            claims = list(self._live(device, clean=True))
            held = sum(claims)
            taken = max(held, device.used)
            if wanted > device.capacity:
                return f"needs {_size(device, wanted)}, {device.name} has {_size(device, device.capacity)}"
            if claims and not device.capacity:
                return f"needs all of {device.name}, which a job has"
            if claims and whole:
                return f"needs all of {device.name}, of which jobs have {_size(device, held)}"
            if whole and device.used > _OTHERS_MAY_HAVE:
                return f"needs all of {device.name}, of which others use {_size(device, device.used)}"
            if not whole and wanted > device.capacity - taken:
                return f"needs {_size(device, wanted)}, {_size(device, device.capacity - taken)} free"
            return self._make(device, wanted)

    def held(self, device: Device) -> float:
        """How much of a device is claimed; nothing is written for that."""
        return sum(self._live(device))

    def _make(self, device: Device, amount: float) -> int:
        path = self.folder / f"{_stem(device)}.{uuid.uuid4().hex}.claim"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(descriptor, str(amount).encode())
        except OSError:
            path.unlink()
            os.close(descriptor)
            raise
        return descriptor

    def _live(self, device: Device, *, clean: bool = False) -> Iterator[float]:
        """What live claims hold; files of dead ones go, if wanted."""
        for path in self.folder.glob(f"{_stem(device)}.*.claim"):
            with suppress(FileNotFoundError), path.open() as file:  # it may have been cleaned away just now
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    yield float(file.read() or 0)  # empty while it is being made
                else:
                    if clean:
                        path.unlink()

    @contextmanager
    def _alone(self, device: Device) -> Iterator[None]:
        with (self.folder / f"{_stem(device)}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _stem(device: Device) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "_", device.key)


def _size(device: Device, amount: float) -> str:
    return f"{max(amount, 0.0):.1f} GiB" if device.is_gpu else f"{amount:.0f} slot{'' if amount == 1 else 's'}"
