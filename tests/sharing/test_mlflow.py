"""Runs go to a server that speaks MLflow's protocol, whole and once."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from sracl.errors import ResourceError, UsageError
from sracl.sharing.mlflow import Sent, send
from tests.sharing.conftest import project, train
from tests.support.mlflow_server import MlflowServer, serving


@pytest.fixture
def server() -> Iterator[MlflowServer]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)


def test_a_run_is_there_with_its_values_figures_and_origin(server: MlflowServer, tmp_path: Path) -> None:
    said: list[str] = []
    values = {"objective": [{"id": "next", "use": "next_item", "weight": 1.0}], "note": "é" * 600, "data": {"name": "demo"}}
    with project(tmp_path) as store:
        train(store, values=values, environment={"python": "3.11", "where": f"{tmp_path}/venv", "imported": {"file": "x"}})
        store.metrics("r1", split="test", protocol={"seen_items": "keep"}, group="history<7", values={"hr@10": 0.5}, count=1)
        store.log("r1", 3, {"valid.mrr@10": math.nan})
        assert send(store, server.url, project=tmp_path, say=said.append) == Sent(new=1, known=0, unfinished=0)
    (run,) = server.runs.values()
    assert server.experiments == {"ablation": run.experiment}
    assert (run.name, run.status) == ("ablation · full", "FINISHED")
    assert 0 < run.start_time <= run.end_time
    assert run.params == {
        "objective.next.use": "next_item",
        "objective.next.weight": "1.0",
        "note": "é" * 499 + "…",
        "data.name": "demo",
    }
    assert run.tags["sracl.environment.where"] == "venv"  # nothing of where the project lies
    assert (run.tags["sracl.run"], run.tags["sracl.dataset"], run.tags["sracl.recipes"]) == ("r1", "demo", '["ablation"]')
    assert not [name for name in run.tags if "imported" in name]
    points = {(metric["key"], metric["step"]): metric["value"] for metric in run.metrics}
    assert points["test.seen_keep.hr_at_10", 3] == 0.25  # at the last epoch
    assert points["test.seen_keep.history_below_7.hr_at_10", 3] == 0.5
    assert math.isnan(points["valid.mrr_at_10", 3])
    assert points["valid.mrr_at_10", 1] > 0
    assert said == ["1 of 1: r1 sent"]


def test_what_is_there_is_not_sent_again(server: MlflowServer, tmp_path: Path) -> None:
    with project(tmp_path) as store:
        train(store, "r1")
        send(store, server.url, project=tmp_path)
        train(store, "r2")
        train(store, "r3", state="planned")
        assert send(store, server.url, project=tmp_path) == Sent(new=1, known=1, unfinished=1)
        assert send(store, server.url, ["r1"], project=tmp_path) == Sent(new=0, known=1, unfinished=0)
    assert [run.tags["sracl.run"] for run in server.runs.values()] == ["r1", "r2"]


@pytest.mark.parametrize("after", range(3, 9))
def test_a_run_that_was_cut_off_is_sent_anew(server: MlflowServer, tmp_path: Path, after: int) -> None:
    with project(tmp_path) as store:
        train(store)
        server.refuses_after = after
        with pytest.raises(ResourceError, match="refused runs/.*: come back tomorrow"):
            send(store, server.url, project=tmp_path)
        server.refuses_after = None
        assert send(store, server.url, project=tmp_path).new == 1
    (run,) = [run for run in server.runs.values() if not run.deleted]
    places = [(metric["key"], metric["step"]) for metric in run.metrics]
    assert len(places) == len(set(places)) > 0


def test_more_than_fits_in_a_request_goes_in_several(server: MlflowServer, tmp_path: Path) -> None:
    with project(tmp_path) as store:
        train(store, values={"backbone": {f"x{number}": number for number in range(250)}})
        for epoch in range(3, 1103):
            store.log("r1", epoch, {"loss": 1.0})
        send(store, server.url, project=tmp_path)
    (run,) = server.runs.values()
    assert len(run.params) == 250
    assert sum(metric["key"] == "loss" for metric in run.metrics) >= 1100


def test_who_asks_is_told_by_the_environment(server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with project(tmp_path) as store:
        train(store)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "lovelace")
        send(store, server.url, project=tmp_path)
        assert server.authorization == f"Basic {base64.b64encode(b'ada:lovelace').decode()}"
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
        send(store, server.url, project=tmp_path)
        assert server.authorization == "Bearer abc"


def test_a_server_that_is_none_is_told(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        train(store)
        with pytest.raises(UsageError, match="should be an address that begins with"):
            send(store, "localhost:5000", project=tmp_path)
        with pytest.raises(UsageError, match="should hold no user.*MLFLOW_TRACKING_TOKEN"):
            send(store, "http://ada:lovelace@localhost:5000", project=tmp_path)
        with pytest.raises(ResourceError, match="http://127.0.0.1:9 does not answer as an MLflow server does: .*refused"):
            send(store, "http://127.0.0.1:9/", project=tmp_path)
        with pytest.raises(UsageError, match="neither a recipe with runs here nor"):
            send(store, "http://127.0.0.1:9", ["nothing"], project=tmp_path)
