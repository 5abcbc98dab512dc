"""A file that the user names, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

_Written = TypeVar("_Written")


def write_whole(output: Path, write: Callable[[Path], _Written]) -> _Written:
    """Write the whole file, or leave what is there; what `write` returns.

    Args:
        output: The file.
        write: Writes to another one beside it, of the same suffix, which is put in its place when all is written.

    Raises:
        UsageError: It cannot be written there.
    """
    from sracl.errors import NO_SPACE, UsageError

    temporary = output.with_name(f".part.{output.name or 'table'}")
    try:
        written = write(temporary)
        temporary.replace(output)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        raise UsageError(f"{output} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return written
