from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from sracl import paths
from sracl.cli import runs
from sracl.errors import StoreError
from sracl.tracking import identity
from sracl.tracking.store import Store

if TYPE_CHECKING:
    pass

app = typer.Typer()
app.command()(runs.command)
runner = CliRunner()

pytestmark = pytest.mark.usefixtures("empty_project")


def register(store: Store, run_id: str, **changed: Any) -> None:
    arguments: dict[str, Any] = {
        "digest": run_id,
        "recipe": "ablation",
        "variant": run_id,
        "cell": {},
        "seed": 2024,
        "label": run_id,
        "dataset": "demo",
        "values": {},
        "origins": {},
        "leaky": (),
        "folder": "",
        "environment": {},
    }
    store.register(run_id=run_id, **{**arguments, **changed})


@pytest.fixture
def _three_runs(empty_project: None) -> None:
    with Store.open(paths.store_file()) as store:
        register(store, "done", leaky=("pool",))
        store.start("done", identity.current())
        store.log("done", 1, {"valid.mrr@10": 0.02})
        store.log("done", 2, {"valid.mrr@10": 0.01})
        store.finish("done", "completed")
        register(store, "broken")
        store.start("broken", identity.current())
        store.finish("broken", "failed", "the loss is nan")
        register(store, "dead", variant="")
        register(store, "dead", variant="", recipe="other")
        store.start("dead", {**identity.current(), "pid_started": -1.0})


def test_runs_of_a_matrix_are_told_apart_within_100_columns() -> None:
    axes = ("objective.cross.weight", "objective.intra.weight", "objective.cross.loss.temperature")
    with Store.open(paths.store_file()) as store:
        for number, values in enumerate([(0.05, 0.1, 0.5), (0.05, 0.2, 0.5)]):
            chosen = dict(zip(axes, values, strict=True))
            register(store, f"{number}123456789", recipe="mine", variant="SRA-CL", cell={"data.name": "demo", **chosen})
        register(store, "2123456789", variant="", cell={"train.epochs": 4})
        register(store, "3123456789", variant="")
    header, *lines = runner.invoke(app).stdout.splitlines()
    assert header.split()[:5] == ["state", "run", "recipe", "set", "data"]
    told = [line[header.index("set") : header.index("data")].strip() for line in lines]
    assert told == ["", "epochs=4", "te…=0.5 cr…=0.05 in…=0.2", "te…=0.5 cr…=0.05 in…=0.1"]
    assert all(len(line) <= 100 for line in lines)
    found = json.loads(runner.invoke(app, ["--json"]).stdout)["data"]
    assert found[2]["entries"][0]["cell"] == {"data.name": "demo", **dict(zip(axes, (0.05, 0.2, 0.5), strict=True))}


def test_with_no_runs_it_says_what_to_type() -> None:
    result = runner.invoke(app)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "There is no run yet. `sracl run quickstart` trains a first model in about a minute.\n"
    assert json.loads(runner.invoke(app, ["--json"]).stdout) == {"schema": 1, "data": [], "errors": []}


@pytest.mark.usefixtures("_three_runs")
class TestFilled:
    def test_newest_first_with_derived_states(self) -> None:
        result = runner.invoke(app)
        lines = [line.split() for line in result.stdout.splitlines()]
        assert [line[:2] for line in lines[1:]] == [["interrupted", "dead"], ["failed", "broken"], ["completed", "done"]]
        assert lines[1][2:4] == ["other", "+1"]
        assert lines[3][2:] == ["ablation/done", "[leaky]", "demo", "2024", "2", "0.0200", "mrr@10", *lines[3][-2:]]
        assert result.stderr == "broken failed: the loss is nan\n"

    def test_limit_and_state(self) -> None:
        assert len(runner.invoke(app, ["--limit", "1"]).stdout.splitlines()) == 2
        assert "done" in runner.invoke(app, ["--state", "completed"]).stdout
        found = runner.invoke(app, ["--state", "running"])
        assert found.stderr == "There is no run in state running. `sracl runs` lists those there are.\n"
        assert runner.invoke(app, ["--recipe", "abl"]).stderr.startswith("There is no run of a recipe called 'abl'.")
        assert runner.invoke(app, ["--state", "sleeping"]).exit_code == 2

    def test_of_a_run_under_way_it_says_how_long_it_takes_at_most(self) -> None:
        with Store.open(paths.store_file()) as store:
            register(store, "alive", values={"train": {"epochs": 40}})
            store.start("alive", identity.current())
            store.log("alive", 1, {"seconds.train": 9.0, "seconds.validate": 1.0})
        result = runner.invoke(app)
        assert "alive" not in result.stderr
        header, line, *others = result.stdout.splitlines()
        assert header.split()[5:8] == ["epoch", "left", "best"]
        assert line[: header.index("left") + 4].endswith(" ≤ 7 min")
        assert not any("≤" in other for other in others)
        found = json.loads(runner.invoke(app, ["--json"]).stdout)["data"]
        assert [(run["epoch"], run["epochs_at_most"], run["seconds_left_at_most"]) for run in found[:2]] == [
            (1, 40, 390),
            (None, None, None),
        ]

    def test_of_a_run_that_does_not_go_on_it_says_for_how_long(self) -> None:
        with Store.open(paths.store_file()) as store:
            register(store, "stuck")
            store.start("stuck", identity.current())
            store.beat("stuck", f"{identity.NO_STEP}12 min, where the longest wait before was 3.0 s")
        result = runner.invoke(app, ["--state", "stalled?"])
        assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [["stalled?", "stuck"]]
        assert result.stderr == "stuck stalled?: no step for 12 min, where the longest wait before was 3.0 s\n"

    def test_json(self) -> None:
        found = json.loads(runner.invoke(app, ["--json", "--recipe", "ablation"]).stdout)["data"]
        done = next(run for run in found if run["id"] == "done")
        assert (done["state"], done["epoch"], done["best"]) == ("completed", 2, {"name": "valid.mrr@10", "value": 0.02})
        assert done["created"].endswith("+00:00")

    def test_a_damaged_store_is_named(self) -> None:
        paths.store_file().write_bytes(b"no database" * 1000)
        result = runner.invoke(app)
        assert isinstance(result.exception, StoreError)
        assert str(paths.store_file()) in str(result.exception)
