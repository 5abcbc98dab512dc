"""What a line of a list says of a run, out of its values and surroundings: these are kilobytes that a list has no other use for."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sracl.tracking.rows import Derived

Trainings: TypeAlias = tuple[tuple[str, int], ...]
"""Every training of a run, in order: how the names of its series begin, and how many epochs it has at most."""


def watched_metric(values: Mapping[str, Any]) -> str:
    """The validation metric that chooses a run's best epoch.

    The one that early stopping names; without it MRR at 10, or at the largest cut-off where that is not computed.
    """
    stopping = (values.get("train") or {}).get("early_stopping") or {}
    cutoffs = (values.get("evaluation") or {}).get("cutoffs") or (10,)
    return str(stopping.get("metric", f"valid.mrr@{10 if 10 in cutoffs else max(cutoffs)}"))


def trainings(values: Mapping[str, Any]) -> Trainings:
    """The stages of a run, and last the run itself; none where it does not say how many epochs it has."""
    stages = [(f"{stage['id']}.", stage["train"]["epochs"]) for stage in values.get("stage") or ()]
    return _whole([*stages, ("", (values.get("train") or {}).get("epochs"))])


def epochs_at_most(trainings: Trainings) -> int | None:
    """Of all stages together, as the series count them; None where a run does not say."""
    return sum(epochs for _, epochs in trainings) or None


def _whole(found: list[tuple[str, int | None]]) -> Trainings:
    return tuple((prefix, epochs) for prefix, epochs in found if epochs) if found[-1][1] else ()


@cache
def _watched(kept: str) -> str:
    """The metric, out of what `WATCHED` selects; the runs of a store say few different things there."""
    stopping, cutoffs = json.loads(kept)
    return watched_metric({"train": {"early_stopping": stopping}, "evaluation": {"cutoffs": cutoffs}})


@cache
def _trainings(kept: str) -> Trainings:
    epochs, stages = json.loads(kept)
    return _whole([*((f"{name}.", count) for name, count in stages), ("", epochs)])


WATCHED = ("""json_extract(run."values", '$.train.early_stopping', '$.evaluation.cutoffs')""", _watched)

_STAGES = """(SELECT json_group_array(json_array(json_extract(stage.value, '$.id'), json_extract(stage.value, '$.train.epochs')))
    FROM json_each(run."values", '$.stage') AS stage)"""

DERIVED: Derived = {
    "watched": WATCHED,
    "trainings": (f"""json_array(json_extract(run."values", '$.train.epochs'), {_STAGES})""", _trainings),
    "device": ("json_extract(run.environment, '$.device')", lambda device: device or ""),
    "imported": ("json_extract(run.environment, '$.imported.file')", lambda file: file or ""),
}
"""Fields of `queries.RunLine` that are no columns: the SQL, and what makes a value of what it selects."""
