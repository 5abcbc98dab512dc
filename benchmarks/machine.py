"""What a measurement depends on beside the code: processor, load, versions, commit."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "numpy", "scipy", "sracl", "recbole", "pandas")


def describe() -> dict[str, Any]:
    """The processor, its cores, whether it multiplies matrices in bf16, and the memory in GiB."""
    model, flags = platform.processor() or platform.machine(), set[str]()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        fields = dict(line.split(":", 1) for line in cpuinfo.read_text().split("\n\n")[0].splitlines() if ":" in line)
        fields = {name.strip(): value.strip() for name, value in fields.items()}
        model = fields.get("model name", model)
        model += f" (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else ""
        flags = set(fields.get("flags", "").split())
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "avx512": "avx512f" in flags,
        "avx512_bf16": "avx512_bf16" in flags,
        "amx_bf16": "amx_bf16" in flags,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def versions() -> dict[str, str | None]:
    """Of this interpreter and of the packages that matter, None where one is absent."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


@cache
def versions_of(python: str) -> dict[str, str | None]:
    """The same of another interpreter.

    Raises:
        OSError: It cannot be started.
        subprocess.CalledProcessError: It cannot import this module.
    """
    if python == sys.executable:
        return versions()
    code = "import json; from benchmarks.machine import versions; print(json.dumps(versions()))"
    done = subprocess.run([python, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


def commit() -> str | None:
    """The commit checked out, with `-dirty` where files beside the results differ from it; None outside a repository."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        status = [*git, "status", "--porcelain", "--", ".", ":!benchmarks/results", ":!*.md"]
        changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("-dirty" if changed else "")


class Load:
    """Watches how busy the machine is while children are measured, and how much of that is not theirs."""

    def __init__(self) -> None:
        self.before = os.getloadavg()[0]
        self._highest = self.before
        self._started, self._busy, self._own = time.monotonic(), _busy(), _children()

    def sample(self) -> None:
        """Look at the load average now."""
        self._highest = max(self._highest, os.getloadavg()[0])

    def report(self) -> dict[str, float]:
        """Load average (one minute) before, its highest during, and the cores that other processes kept busy on average."""
        elapsed = time.monotonic() - self._started
        others = (_busy() - self._busy) - (_children() - self._own)
        return {"before": round(self.before, 2), "during": round(self._highest, 2), "others": round(max(0.0, others) / elapsed, 2)}


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0))


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def peak_memory() -> float:
    """Largest resident set of this process so far, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
