"""`sracl worker`: start waiting jobs on free devices."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def command(
    slots: Annotated[int, typer.Option(min=1, envvar="SRACL_SLOTS", help="Jobs that may share the processor.")] = 1,
    idle_exit: Annotated[
        float | None, typer.Option("--idle-exit", metavar="SECONDS", min=0, help="Leave after so long without anything to do.")
    ] = None,
) -> None:
    r"""Start waiting jobs on free devices, and look after them until they end.

    There is rarely a need for this: whatever lets jobs wait starts a worker, which leaves when it is done. A job gets a GPU
    of its own, or a share where its recipe says how much it needs (\[resources] vram, in GiB); without a GPU, a slot of the
    processor. Ctrl-C makes the worker leave; running jobs go on, and the next worker takes them over.
    """
    import time
    from contextlib import suppress

    from sracl.jobs.workers import work

    def report(line: str) -> None:
        with suppress(OSError):  # a full disk or a closed terminal keeps no job from its device
            print(f"{time.strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)

    work(slots=slots, idle_exit=idle_exit, report=report)
