"""Measures the sides of a comparison in processes of their own, in turns, and writes the result.

A benchmark is a module with `cases(options)`: result file -> the cases it holds. A case names functions of that module, one a
side: `ours`, and as there are any `peer` and `floor`. Each is called in a fresh process with the case's arguments and a folder to
write to, and returns `{"value": …}` and whatever else is worth keeping. Such modules import nothing heavy at their top: the
command line reads them all, and each side should load only what it uses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from sracl.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

NEVER_UNMAP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "268435456"}
"""glibc keeps every page it ever got: what is left of a ratio is arithmetic and not page faults."""

SLEEPING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Idle threads sleep instead of spinning, as suits a machine with other work; waking them costs each parallel operation."""

Result = dict[str, Any]


class BenchmarkError(Exception):
    """A benchmark cannot be carried out; the message says what is missing."""


@dataclass(frozen=True)
class Options:
    """What the command line chooses."""

    threads: int = 2
    repeats: int = 5
    data: str = "beauty"
    quick: bool = False
    peer_python: str = sys.executable


@dataclass(frozen=True)
class Case:
    """One figure.

    Args:
        name: Of the figure.
        what: What is measured, a line.
        unit: Of `value`; less is better.
        module: File in this folder.
        sides: Functions of the module, `ours` first.
        peer: What the peer is.
        arguments: Of every side.
        environment: Variables added for every side.
        prepare: Function called once before, in a process of its own.
        recbole: Whether the peer is RecBole.
        repeats: Processes a side; None: as the options say.
        notes: What a reader of the figure must know.
    """

    name: str
    what: str
    unit: str
    module: str
    sides: tuple[str, ...] = ("ours", "peer")
    peer: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: str | None = None
    recbole: bool = False
    repeats: int | None = None
    notes: str = ""


def check(cases: list[Case], options: Options) -> None:
    """Refuse to begin what would fail at its first peer.

    Raises:
        BenchmarkError: The interpreter of the peers has no RecBole.
    """
    needing = sorted({case.name for case in cases if case.recbole})
    if not needing:
        return
    try:
        found = machine.versions_of(options.peer_python)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchmarkError(f"{options.peer_python} cannot be used as the interpreter of the peers: {error}") from error
    if found["recbole"] is None:
        raise BenchmarkError(
            f"{', '.join(needing)}: the peer is RecBole, which {options.peer_python} does not have. Install it with "
            "pip install -e '.[bench]', or name an interpreter that has it with --peer-python."
        )


def measure(case: Case, options: Options) -> Result:
    """Run every side of a case in turns, A B A B …, and sum up.

    Raises:
        BenchmarkError: A side failed.
    """
    load = machine.Load()
    repeats = case.repeats or options.repeats
    reports: dict[str, list[dict[str, Any]]] = {side: [] for side in case.sides}
    with tempfile.TemporaryDirectory(prefix="sracl-benchmark-") as folder:
        if case.prepare:
            _child(case, case.prepare, options, folder)
        for _ in range(repeats):
            for side in case.sides:
                reports[side].append(_child(case, side, options, folder))
                load.sample()
    values = {side: [float(report.pop("value")) for report in found] for side, found in reports.items()}
    middle = {side: median(found) for side, found in values.items()}
    return {
        "name": case.name,
        "what": case.what,
        "unit": case.unit,
        "ours": middle["ours"],
        "peer": middle.get("peer"),
        "ratio": middle["peer"] / middle["ours"] if "peer" in middle else None,
        "floor": middle.get("floor"),
        "over_floor": middle["ours"] / middle["floor"] if "floor" in middle else None,
        "peer_is": case.peer or None,
        "notes": case.notes,
        "data": case.arguments.get("data"),
        "quick": options.quick,
        "threads": options.threads,
        "malloc": {name: value for name, value in case.environment.items() if name.startswith("MALLOC")} or "default",
        "omp_wait_policy": case.environment.get("OMP_WAIT_POLICY", os.environ.get("OMP_WAIT_POLICY", "default")).lower(),
        "min": {side: min(found) for side, found in values.items()},
        "repeats": values,
        "details": {side: found[-1] for side, found in reports.items() if found[-1]},
        "load": load.report(),
        "machine": machine.describe(),
        "versions": _versions(case, options),
        "commit": machine.commit(),
    }


def _versions(case: Case, options: Options) -> dict[str, str | None]:
    """Of our side, with RecBole and what it stands on as the peer's interpreter has them."""
    found = dict(machine.versions_of(sys.executable))
    if case.recbole:
        peer = machine.versions_of(options.peer_python)
        found |= {name: peer[name] for name in ("recbole", "pandas")}
        found |= {f"{name} of the peer": peer[name] for name in ("python", "torch", "numpy") if peer[name] != found[name]}
    return found


def write(path: Path, results: list[Result]) -> None:
    """One object, or a list of several; a file is there whole or not at all.

    Args:
        path: The result file.
        results: At least one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results[0] if len(results) == 1 else results, indent=1) + "\n"
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def _child(case: Case, function: str, options: Options, folder: str) -> dict[str, Any]:
    python = options.peer_python if case.recbole and function == "peer" else sys.executable
    arguments = json.dumps({**case.arguments, "folder": folder})
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(options.threads),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(machine.ROOT), os.environ.get("PYTHONPATH")])),
        "SRACL_HOME": str(Path(folder) / "home"),
        **case.environment,
    }
    command = [python, "-m", "benchmarks.worker", case.module, function, arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-15:]) or f"exit code {done.returncode}"
        raise BenchmarkError(f"{case.name}: {function} failed.\n{said}")
    report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return report
