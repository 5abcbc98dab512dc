from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from sracl import paths
from sracl.cli import runs
from sracl.errors import StoreError, UsageError
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


@pytest.fixture
def _tested_runs(empty_project: None) -> None:
    """Four runs: three tested under one protocol (the third in no NDCG@20), one under another; a fifth is planned."""

    def values(seen: str, rate: float, epochs: int = 5) -> dict[str, Any]:
        return {"evaluation": {"seen_items": seen}, "train": {"epochs": epochs, "optimizer": {"use": "adam", "lr": rate}}}

    tested = [("low", "keep", 0.001, 0.1), ("high", "keep", 0.01, 0.3), ("other", "keep", 0.001, None), ("masked", "exclude", 0.001, 0.9)]
    with Store.open(paths.store_file()) as store:
        for name, seen, rate, figure in tested:
            register(store, name, values=values(seen, rate), dataset="demo" if name != "other" else "office")
            store.start(name, identity.current())
            for way in ("keep", "exclude"):
                found = {"hr@10": 0.5} if figure is None else {"hr@10": 0.5, "ndcg@20": figure + (way == "exclude")}
                store.metrics(name, split="test", protocol={"seen_items": way}, group="all", values=found)
            store.metrics(name, split="test", protocol={"seen_items": seen}, group="history<7", values={"ndcg@20": 9.0})
            store.finish(name, "completed")
        register(store, "planned", values=values("keep", 0.001, epochs=1))


def listed(*arguments: str) -> list[str]:
    result = runner.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.exception
    return [run["id"] for run in json.loads(result.stdout)["data"]]


@pytest.mark.usefixtures("_tested_runs")
class TestNarrowed:
    def test_by_data_and_values(self) -> None:
        assert listed("--data", "office") == ["other"]
        assert listed("--where", "train.optimizer.lr=0.01") == ["high"]
        assert listed("--where", "train.optimizer.lr=1e-3", "--where", "evaluation.seen_items=keep") == ["planned", "other", "low"]
        assert listed("--where", "train.epochs=5.0", "--limit", "2") == ["masked", "other"]
        assert listed("--where", "train.epochs=true") == []
        told = runner.invoke(app, ["--data", "demo", "--where", "train.epochs=7"]).stderr
        assert told == "There is no run on demo with train.epochs=7. `sracl runs` lists those there are.\n"

    def test_what_no_run_has_is_told_all_at_once_with_the_nearest(self) -> None:
        wrong = ["train.optimizer.rl=1", "train.optimizer=adam", "epochs", "train.optimizer.lr=0.01"]
        result = runner.invoke(app, [part for each in wrong for part in ("--where", each)])
        assert isinstance(result.exception, UsageError)
        assert str(result.exception).splitlines() == [
            "--where: epochs: Should be path=value, such as train.epochs=5.",
            "--where: train.optimizer.rl: No run has such a value. Did you mean 'train.optimizer.lr'? "
            "`sracl show RUN` lists those of a run.",
            "--where: train.optimizer: is a table; name a value in it: lr, use.",
        ]
        # a path that some other run has is no mistake
        assert listed("--recipe", "none", "--where", "train.epochs=5") == []

    def test_the_highest_first_under_the_protocol_of_each_run(self) -> None:
        result = runner.invoke(app, ["--sort", "NDCG@20", "--data", "demo"])
        first, second = result.stdout.split("\n\n")
        assert first.startswith("demo: test, leave-one-out, all items ranked, seen items kept [")
        assert second.startswith("demo: test, leave-one-out, all items ranked, seen items excluded [")
        header, *lines = (line.split() for line in first.splitlines()[1:])
        assert [(line[1], line[header.index("ndcg@20") - 2]) for line in lines] == [("high", "0.3000"), ("low", "0.1000")]
        assert "1.9000" in second.splitlines()[2]
        assert result.stderr.splitlines() == [
            "Figures of two protocols are no comparison, so each has a table of its own.",
            "1 run without NDCG@20 left out: not tested, or not in this metric.",
        ]

    def test_sorted_as_json_with_the_protocol_of_each_figure(self) -> None:
        found = json.loads(runner.invoke(app, ["--sort", "ndcg@20", "--limit", "1", "--json"]).stdout)["data"]
        assert [(run["id"], run["figure"]["value"], run["figure"]["facts"]["seen_items"]) for run in found] == [
            ("high", 0.3, "keep"),
            ("masked", 1.9, "exclude"),
        ]
        assert found[0]["figure"]["protocol"] != found[1]["figure"]["protocol"]

    def test_a_metric_that_was_not_measured(self) -> None:
        result = runner.invoke(app, ["--sort", "ndgc@20"])
        assert str(result.exception) == "No metric is called 'ndgc@20'. Did you mean 'ndcg@20'? Measured: hr@10, ndcg@20."
        result = runner.invoke(app, ["--sort", "hr@10", "--state", "planned"])
        assert result.stderr == "There is no run in state planned that was tested in hr@10. `sracl runs` lists those there are.\n"
