from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from sracl import paths
from sracl.cli import compare
from sracl.errors import UsageError
from sracl.tracking import identity
from sracl.tracking.store import Store

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.command()(compare.command)
runner = CliRunner()

pytestmark = pytest.mark.usefixtures("empty_project")


@pytest.fixture
def _two_variants(empty_project: None) -> None:
    with Store.open(paths.store_file()) as store:
        store.recipe("ablation", {"baseline": "base"}, "recipes/ablation.toml")
        for ordinal, (variant, value) in enumerate({"full": 0.12, "base": 0.1}.items()):
            store.register(
                run_id=variant,
                digest=variant,
                recipe="ablation",
                variant=variant,
                cell={},
                seed=1,
                label=variant,
                dataset="demo",
                values={},
                origins={},
                leaky=(),
                folder="",
                environment={},
                ordinal=ordinal,
            )
            store.start(variant, identity.current())
            store.metrics(variant, split="test", protocol={"seen_items": "keep"}, group="all", values={"hr@10": value, "hr@5": value / 2})
            store.finish(variant, "completed")


def test_with_nothing_to_compare_it_says_what_to_type() -> None:
    result = runner.invoke(app)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "sracl run quickstart" in result.stderr
    assert not paths.store_file().exists()


def test_with_nothing_to_compare_nothing_reaches_what_is_demanded() -> None:
    result = runner.invoke(app, ["--fail-under", "ndcg@10=0.04"])
    assert result.exit_code == 10
    assert "no row that could reach" in result.stderr


def test_with_nothing_to_compare_json_is_still_json() -> None:
    assert json.loads(runner.invoke(app, ["--json"]).stdout) == {"schema": 1, "data": [], "errors": []}


@pytest.mark.usefixtures("_two_variants")
class TestFilled:
    def test_a_table_by_default(self) -> None:
        result = runner.invoke(app, ["ablation"])
        assert result.exit_code == 0
        assert "  vs base" in result.stdout
        assert "+.0200 +20%" in result.stdout

    def test_metrics_and_format(self) -> None:
        lines = runner.invoke(app, ["--metrics", "hr@5", "--format", "csv"]).stdout.splitlines()
        assert [line.split(",")[8] for line in lines] == ["metric", "hr@5", "hr@5"]

    def test_sorted_by_a_column(self) -> None:
        asked = ["--metrics", "hr@5", "--sort", "hr@5", "--format", "csv"]
        assert runner.invoke(app, asked).stdout.splitlines()[1].split(",")[1] == "full"
        with Store.open(paths.store_file()) as store:
            store.metrics("base", split="test", protocol={"seen_items": "keep"}, group="all", values={"hr@10": 0.1, "hr@5": 0.9})
        assert runner.invoke(app, asked).stdout.splitlines()[1].split(",")[1] == "base"

    def test_a_row_below_what_is_demanded_is_named_and_ends_it_with_a_code_of_its_own(self) -> None:
        assert runner.invoke(app, ["--fail-under", "hr@10=0.1"]).exit_code == 0
        result = runner.invoke(app, ["--metrics", "hr@10", "--json", "--fail-under", "hr@10=0.11", "--fail-under", "HR@5=0.06"])
        assert result.exit_code == 10
        assert json.loads(result.stdout)["data"][0]["metrics"] == ["hr@10", "hr@5"]
        first, second = result.stderr.splitlines()
        assert first.startswith("base: hr@10 is 0.1, less than 0.11 (demo: test, ")
        assert second.startswith("base: hr@5 is 0.05, less than 0.06 (demo: test, ")

    @pytest.mark.parametrize(
        ("floor", "told"),
        [
            ("hr@11=0.1", "Did you mean 'hr@10'"),
            ("hr@10", "such as ndcg@10=0.04"),
            ("hr@10=much", "got 'hr@10=much'"),
            ("hr@10=nan", "got 'hr@10=nan'"),
        ],
    )
    def test_what_was_not_measured_cannot_be_demanded(self, floor: str, told: str) -> None:
        error = runner.invoke(app, ["--fail-under", floor]).exception
        assert isinstance(error, UsageError)
        assert told in str(error)

    def test_a_row_without_a_figure_does_not_reach_it(self) -> None:
        with Store.open(paths.store_file()) as store:
            store.metrics("base", split="test", protocol={"seen_items": "keep"}, group="all", values={"mrr@10": math.nan})
        result = runner.invoke(app, ["--fail-under", "mrr@10=0"])
        assert [line.partition(" (")[0] for line in result.stderr.splitlines()[-2:]] == [
            "full: has no mrr@10, and 0 is demanded",
            "base: mrr@10 is nan, less than 0",
        ]
        assert result.exit_code == 10

    def test_a_file_takes_its_format_from_its_name(self, tmp_path: Path) -> None:
        result = runner.invoke(app, ["-o", str(tmp_path / "board.md")])
        assert result.stdout == ""
        assert "| full | 1 | **.1200** |" in (tmp_path / "board.md").read_text()
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["board.md"]

    @pytest.mark.parametrize("place", ["no/such/folder/board.md", ".sracl/store.db/board.md", "."])
    def test_a_file_that_cannot_be_written_is_named(self, tmp_path: Path, place: str) -> None:
        result = runner.invoke(app, ["-o", str(tmp_path / place)])
        assert isinstance(result.exception, UsageError)
        assert str(tmp_path / place) in str(result.exception)
        assert not list(tmp_path.parent.rglob(".part*"))

    def test_another_baseline(self) -> None:
        found = json.loads(runner.invoke(app, ["--baseline", "full", "--json"]).stdout)
        assert [row["baseline"] for row in found["data"][0]["rows"]] == [None, "full"]

    def test_values_of_today_are_those_of_recipes_that_are_named(self, tmp_path: Path) -> None:
        refused = runner.invoke(app, ["--current"])
        assert refused.exit_code == 2
        assert "name the recipes" in refused.stderr
        recipe = tmp_path / "ablation.toml"
        recipe.write_text('recipe = 1\nname = "ablation"\nextends = "methods/sasrec"\n[data]\nname = "demo"\n')
        result = runner.invoke(app, [str(recipe), "--current"])
        assert result.stdout == ""
        assert result.stderr.splitlines() == [
            "No finished run has the values of today.",
            "2 finished runs of ablation left out: the recipe does not come to them as it stands.",
        ]

    def test_an_unknown_metric(self) -> None:
        result = runner.invoke(app, ["--metrics", "hr@55"])
        assert isinstance(result.exception, UsageError)

    def test_significance_is_tested_when_it_is_asked_for(self) -> None:
        assert "tested" not in runner.invoke(app).stdout
        for asked in (["--significance"], ["--alpha", "0.01"], ["--test", "wilcoxon"]):
            assert "Nothing is tested that involves full, base: no ranks of users are kept" in runner.invoke(app, asked).stdout

    def test_the_test_over_users_is_a_choice(self) -> None:
        for test, name in {"ttest": "paired t-test", "bootstrap": "paired bootstrap"}.items():
            found = json.loads(runner.invoke(app, ["--test", test, "--json"]).stdout)
            assert found["data"][0]["significance"]["over_users"] == name
        refused = runner.invoke(app, ["--test", "sign"])
        assert refused.exit_code == 2
        assert "wilcoxon" in refused.stderr

    def test_it_is_not_tested_among_sampled_items(self) -> None:
        for asked in (["--significance"], ["--test", "ttest"]):
            assert "differences are tested of full rankings" in runner.invoke(app, ["--sampled", "100", *asked]).stderr

    def test_a_level_that_is_none(self) -> None:
        assert isinstance(runner.invoke(app, ["--alpha", "5"]).exception, UsageError)

    def test_sampled_items_take_the_place_of_full_rankings(self) -> None:
        refused = runner.invoke(app, ["--sampled", "100"]).exception
        assert isinstance(refused, UsageError)
        assert "no figures are here with seen items excluded" in str(refused)
        with Store.open(paths.store_file()) as store:
            store.metrics("full", split="test", protocol={"seen_items": "exclude"}, group="all", values={"hr@10": 0.1234})
        result = runner.invoke(app, ["--sampled", "100"])
        assert result.exit_code == 0
        assert "candidates: 100 sampled uniformly, seen items excluded" in result.stdout
        assert "all items ranked" not in result.stdout
        assert ".1234" not in result.stdout
        assert runner.invoke(app, ["--sampled", "0"]).exit_code == 2

    def test_comparing_writes_nothing(self) -> None:
        before = paths.store_file().read_bytes()
        runner.invoke(app)
        assert paths.store_file().read_bytes() == before


@pytest.mark.usefixtures("_two_variants")
def test_a_picture_by_its_suffix(tmp_path: Path) -> None:
    result = runner.invoke(app, ["-o", str(tmp_path / "figure.svg")])

    assert (result.exit_code, result.stdout) == (0, "")
    assert "<!-- hr@10 -->" in (tmp_path / "figure.svg").read_text("utf-8")
    assert sorted(file.name for file in tmp_path.glob("*figure*")) == ["figure.svg"]


@pytest.mark.usefixtures("_two_variants")
def test_a_picture_takes_columns_as_headers_spell_them(tmp_path: Path) -> None:
    runner.invoke(app, ["--metrics", "HR@10, ", "-o", str(tmp_path / "figure.svg")])

    said = (tmp_path / "figure.svg").read_text("utf-8")
    assert [said.count(f"<!-- {name} -->") for name in ("hr@10", "full")] == [1, 1]


@pytest.mark.usefixtures("_two_variants")
def test_a_picture_says_that_it_has_no_marks(tmp_path: Path) -> None:
    result = runner.invoke(app, ["--significance", "-o", str(tmp_path / "figure.svg")])

    assert "A picture has no marks" in result.stderr
    assert (tmp_path / "figure.svg").is_file()


@pytest.mark.usefixtures("_two_variants")
def test_a_format_that_is_asked_for_counts_more_than_the_suffix(tmp_path: Path) -> None:
    runner.invoke(app, ["--json", "-o", str(tmp_path / "figure.svg")])

    assert json.loads((tmp_path / "figure.svg").read_text("utf-8"))["schema"] == 1


@pytest.mark.usefixtures("_two_variants")
def test_a_suffix_that_says_nothing_is_refused_unless_a_format_is_said(tmp_path: Path) -> None:
    result = runner.invoke(app, ["-o", str(tmp_path / "table.cvs")])

    assert result.exit_code == 2
    assert ".txt, .md, .tex, .csv, .json, .svg, .png, .pdf" in " ".join(result.stderr.replace("│", "").split())
    assert not (tmp_path / "table.cvs").exists()
    assert runner.invoke(app, ["-f", "csv", "-o", str(tmp_path / "table.cvs")]).exit_code == 0


@pytest.mark.usefixtures("_two_variants")
def test_data_sets_stand_side_by_side_in_tables_alone() -> None:
    plain = runner.invoke(app, [])
    assert runner.invoke(app, ["--wide"]).stdout == plain.stdout  # of one data set
    for line in (["--json"], ["-f", "csv"], ["-o", "figure.svg"]):
        refused = runner.invoke(app, ["--wide", *line])
        assert refused.exit_code == 2
        assert "a table, Markdown and LaTeX can have data sets" in " ".join(refused.stderr.replace("│", "").split())
