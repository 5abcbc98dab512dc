"""What lies in the user's cache folder: texts, vectors and neighbours with when they were used, and the removal of some.

What was paid for, `answers.db` and `paid-vectors.db`, is only ever looked at here.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sracl.runs import folder
from sracl.runs.artifacts import FACTS, damage, drop, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

STAGES = ("describe", "embed", "retrieve")
_SLOTS = {"describe": "llm", "embed": "text_encoder", "retrieve": "retriever"}
_UNITS = {"item": "items", "prefix": "sequences", "user": "users"}
_BEGUN = ".unfinished"
_BEGUN_NAME = re.compile(rf"({'|'.join(STAGES)})-([0-9a-f]{{40}})")
_NAME = re.compile(r"([0-9a-f]{40})|\.([0-9a-f]{40})-.+")
"""Of a folder: the digest of an artifact; after a dot where it is half-made or half removed."""


@dataclass(frozen=True)
class Kept:
    """An artifact, or what a killed process left of one."""

    stage: str
    digest: str
    folder: Path
    bytes: int
    used: datetime
    """When a run last used it, or it was made."""
    made_with: str
    """Name of its language model, text encoder or retriever; empty where that cannot be read."""
    of: str
    """`items`, `sequences` or `users`; empty where its texts are gone, which know."""
    dataset: str
    """Empty where that is not known."""
    damage: str
    """What is wrong with it, as the end of a sentence; empty if nothing is."""
    before: str = ""
    """Digest of what it was made from."""

    @property
    def is_leftover(self) -> bool:
        """Whether a process was killed while it made or removed this."""
        return self.folder.name.startswith(".")

    @property
    def is_begun(self) -> bool:
        """Whether it is what a killed process had done of an artifact, with which the next one goes on."""
        return self.folder.parent.name == _BEGUN

    @property
    def remark(self) -> str:
        """What is to be said of it, as the end of a sentence; mostly nothing."""
        return "is begun; the next run that needs it goes on" if self.is_begun else self.damage


def contents(root: Path, datasets: Mapping[str, str]) -> list[Kept]:
    """Every artifact, the one used last first, and at the end what killed processes left; not what is being made.

    Args:
        root: The cache folder; nothing is in one that is not there.
        datasets: Names of data sets by the digests of artifacts, where runs tell them.
    """
    found = [_looked_at(stage, place) for stage in STAGES for place in _folders(root / stage)]
    found += _begun(root / _BEGUN)
    found = [each for each in found if not ((each.is_leftover or each.is_begun) and _is_being_made(each))]
    known = {each.digest: each for each in found if not each.is_leftover and not each.is_begun}
    told = [replace(each, of=_first(each, known).of, dataset=_named(each, known, datasets)) for each in found]
    return sorted(told, key=lambda each: (each.is_leftover, -each.used.timestamp()))


def remove(kept: Kept, *, unused_since: datetime) -> str:
    """Remove an artifact; why it stays, as the end of a sentence, or nothing.

    Whoever makes it or uses it now keeps it, and so does whoever has used it meanwhile.

    Args:
        kept: As it was found.
        unused_since: It stays if it was used later, unless something is wrong with it.

    Raises:
        OSError: It cannot be removed.
    """
    with _locked(_lock(kept)) as is_ours:
        if not is_ours:
            return "is being made"
        if not kept.folder.exists():
            return ""
        if kept.is_leftover:
            drop(kept.folder)
            return ""
        # nobody is to find half of it in its place
        aside = kept.folder.parent.parent / kept.stage / f".{kept.digest}-gone-{os.getpid()}"
        if kept.is_begun:
            if _written(kept.folder) > unused_since:
                return "was used just now"
            aside.parent.mkdir(exist_ok=True)
            kept.folder.rename(aside)
            drop(aside)
            return ""
        with _locked(kept.folder / FACTS, make=False) as is_ours:
            if not is_ours:
                return "is in use"
            if not damage(kept.folder, thorough=False) and _used(kept.folder) > unused_since:
                return "was used just now"
            kept.folder.rename(aside)
            drop(aside)
    return ""


def _is_being_made(kept: Kept) -> bool:
    with _locked(_lock(kept), make=False) as is_ours:
        return not is_ours


def _lock(kept: Kept) -> Path:
    """What its builder holds, see `artifacts`."""
    return kept.folder.parent.parent / ".locks" / f"{kept.stage}-{kept.digest}"


def _folders(stage: Path) -> list[Path]:
    """Of a stage, each named by a digest, half-made ones after a dot and with more behind; what others have put there is not ours."""
    if not stage.is_dir():
        return []
    return [place for place in sorted(stage.iterdir()) if _NAME.fullmatch(place.name) and place.is_dir()]


def _begun(place: Path) -> list[Kept]:
    """What killed processes had done already of artifacts."""
    names = [(path, match) for path in sorted(place.iterdir()) if (match := _BEGUN_NAME.fullmatch(path.name))] if place.is_dir() else []
    return [Kept(match[1], match[2], path, folder.size(path), _written(path), "", "", "", "") for path, match in names]


def _written(place: Path) -> datetime:
    """When something was last written below a folder."""
    newest = 0.0
    with suppress(FileNotFoundError):  # whoever encodes now takes all of it away in the end
        for path in (place, *place.rglob("*")):
            with suppress(FileNotFoundError):  # and renames each piece once it is written
                newest = max(newest, path.stat().st_mtime)
    return datetime.fromtimestamp(newest, UTC)


def _looked_at(stage: str, place: Path) -> Kept:
    digest = place.name.removeprefix(".")[:40]
    try:
        record = record_of(place)
        wrong = damage(place, thorough=False)
    except OSError as error:
        record, wrong = {}, f"cannot be read ({error.strerror})"
    key = record.get("key", {})
    table: Any = key.get(_SLOTS[stage])
    return Kept(
        stage=stage,
        digest=digest,
        folder=place,
        bytes=folder.size(place),
        used=_used(place),
        made_with=str(table.get("use", "")) if isinstance(table, dict) else "",
        of=_UNITS.get(str(key.get("unit")), ""),
        dataset=str(record.get("facts", {}).get("dataset", "")),
        damage="was left by a process that was killed" if place.name.startswith(".") else wrong,
        before=str(key.get("from", "")),
    )


def _used(place: Path) -> datetime:
    """When an artifact was used last: the time of its facts, or of its folder where it has none."""
    for path in (place / FACTS, place):
        try:
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:
            continue
    return datetime.now(UTC)


def _first(kept: Kept, known: Mapping[str, Kept]) -> Kept:
    """The texts that it was made from in the end, or the earliest of what is left."""
    for _ in STAGES:
        kept = known.get(kept.before, kept)
    return kept


def _named(kept: Kept, known: Mapping[str, Kept], datasets: Mapping[str, str]) -> str:
    first = _first(kept, known)
    return first.dataset or datasets.get(kept.digest, "") or datasets.get(first.digest, "")


@contextmanager
def _locked(file: Path, *, make: bool = True) -> Iterator[bool]:
    """Hold a file's lock; whether it could be had. One that is missing and is not to be made is nobody's."""
    if make:
        file.parent.mkdir(exist_ok=True)
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT if make else os.O_RDONLY)
    except FileNotFoundError:
        yield not make
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)
