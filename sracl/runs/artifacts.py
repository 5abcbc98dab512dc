"""What stages make, kept under the hash of what it was made from, so that nothing is computed twice.

    root/<stage>/<digest>/         the files, and facts.json with their key, sizes and hashes, and a hash of itself
    root/.locks/<stage>-<digest>   held by whoever builds or removes; the lock goes with its process
    root/.unfinished/<stage>-<digest>/   what a builder wants to find again if it is killed; goes when the artifact is there

An artifact appears whole or not at all: it is built in a folder beside its place, flushed to disk and renamed. Nothing
that is damaged is used: it is made anew, with a message.

Who uses an artifact sets the time of its facts.json, which so tells when it was used last, and keeps that file locked, shared,
while it works: `cache` removes nothing that is used.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sracl.errors import NO_SPACE, BudgetError, ResourceError
from sracl.whole_file import flush

FACTS = "facts.json"
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}

Report = Callable[[str], None]
"""Takes one line of text for the user."""


def canonical(value: Any) -> str:
    """JSON that is the same text for equal values: keys sorted, no spaces, NaN refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest_of(stage: str, key: Mapping[str, Any]) -> str:
    """Name of the artifact of a stage with this key, 40 hexadecimal digits."""
    return hashlib.sha256(f"{stage}\n{canonical(key)}".encode()).hexdigest()[:40]


@dataclass(frozen=True)
class Artifact:
    """One finished result of a stage."""

    stage: str
    digest: str
    folder: Path
    facts: Mapping[str, Any]
    """What its builder had to say."""
    was_cached: bool
    """Whether it was there already."""
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """File name -> `sha256` and `size` in bytes."""

    @property
    def contents(self) -> str:
        """Hash of all its files: differs from another's of the same key if a builder does not repeat itself."""
        return hashlib.sha256(canonical({name: facts["sha256"] for name, facts in self.files.items()}).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(int(facts["size"]) for facts in self.files.values())


class Artifacts:
    """A folder of artifacts, shared by any number of processes of one machine."""

    def __init__(self, root: Path) -> None:
        """Nothing is created before something is made."""
        self.root = root
        self._in_use: dict[Path, int] = {}
        weakref.finalize(self, _let_go, self._in_use)

    def folder(self, stage: str, key: Mapping[str, Any]) -> Path:
        """Where the artifact with this key is, or would be."""
        return self.root / stage / digest_of(stage, key)

    def unfinished(self, stage: str, key: Mapping[str, Any]) -> Path:
        """Where whoever builds the artifact with this key may keep what is done already; there only if something was kept."""
        return self.root / ".unfinished" / f"{stage}-{digest_of(stage, key)}"

    def has(self, stage: str, key: Mapping[str, Any]) -> bool:
        """Whether the artifact is there with files of the right sizes; their contents are not read."""
        return not damage(self.folder(stage, key), thorough=False)

    def verify(self, stage: str, key: Mapping[str, Any]) -> str:
        """What is wrong with the artifact, read in full; empty if nothing is."""
        return damage(self.folder(stage, key), thorough=True)

    def make(
        self,
        stage: str,
        key: Mapping[str, Any],
        build: Callable[[Path], Mapping[str, Any]],
        *,
        inputs: Sequence[Artifact] = (),
        report: Report = lambda line: None,
    ) -> Artifact:
        """The artifact with this key, built if it is not there, is damaged, or was made from inputs that have changed.

        Args:
            stage: Such as `embed`.
            key: Everything that the result depends on, as JSON.
            build: Writes files into the folder it is given and returns facts about them, as JSON.
            inputs: Artifacts that it reads. Their digests belong in the key; a provider that words things differently
                each time can give new contents for an old key, which is noticed here.
            report: Told what is rebuilt and what is waited for.

        Raises:
            BudgetError: The disk is full; nothing half-written is left.
            ResourceError: The folder cannot be written to.
        """
        final = self.folder(stage, key)
        made_from = {f"{artifact.stage}/{artifact.digest}": artifact.contents for artifact in inputs}
        if found := self._use(final, made_from):
            return found
        with _plain_errors(stage, self.root), self._lock(final, report):
            if found := self._use(final, made_from):
                return found
            if final.exists():
                report(f"{stage}: the cached {final} {damage(final, thorough=True) or 'was made from other inputs'}; making it anew")
            self._build(final, key, build, made_from)
            artifact = self._use(final, made_from, was_cached=False)
        if artifact is None:
            raise ResourceError(
                f"{stage}: {final} was made and {damage(final, thorough=True)}: the disk does not keep what is written to it"
            )
        return artifact

    def _use(self, final: Path, made_from: Mapping[str, str], *, was_cached: bool = True) -> Artifact | None:
        """The artifact, if it is whole and made from these; in use from now on, as long as this object lives."""
        handle = _marked(final)  # first, so that it is not removed while it is looked at
        if handle is None:
            return None
        artifact = _read(final, made_from, was_cached=was_cached)
        former = handle if artifact is None else self._in_use.pop(final, None)
        if former is not None:
            os.close(former)
        if artifact is not None:
            self._in_use[final] = handle
        return artifact

    def _build(self, final: Path, key: Mapping[str, Any], build: Callable[[Path], Mapping[str, Any]], made_from: Mapping[str, str]) -> None:
        for remains in final.parent.glob(f".{final.name}-*"):  # of a process that was killed: we hold its lock now
            drop(remains)
        work = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
        try:
            facts = dict(build(work))
            files = {file.relative_to(work).as_posix(): _identity(file) for file in sorted(work.rglob("*")) if file.is_file()}
            record = {"format": 1, "stage": final.parent.name, "key": key, "inputs": made_from, "files": files, "facts": facts}
            sealed = json.dumps({**record, "seal": _seal(record)}, indent=1, sort_keys=True, allow_nan=False)
            (work / FACTS).write_text(f"{sealed}\n", encoding="utf-8")
            for path in (*work.rglob("*"), work):
                flush(path)
            if final.exists():
                # A folder cannot be renamed over another; the old one goes aside first, under a name that is swept.
                final.rename(final.parent / f".{final.name}-old-{os.getpid()}")
            work.rename(final)
            flush(final.parent)
            shutil.rmtree(self.unfinished(final.parent.name, key), ignore_errors=True)
        finally:
            for remains in final.parent.glob(f".{final.name}-*"):
                with contextlib.suppress(OSError):
                    drop(remains)

    @contextlib.contextmanager
    def _lock(self, final: Path, report: Report) -> Iterator[None]:
        locks = self.root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        final.parent.mkdir(parents=True, exist_ok=True)
        with (locks / f"{final.parent.name}-{final.name}").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report(f"{final.parent.name}: another process is making this; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _plain_errors(stage: str, root: Path) -> Iterator[None]:
    """Errors of the disk in the user's words; all others pass."""
    try:
        yield
    except OSError as error:
        place = error.filename or root
        if error.errno in NO_SPACE:
            raise BudgetError(
                f"{stage}: no space left on the disk of {place}. Nothing half-made was kept; free some space, "
                f"or set SRACL_CACHE_DIR to a folder on another disk, and run the same command again."
            ) from error
        if error.errno in _FORBIDDEN:
            raise ResourceError(f"{stage}: cannot write to {place} ({error.strerror}). Set SRACL_CACHE_DIR to another folder.") from error
        raise


def _marked(folder: Path) -> int | None:
    """Say of an artifact that it is used, now and until this file is closed; None where it is not there, or is being removed."""
    try:
        handle = os.open(folder / FACTS, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    with contextlib.suppress(OSError):  # in a cache that others keep
        os.utime(handle)
    return handle


def _let_go(handles: dict[Path, int]) -> None:
    for handle in handles.values():
        os.close(handle)
    handles.clear()


def _read(folder: Path, made_from: Mapping[str, str], *, was_cached: bool = True) -> Artifact | None:
    if damage(folder, thorough=True):
        return None
    record = record_of(folder)
    if record["inputs"] != made_from:
        return None
    return Artifact(folder.parent.name, folder.name, folder, record["facts"], was_cached, record["files"])


def damage(folder: Path, *, thorough: bool) -> str:
    """What is wrong with an artifact, as the end of a sentence; empty if nothing is. Not thorough, only sizes are looked at."""
    if not folder.is_dir():
        return "is missing"
    record = record_of(folder)
    if not record:
        return f"has no readable {FACTS}"
    if record.pop("seal", None) != _seal(record):
        return f"has a {FACTS} that was changed after it was written"
    if digest_of(folder.parent.name, record["key"]) != folder.name:
        return "was made for another key"
    for name, noted in record["files"].items():
        file = folder / name
        if not file.is_file():
            return f"lacks {name}"
        if file.stat().st_size != noted["size"]:
            return f"holds {name} with {file.stat().st_size:,} bytes instead of {noted['size']:,}"
        if thorough and _identity(file) != noted:
            return f"holds {name} with other contents than were written"
    return ""


def drop(folder: Path) -> None:
    """Remove a folder with all that is in it; of a link, such as to a larger disk, only the link."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def record_of(folder: Path) -> dict[str, Any]:
    """What is noted of an artifact: key, inputs, files, facts and a seal; empty where that cannot be understood."""
    try:
        record = json.loads((folder / FACTS).read_text(encoding="utf-8"), parse_constant=_refuse)
    except (FileNotFoundError, ValueError):
        return {}
    whole = isinstance(record, dict) and all(isinstance(record.get(part), dict) for part in ("key", "files", "facts", "inputs"))
    return record if whole else {}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is never written")


def _seal(record: Mapping[str, Any]) -> str:
    """Hash of all that is noted of an artifact, so that nothing of it can be changed by the way."""
    return hashlib.sha256(canonical(record).encode()).hexdigest()


def _identity(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        return {"sha256": hashlib.file_digest(opened, "sha256").hexdigest(), "size": file.stat().st_size}
