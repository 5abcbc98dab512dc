"""What a file that grows has got since the last look."""

from __future__ import annotations

import codecs
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 256 * 1024
"""Bytes of the end that are read at a time: of more than that, a terminal shows nothing anyone wants to read line by line."""


class Tail:
    """Follows one file, which need not be there yet.

    Args:
        file: Text in UTF-8; what is no such text is shown as a replacement character.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._place = 0
        self._seen: tuple[int, int] | None = None
        """Device and inode of the file that was read."""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read(self) -> tuple[str, bool]:
        """What is new, and whether it takes the place of what was read before: at the first look, and if the file was begun anew.

        Where more is new than can be shown, it begins with the first whole line of the end.

        Raises:
            OSError: The file is there and cannot be read.
        """
        if not self.file.is_file():
            begins_anew, self._place = self._place > 0, 0
            return "", begins_anew
        with self.file.open("rb") as file:
            status = os.fstat(file.fileno())
            size, found = status.st_size, (status.st_dev, status.st_ino)
            is_another = size < self._place or found != self._seen
            begins_anew = self._place == 0 or is_another
            start = 0 if is_another else self._place
            skipped = size - start > LIMIT
            if skipped:
                start, begins_anew = size - LIMIT, True
            file.seek(start)
            kept = file.read(size - start)
        if begins_anew:
            self._decoder.reset()
        self._place, self._seen = size, found
        return self._decoder.decode(kept.partition(b"\n")[2] if skipped else kept), begins_anew
