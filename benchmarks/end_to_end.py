"""One epoch of SASRec as a user sees it: from the command to metrics of validation and test in the store."""

from __future__ import annotations

from typing import Any

from benchmarks.sasrec_epoch import RECIPE, prepare

__all__ = ["ours", "peer", "prepare"]


def ours(*, data: str, folder: str) -> dict[str, Any]:
    """Seconds of `sracl run` in a project without anything."""
    import tempfile

    with tempfile.TemporaryDirectory(dir=folder) as home:
        run = ["-m", "sracl", "run", RECIPE, "--set", f"data.name={data}", "--set", "train.epochs=1", "--seeds", "2024", "--device", "cpu"]
        return {"value": _seconds(run, SRACL_HOME=home)}


def peer(*, data: str, folder: str) -> dict[str, Any]:
    """Seconds of `run_recbole` with one epoch."""
    code = f"from benchmarks import recbole_peer; recbole_peer.run(data={data!r}, folder={folder!r}, epochs=1)"
    return {"value": _seconds(["-c", code])}


def _seconds(arguments: list[str], **variables: str) -> float:
    import os
    import subprocess
    import sys
    import time

    started = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], env={**os.environ, **variables}, capture_output=True, text=True)
    elapsed = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(done.stderr)
    return elapsed
