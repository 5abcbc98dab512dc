"""Lists of recommendations as a file, written as they come.

    .csv     a row an item: user,rank,item,score, and where the next item is known target,target_rank
    .jsonl   an object a user: {"user": …, "items": [{"item": …, "score": …}, …], "target": {"item": …, "rank": …}}

A target's rank is empty, or null, where it has been chosen before and such items are excluded.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sracl.runs.recommending import Recommendations

_COLUMNS = ("user", "rank", "item", "score")
_OF_TARGET = ("target", "target_rank")


def write(file: Path, lists: Iterable[Recommendations], *, with_target: bool) -> int:
    """Write lists, gzipped where the name of the file ends with .gz; how many they were."""
    from sracl.sharing.bundle import compressed

    as_csv = file.name.removesuffix(".gz").endswith(".csv")
    count = 0
    with compressed(file) as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as text:
        rows = csv.writer(text, lineterminator="\n")
        if as_csv:
            rows.writerow([*_COLUMNS, *(_OF_TARGET if with_target else ())])
        for each in lists:
            if as_csv:
                rows.writerows(_rows(each))
            else:
                text.write(json.dumps(_object(each), ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    return count


def _rows(each: Recommendations) -> Iterable[list[Any]]:
    target = [each.target.item, each.target.rank] if each.target else []
    return ([each.user, rank, item.item, item.score, *target] for rank, item in enumerate(each.items, start=1))


def _object(each: Recommendations) -> dict[str, Any]:
    items = [{"item": item.item, "score": item.score if math.isfinite(item.score) else None} for item in each.items]
    target = {"target": {"item": each.target.item, "rank": each.target.rank}} if each.target else {}
    return {"user": each.user, "items": items, **target}
