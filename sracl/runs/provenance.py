"""What explains a run years later: what was installed, which code it was, and which driver. It decides no digest.

    runs/RUN/packages-XXXXXXXX.txt   name==version of every distribution that was installed
    runs/RUN/project-XXXXXXXX.patch  what the files that git tracks in the project's repository had beyond its commit
    runs/RUN/sracl-XXXXXXXX.patch    the same of a checkout that sracl runs from, where that is another repository

The digits are those of the contents, so that a later attempt leaves what an earlier one kept. The names stand in the run's
environment.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

import torch

from sracl import devices, paths
from sracl.runs.repository import LIMIT, PATIENCE, repository
from sracl.whole_file import sweep, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sracl.tracking.store import Store


@dataclass(frozen=True)
class Provenance:
    """Of the runs of one process, whose code stays what it was when it began."""

    facts: Mapping[str, Any]
    """For the environment of a run."""
    files: Mapping[str, tuple[str, bytes]]
    """For its folder: name of the artifact -> name of the file, and contents."""

    def keep(self, store: Store, run_id: str, folder: Path) -> None:
        """Write the files into a run's folder, and record them.

        Raises:
            OSError: One cannot be written.
        """
        sweep(folder, "packages-*", "*.patch")
        for artifact, (name, contents) in self.files.items():
            file = folder / name
            if not file.is_file():
                write_whole(file, partial(_write, contents), durable=True)
            store.artifact(run_id, name=artifact, path=str(file), digest="", size=len(contents), facts={})

    def in_words(self) -> str:
        """The code, on one line: what a log says of an attempt."""
        told = [f"{of} {found['commit'][:12]}, uncommitted: {found['uncommitted']}" for of, found in self.facts.get("git", {}).items()]
        return "; ".join([*told, f"packages: {self.facts['packages']}"])


def provenance(device: torch.device) -> Provenance:
    """Look at what is installed, at the repositories of the project and of sracl, and at the driver of a GPU.

    Args:
        device: What is computed on.
    """
    listed = "".join(f"{line}\n" for line in sorted({f"{found.name}=={found.version}" for found in distributions()}, key=str.lower))
    files = {"packages": _named("packages", listed.encode(), "txt")}
    git: dict[str, dict[str, str]] = {}
    seen: set[str] = set()
    for of, folder in (("project", paths.project()), ("sracl", paths.checkout())):
        found = repository(folder) if folder is not None else None
        if found is None or found.top in seen:
            continue
        seen.add(found.top)
        if found.patch:
            files[f"{of}.patch"] = _named(of, found.patch, "patch")
            uncommitted = files[f"{of}.patch"][0] + (f", the first {LIMIT // 2**20} MiB of it" if found.is_cut else "")
        else:
            uncommitted = "none" if found.patch is not None else f"unknown, git did not tell within {PATIENCE:.0f} s"
        git[of] = {"commit": found.commit, "uncommitted": uncommitted}
    facts: dict[str, Any] = {"packages": files["packages"][0], **({"git": git} if git else {})}
    if device.type == "cuda":
        cuda = {"version": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "driver": devices.driver()}
        facts["cuda"] = {name: str(value) for name, value in cuda.items() if value}
    return Provenance(facts, files)


def _write(contents: bytes, file: Path) -> None:
    file.write_bytes(contents)


def _named(of: str, contents: bytes, suffix: str) -> tuple[str, bytes]:
    return f"{of}-{hashlib.sha256(contents).hexdigest()[:8]}.{suffix}", contents
