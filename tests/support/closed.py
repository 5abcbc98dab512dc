"""Folders of other users, which nobody else may look into."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def closed_folder() -> Iterator[Path]:
    """A folder, with a file `held` in it, that this process may not look into meanwhile; root becomes somebody else."""
    with tempfile.TemporaryDirectory() as made:
        outer, closed = Path(made), Path(made) / "closed"
        closed.mkdir()
        (closed / "held").write_text("theirs")
        outer.chmod(0o755)
        closed.chmod(0)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)
        try:
            yield closed
        finally:
            if was_root:
                os.seteuid(0)
            closed.chmod(0o700)
