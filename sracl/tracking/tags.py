"""What users say of runs: tags to find them by, and a note. It decides nothing: no digest, no figure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sracl.errors import UsageError, did_you_mean
from sracl.tracking.rows import among

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from sracl.tracking.reader import Reader
    from sracl.tracking.rows import Condition

SINCE = 3
"""Version of the tables that has them; a store of an earlier one, opened to be read, has none."""
NAME = re.compile(r"\w[\w.-]{0,63}")
"""What a tag may be called: one word, in any letters."""


def checked(name: str) -> str:
    """The same name, if a tag may be called so.

    Raises:
        UsageError: It may not.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"A tag is a word of letters, digits, '_', '-' and '.', at most 64 of them; '{name}' is none.")
    return name


def changes(words: Sequence[str], having: Collection[str]) -> tuple[list[str], list[str]]:
    """Tags to give and tags to take away, of words such as `+ablation` and `-old`.

    Args:
        words: Each begins with its sign.
        having: Tags that the runs have which are meant.

    Raises:
        UsageError: A word is no tag, or none of the runs has a tag that is to be taken away.
    """
    add, remove = ([checked(word[1:]) for word in words if word.startswith(sign)] for sign in "+-")
    if foreign := [name for name in remove if name not in having]:
        known = f" They have: {', '.join(sorted(having))}." if having else ""
        raise UsageError(f"None of these runs has the tag '{foreign[0]}'.{did_you_mean(foreign[0], having)}{known}")
    return add, remove


def counts(store: Reader) -> dict[str, int]:
    """Every tag, and how many runs have it."""
    with store.reading() as view:
        if not _has(view):
            return {}
        return dict(view.execute("SELECT tag.name, count(*) FROM tag GROUP BY tag.name ORDER BY tag.name").fetchall())


def of_runs(view: sqlite3.Connection, run_ids: Collection[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Tags of runs, each run's sorted, and their notes; runs without are left out."""
    tags: dict[str, tuple[str, ...]] = {}
    if not _has(view):
        return tags, {}
    condition, values = among("run_id", run_ids)
    for run_id, name in view.execute(f"SELECT run_id, name FROM tag WHERE {condition} ORDER BY name", values):
        tags[run_id] = (*tags.get(run_id, ()), name)
    return tags, dict(view.execute(f"SELECT run_id, text FROM note WHERE {condition}", values).fetchall())


def tagged(view: sqlite3.Connection, name: str) -> Condition:
    """A run has this tag."""
    return ("run.id IN (SELECT tag.run_id FROM tag WHERE tag.name = ?)", [name]) if _has(view) else ("1 = 0", [])


def _has(view: sqlite3.Connection) -> bool:
    return bool(view.execute("SELECT max(version) FROM schemaversion").fetchone()[0] >= SINCE)
