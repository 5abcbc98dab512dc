from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sracl.tracking import queries, values

if TYPE_CHECKING:
    from sracl.tracking.store import Store


def test_moments_are_kept_in_utc(store: Store, register: Any) -> None:
    register(store)
    moment = datetime(2025, 1, 31, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    with store.writing() as session:
        store._run(session, "r1").finished = moment
    found = queries.run(store, "r1")
    assert found.finished is not None
    assert (found.finished.isoformat(), found.finished.tzinfo) == ("2025-01-30T23:30:00.000005+00:00", UTC)
    assert found.started is None


def test_json_comes_back_as_it_was(store: Store, register: Any) -> None:
    kept = {"κ": "·", "empty": {}, "list": [1, 2.5, None, True], "limit": math.inf}
    register(store, values=kept)
    assert queries.run(store, "r1").values == kept


def test_a_plain_value_has_neither_tuples_nor_sets() -> None:
    assert values.plain({1: ({"b", "a"}, ["c"])}) == {"1": [["a", "b"], ["c"]]}
