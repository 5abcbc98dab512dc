"""A file that the user names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_Written = TypeVar("_Written")


def write_output(output: Path, write: Callable[[Path], _Written], *, durable: bool = False) -> _Written:
    """Write the whole file, or leave what is there; what `write` returns. What killed commands have left of the file goes.

    Args:
        output: The file.
        write: Writes everything to the path it is given, of the same name.
        durable: Whether the file is to survive a power cut from here on.

    Raises:
        UsageError: It cannot be written there.
    """
    from sracl.errors import NO_SPACE, UsageError
    from sracl.whole_file import sweep_dead, write_whole

    sweep_dead(output)
    try:
        return write_whole(output, write, durable=durable)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        raise UsageError(f"{output} cannot be written: {error.strerror or error}.") from error
