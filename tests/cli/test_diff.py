from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sracl import paths
from sracl.cli import diff
from sracl.errors import StoreError, UsageError
from sracl.tracking.store import Store

app = typer.Typer()
app.command()(diff.command)
runner = CliRunner()

pytestmark = pytest.mark.usefixtures("empty_project")


@pytest.fixture
def _two_runs(empty_project: None) -> None:
    with Store.open(paths.store_file()) as store:
        for run_id, rate in (("a1b2", 1e-3), ("c3d4", 3e-4)):
            arguments: dict[str, Any] = {"recipe": "lr", "cell": {}, "seed": 1, "label": f"lr {rate}", "dataset": "demo", "leaky": ()}
            store.register(
                run_id=run_id,
                digest=run_id,
                variant=str(rate),
                values={"train": {"lr": rate, "epochs": 3}},
                origins={"train.lr": "--set" if rate < 1e-3 else "default of adam"},
                folder="",
                environment={"torch": "2.13"},
                **arguments,
            )
            store.finish(run_id, "completed")


@pytest.mark.usefixtures("_two_runs")
class TestTwoRuns:
    def test_by_the_beginnings_of_their_ids_and_at_last(self) -> None:
        printed = runner.invoke(app, ["a1", "@last"]).stdout
        assert "a1b2  lr 0.001: completed\nc3d4  lr 0.0003: completed\n" in printed
        (line,) = (line for line in printed.splitlines() if line.startswith("train.lr"))
        assert line.split(maxsplit=1)[1] == "0.001 (default of adam)  0.0003 (--set)"
        assert "epochs" not in printed
        assert "torch" not in printed

    def test_all_shows_the_rest(self) -> None:
        printed = runner.invoke(app, ["a1", "c3", "--all"]).stdout
        assert "train.epochs" in printed
        assert "torch" in printed

    def test_only_a_section(self) -> None:
        data = json.loads(runner.invoke(app, ["a1", "c3", "--section", "values", "--json"]).stdout)["data"]
        assert list(data["sections"]) == ["values"]
        assert data["sections"]["values"][0]["origins"] == {"a1b2": "default of adam", "c3d4": "--set"}

    def test_an_unknown_run_is_named(self) -> None:
        result = runner.invoke(app, ["a1", "zz"])
        assert isinstance(result.exception, UsageError)
        assert "There is no run 'zz'" in str(result.exception)

    def test_an_unknown_section_is_named(self) -> None:
        result = runner.invoke(app, ["a1", "c3", "--section", "value"])
        assert "Did you mean 'values'?" in str(result.exception)

    def test_a_section_without_difference_says_so(self) -> None:
        assert "Nothing differs in environment." in runner.invoke(app, ["a1", "c3", "--section", "environment"]).stdout


def test_without_a_store_it_says_how_to_make_one() -> None:
    result = runner.invoke(app, ["a", "b"])
    assert isinstance(result.exception, StoreError)
    assert "sracl run" in str(result.exception)
