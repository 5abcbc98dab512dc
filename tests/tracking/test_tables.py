"""The names that `queries` and `values` spell out are those of the tables."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import JSON, Float

from sracl.tracking import artifacts, jobs, pages, queries, values
from sracl.tracking.tables import Table, UtcDateTime

if TYPE_CHECKING:
    from sracl.tracking.store import Store

TABLES = Table.metadata.tables

ROWS = {
    "recipe": queries.RecipeRow,
    "run": queries.RunRow,
    "entry": queries.EntryRow,
    "metric": queries.MetricRow,
    "artifact": artifacts.ArtifactRow,
    "job": jobs.JobRow,
}


def columns(kind: type) -> set[str]:
    return {
        column.name
        for name, table in TABLES.items()
        if name != "schemaversion"
        for column in table.columns
        if isinstance(column.type, kind)
    }


@pytest.mark.parametrize("name", ROWS)
def test_a_frozen_row_has_the_columns_of_its_table(name: str) -> None:
    read = {field.name for field in fields(ROWS[name]) if field.default is MISSING}
    assert set(TABLES[name].columns.keys()) - read == ({"number"} if name == "entry" else set())  # the number of an entry orders, no more
    assert read <= set(TABLES[name].columns.keys())


def test_what_is_decoded_is_what_the_tables_encode() -> None:
    assert columns(JSON) == values.JSON_COLUMNS
    assert columns(UtcDateTime) == values.MOMENT_COLUMNS
    assert columns(Float) - {"pid_started"} == values.NUMBER_COLUMNS  # NULL there is no number, but no start
    special = values.JSON_COLUMNS | values.MOMENT_COLUMNS | values.NUMBER_COLUMNS
    kinds = (JSON, UtcDateTime, Float)
    assert all(isinstance(column.type, kinds) for table in TABLES.values() for column in table.columns if column.name in special)


def test_every_query_finds_its_columns_in_an_empty_store(store: Store) -> None:
    assert queries.runs(store, state="running", recipe="r", ids=["a"], limit=1) == []
    assert pages.page(store, state="running", recipe="r", dataset="d", size=1).lines == []
    assert queries.entries(store, ["r"]) == []
    assert queries.recipes(store) == {}
    assert queries.protocols(store) == {}
    assert queries.series(store, "r1", ["loss"]) == {}
    assert queries.best_watched(store, []) == {}
    assert queries.final_metrics(store, ["r1"], split="test", group="all") == []
    assert artifacts.of_run(store, "r1") == []
    assert artifacts.completed_with(store, "best") == {}
    assert queries.run_by_digest(store, "d") is None


def test_an_empty_list_of_what_is_wanted_wants_nothing(store: Store, register: Any) -> None:
    register(store)
    assert queries.runs(store, ids=[]) == []
    assert queries.entries(store, []) == []
