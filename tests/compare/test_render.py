from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sracl.compare import render
from sracl.compare.board import Beside, Block, Comparison, Figure, Leaderboard, PValue, Row, narrowed, sorted_by
from sracl.compare.leaderboard import print_leaderboard
from sracl.errors import UsageError
from sracl.evaluation.significance import Interval

if TYPE_CHECKING:
    from sracl.tracking.store import Store

METRICS = ("hr@10", "hr@20", "ndcg@10", "ndcg@20", "mrr@10")
PROTOCOL = {"split": "leave-one-out", "candidates": "all", "seen_items": "keep"}


def row(label: str, mean: float, **changed: Any) -> Row:
    arguments: dict[str, Any] = {
        "recipe": "ablation",
        "variant": label,
        "cell": {},
        "label": label,
        "runs": ("r1", "r2"),
        "seeds": (1, 2),
        "figures": {metric: Figure(mean, 0.0012, 2) for metric in METRICS},
        "leaky": (),
    }
    return Row(**{**arguments, **changed})


def board(*rows: Row, **changed: Any) -> Leaderboard:
    arguments: dict[str, Any] = {
        "dataset": "office",
        "fingerprint": "0123456789ab",
        "protocol": PROTOCOL,
        "split": "test",
        "group": "all",
        "users": 4905,
        "metrics": METRICS,
        "rows": rows,
    }
    return Leaderboard((Block(**{**arguments, **changed}),))


def comparison(against: str, by_users: PValue, by_seeds: PValue | None = None, **changed: Any) -> Comparison:
    """A difference of .02, with intervals of .01 and .03 to either side."""
    arguments: dict[str, Any] = {
        "against": against,
        "users": 4905,
        "seeds": (2, 3),
        "difference": 0.02,
        "relative": 0.2,
        "over_users": by_users,
        "over_seeds": by_seeds,
        "range_over_users": Interval(0.01, 0.03, (0.1, 0.3)),
        "range_over_seeds": by_seeds and Interval(-0.01, 0.05, None),
    }
    return Comparison(**{**arguments, **changed})


def compared(label: str, mean: float) -> Row:
    return row(
        label,
        mean,
        baseline="w/o CL",
        differences=dict.fromkeys(METRICS, 0.02),
        published=(Beside("sracl-table3", "Table 3", {"hr@20": 0.1702}, {"hr@20": mean - 0.1702}),),
    )


ABLATION = board(
    *(compared(name, 0.12) for name in ("SRA-CL", "Unlearnable", "w/o cross", "w/o intra")),
    row("w/o CL", 0.1),
)


def test_the_five_row_ablation_fits_a_hundred_columns() -> None:
    lines = render.as_table(ABLATION).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "office: test, leave-one-out, all items ranked, seen items kept, 4,905 users [0123456789ab]"
    assert lines[1].split() == ["n", "HR@10", "HR@20", "NDCG@10", "NDCG@20", "MRR@10"]
    assert [line.split("  ")[0] for line in lines[2:] if line and not line.startswith(" ")][:5] == [
        "SRA-CL",
        "Unlearnable",
        "w/o cross",
        "w/o intra",
        "w/o CL",
    ]


def test_figures_differences_and_published_figures_stand_below_each_other() -> None:
    lines = render.as_table(board(compared("SRA-CL", 0.12), row("w/o CL", 0.1), metrics=("hr@20",))).splitlines()
    assert lines[1:7] == [
        "                      n         HR@20",
        "SRA-CL                2  .1200 ±.0012",
        "  vs w/o CL               +.0200 +20%",  # .02 over a baseline of .12 - .02
        "  published, Table 3            .1702",
        "  ours minus that              -.0502",
        "w/o CL                2  .1000 ±.0012",
    ]


def test_a_difference_that_comes_to_nothing_has_one_sign() -> None:
    lines = render.as_table(
        board(replace(compared("SRA-CL", 0.12), differences={"hr@20": -1e-6}), row("w/o CL", 0.1), metrics=("hr@20",))
    ).splitlines()
    assert "+.0000 +0%" in lines[3]


@pytest.mark.parametrize(
    ("value", "text"), [(0.1702, ".1702"), (0.99999, "1.0000"), (1.0, "1.0000"), (0.0, ".0000"), (12.5, "12.5000"), (math.nan, "nan")]
)
def test_numbers(value: float, text: str) -> None:
    table = render.as_table(board(row("full", value, figures={"hr@10": Figure(value, None, 1)}), metrics=("hr@10",)))
    assert table.splitlines()[2].split() == ["full", "1", text]


def test_markdown_makes_the_best_of_each_column_bold() -> None:
    text = render.as_markdown(board(row("a|b", 0.12), row("c", 0.1), metrics=("hr@10",), group="history<7"))
    assert "users with &lt;7 interactions" in text
    assert "| a\\|b | 2 | **.1200 ±.0012** |" in text.splitlines()
    assert "| c | 2 | .1000 ±.0012 |" in text.splitlines()


def test_equal_as_printed_is_equally_best_and_leaky_is_not() -> None:
    text = render.as_markdown(board(row("a", 0.12001), row("b", 0.12002), row("c", 0.5, leaky=("pool",)), metrics=("hr@10",)))
    assert text.count("**.1200 ±.0012**") == 2
    assert "| c [leaky] | 2 | .5000 ±.0012 |" in text.splitlines()


def test_a_single_row_is_not_called_best() -> None:
    assert "**" not in render.as_markdown(board(row("a", 0.12)))


def test_csv_has_a_line_per_row_and_metric_unrounded() -> None:
    lines = list(csv.DictReader(io.StringIO(render.render(board(compared("SRA-CL", 1 / 3), metrics=METRICS), "csv"))))
    assert [line["metric"] for line in lines] == list(METRICS)
    hr20 = lines[1]
    assert float(hr20["mean"]) == 1 / 3
    assert (hr20["n"], hr20["seeds"], hr20["baseline"], hr20["protocol"]) == ("2", "1 2", "w/o CL", "0123456789ab")
    assert (hr20["split"], hr20["divided"]) == ("test", "leave-one-out")
    assert (hr20["published_in"], hr20["published"], float(hr20["difference_to_published"])) == ("sracl-table3", "0.1702", 1 / 3 - 0.1702)
    assert lines[0]["published"] == ""


def test_csv_has_the_labels_that_tell_rows_apart() -> None:
    """As where a value of a variant was changed between runs."""
    rows = [row(f"full lr={rate}", 0.1, variant="full", baseline="full lr=0.01") for rate in (0.1, 0.01)]
    lines = list(csv.DictReader(io.StringIO(render.render(board(*rows, metrics=("hr@10",)), "csv"))))
    assert [line["label"] for line in lines[:: len(METRICS)]] == ["full lr=0.1", "full lr=0.01"]
    assert lines[0]["baseline"] == lines[-1]["label"]


def test_json_is_one_object_with_null_for_what_is_no_number() -> None:
    found = json.loads(render.as_json(board(row("full", math.nan, cell={"vars.k": 5}))))
    assert (found["schema"], found["errors"]) == (1, [])
    block = found["data"][0]
    assert block["protocol"] == {"fingerprint": "0123456789ab", "words": "leave-one-out, all items ranked, seen items kept", **PROTOCOL}
    assert block["rows"][0]["figures"]["hr@10"] == {"mean": None, "std": 0.0012, "n": 2}
    assert block["rows"][0]["cell"] == {"vars.k": 5}


def test_recipes_are_named_where_several_meet() -> None:
    lines = render.as_table(board(row("full", 0.1), row("other", 0.1, recipe="sasrec"))).splitlines()
    assert [line for line in lines if line in ("ablation", "sasrec")] == ["ablation", "sasrec"]


def test_a_row_that_is_its_recipe_needs_no_heading() -> None:
    shown = board(row("sasrec", 0.1, recipe="sasrec", variant=""), row("full", 0.1), row("base", 0.1))
    assert [line.split()[0] for line in render.as_table(shown).splitlines()[2:6]] == ["sasrec", "ablation", "full", "base"]


def test_sorted_rows_name_their_recipe_themselves() -> None:
    shown = sorted_by(board(row("full", 0.1), row("none", math.nan), row("sasrec", 0.3, recipe="sasrec"), row("base", 0.2)), "ndcg@20")
    lines = [line for line in render.as_table(shown).splitlines()[2:] if line and line[0] != "m"]
    assert [line.split("  ")[0] for line in lines] == ["sasrec", "ablation · base", "ablation · full", "ablation · none"]
    assert [row["label"] for row in json.loads(render.as_json(shown))["data"][0]["rows"]] == ["sasrec", "base", "full", "none"]
    labels = [row.label for row in ABLATION.blocks[0].rows]
    assert [row.label for row in sorted_by(ABLATION, "hr@10").blocks[0].rows] == [
        *labels[:4],
        "w/o CL",
    ]  # of one recipe: as they are called
    assert sorted_by(ABLATION, " NDCG@20") == sorted_by(ABLATION, "ndcg@20")  # as headers have it
    with pytest.raises(UsageError, match=r"no column 'ndcg@2' to sort by. Did you mean 'ndcg@20'\? Columns: hr@10"):
        sorted_by(ABLATION, "ndcg@2")
    assert sorted_by(Leaderboard(()), "anything") == Leaderboard(())
    up = sorted_by(board(row("full", 0.1), row("none", math.nan), row("base", 0.05)), "hr@10", descending=False)
    assert [row.label for row in up.blocks[0].rows] == ["base", "full", "none"]  # what has no figure is last either way


def test_rows_are_found_by_words_of_their_data_set_recipe_and_label() -> None:
    full = board(row("full", 0.1), row("full", 0.2, recipe="sasrec"), row("w/o CL", 0.3))

    def found(text: str) -> list[tuple[str, str]]:
        return [(row.recipe, row.label) for block in narrowed(full, text).blocks for row in block.rows]

    assert found("FULL") == [("ablation", "full"), ("sasrec", "full")]
    assert found("full abl") == [("ablation", "full")]
    assert found(full.blocks[0].dataset) == found("") == [("ablation", "full"), ("sasrec", "full"), ("ablation", "w/o CL")]
    assert narrowed(full, "nothing").blocks == ()


def test_a_sign_stands_behind_the_title_of_a_metric_also_where_the_table_is_cut() -> None:
    shown = board(row("full", 0.1), row("other", 0.2))
    assert "HR@10v" in render.as_table(shown, signs={"hr@10": "v"})
    assert "NDCG@20" in render.as_table(shown, signs={"hr@10": "v"})
    assert "HR@10^" in render.as_table(shown, width=30, signs={"hr@10": "^"})


def test_long_labels_are_wrapped_where_a_table_is_cut_to_a_width() -> None:
    label = "full " + " ".join(f"objective.cross.loss.temperature={place}" for place in range(4))
    lines = render.as_table(board(row(label, 0.1), row("base", 0.1), metrics=("hr@20", "ndcg@20")), width=80).splitlines()
    assert max(map(len, lines[1:])) <= 80
    assert lines[1].split() == ["n", "HR@20", "NDCG@20"]
    first = next(place for place, line in enumerate(lines) if line.startswith("full "))
    assert lines[first].split()[-5:] == ["2", ".1000", "±.0012", ".1000", "±.0012"]
    assert lines[first + 1].startswith("    objective.cross.loss.temperature=")
    assert "  ".join(line.strip() for line in lines[first + 1 : first + 4]).endswith("temperature=3")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(shown: Leaderboard, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    render.show(shown, out)
    return out.getvalue()


def test_a_terminal_gets_bold_for_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    text = on_a_terminal(board(row("a", 0.12), row("b", 0.1), metrics=("hr@10",)), 100, monkeypatch)
    assert "\x1b[1m.1200 ±.0012\x1b[0m" in text
    assert "\x1b[1m.1000 ±.0012\x1b[0m" not in text


def test_a_narrow_terminal_gets_the_metrics_in_parts_and_no_cut_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    wide, narrow = (on_a_terminal(ABLATION, columns, monkeypatch) for columns in (100, 60))
    assert "…" not in narrow
    assert narrow.count("SRA-CL") > wide.count("SRA-CL") == 1
    assert narrow.count(".1200 ±.0012") == wide.count(".1200 ±.0012") == 20  # 4 rows × 5 metrics


def test_a_pipe_gets_no_control_codes(capsys: pytest.CaptureFixture[str]) -> None:
    render.show(ABLATION)
    assert "\x1b" not in capsys.readouterr().out


def test_the_leaderboard_of_a_recipe_is_printed_on_stdout(store: Store, add: Any, capsys: pytest.CaptureFixture[str]) -> None:
    add("full", 1, {"hr@10": 0.1234})
    add("", 1, {"hr@10": 0.5}, recipe="other")
    print_leaderboard(store, "ablation")
    text = capsys.readouterr().out
    assert ".1234" in text
    assert ".5000" not in text
    print_leaderboard(store, "ablation", as_json=True)
    assert json.loads(capsys.readouterr().out)["data"][0]["rows"][0]["variant"] == "full"
