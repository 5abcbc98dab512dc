"""How long commands take that train nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case

if TYPE_CHECKING:
    from benchmarks.harness import Options

RECIPE = "quickstart"


def cases(options: Options) -> dict[str, list[Case]]:
    """Wall time of a process from its start to its end."""

    def case(name: str, *command: str, prepare: str | None = None) -> Case:
        what = f"sracl {' '.join(command)}"
        return Case(
            f"startup_{name}",
            what + (", everything done before" if prepare else ""),
            "s",
            "startup",
            sides=("ours",),
            arguments={"command": list(command)},
            prepare=prepare,
            repeats=min(options.repeats, 3),
        )

    return {
        "startup": [
            case("help", "--help"),
            case("list", "list"),
            case("compare", "compare", prepare="prepare"),
            case("cached_run", "run", RECIPE, prepare="prepare"),
        ]
    }


def prepare(*, command: list[str], folder: str) -> dict[str, Any]:
    """Carry the recipe out, so that there is something to compare and nothing left to do."""
    _seconds(["run", RECIPE, "--quiet"])
    return {}


def ours(*, command: list[str], folder: str) -> dict[str, Any]:
    """Median seconds of the command."""
    from statistics import median

    _seconds(command)  # the first one compiles and reads files into the cache
    times = [_seconds(command) for _ in range(7)]
    return {"value": median(times), "min": min(times)}


def _seconds(command: list[str]) -> float:
    import subprocess
    import sys

    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "sracl", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
