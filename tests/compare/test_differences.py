"""The second table of what was tested: every cell by hand, and as wide as there is room for."""

from __future__ import annotations

import pytest

from sracl.compare import render
from sracl.compare.board import Leaderboard, PValue, sorted_by
from sracl.compare.wide import side_by_side
from tests.compare.test_render import PROTOCOL, board, compared, comparison, row

SURELY, PERHAPS = PValue(0.0001, 0.0004), PValue(0.1, 0.25)
LEGEND = "Intervals are not corrected for the rows of a table; the p values beside them are."


def below(text: str) -> list[str]:
    """What stands between a table of figures and what is said of all."""
    lines = text.split("\n\n")[0].splitlines()
    return lines[next(place for place, line in enumerate(lines) if "minus that of" in line) :]


def two(label: str = "full") -> Leaderboard:
    """One row with seeds enough for a test, and one without."""
    tests = {"hr@20": comparison("base", SURELY, PERHAPS, seeds=(3, 3))}
    other = {"hr@20": comparison("base", PValue(1.0, 1.0), difference=-0.00001, relative=-0.0001)}
    return board(row(label, 0.12, tests=tests), row("less", 0.1, tests=other), row("base", 0.1), metrics=("hr@20",), alpha=0.05)


def test_intervals_and_p_values_by_hand() -> None:
    text = render.as_table(two())
    assert below(text) == [
        "HR@20 minus that of base (n = 3):",
        "      n                  95 % over users      p   95 % over seeds     p",
        "full  3  +.0200 +20.0%  [+.0100, +.0300]  <.001  [-.0100, +.0500]  .250",
        "less  2  +.0000  +0.0%  [+.0100, +.0300]      1",
    ]
    assert text.splitlines()[-1] == LEGEND


def test_markdown_has_it_too_and_latex_only_the_marks() -> None:
    text = render.as_markdown(two())
    assert "| full | 3 | +.0200 +20.0% | [+.0100, +.0300] | &lt;.001 | [-.0100, +.0500] | .250 |" in text.splitlines()
    assert text.splitlines()[-1] == LEGEND
    latex = render.render(two(), "latex")
    assert "Intervals" not in latex
    assert "minus that of" not in latex


def test_labels_are_wrapped_to_a_hundred_columns() -> None:
    label = "full objective.cross.weight=0.05 objective.intra.weight=0.05"
    lines = below(render.as_table(two(label)))
    assert max(map(len, lines)) <= 100
    assert lines[2].startswith("full objective.cross.weight=0.05  3  +.0200 +20.0%  [+.0100, +.0300]")
    assert lines[3] == "  objective.intra.weight=0.05"


@pytest.mark.parametrize("width", [76, 60])
def test_where_it_is_narrower_seeds_stand_below_users(width: int) -> None:
    lines = below(render.as_table(two(), width=width))
    assert lines[1:] == [
        "      n                  95 % over users      p",
        "full  3  +.0200 +20.0%  [+.0100, +.0300]  <.001",
        "less  2  +.0000  +0.0%  [+.0100, +.0300]      1",
        "      n                  95 % over seeds     p",
        "full  3  +.0200 +20.0%  [-.0100, +.0500]  .250",
    ]


def test_it_is_of_the_metric_that_the_table_is_sorted_by_and_else_of_the_first() -> None:
    both = {metric: comparison("base", SURELY) for metric in ("hr@20", "ndcg@20")}
    found = board(row("full", 0.12, tests=both), row("base", 0.1), metrics=("hr@20", "ndcg@20"), alpha=0.05)
    assert below(render.as_table(found))[0].startswith("HR@20 minus")
    assert below(render.as_table(sorted_by(found, "ndcg@20")))[0].startswith("NDCG@20 minus")


def test_each_baseline_and_each_data_set_has_its_own() -> None:
    rows = (row("a", 0.2, tests={"hr@20": comparison("b", SURELY)}), row("c", 0.2, tests={"hr@20": comparison("d", SURELY)}))
    (office,) = board(*rows, metrics=("hr@20",), alpha=0.05).blocks
    (beauty,) = board(*rows[:1], metrics=("hr@20",), alpha=0.05, dataset="beauty", protocol={**PROTOCOL, "dataset": "beauty"}).blocks
    text = render.as_table(side_by_side(Leaderboard((office, beauty))))
    assert [line for line in text.splitlines() if "minus" in line] == [
        "office HR@20 minus that of b (n = 3):",
        "office HR@20 minus that of d (n = 3):",
        "beauty HR@20 minus that of b (n = 3):",
    ]


def test_without_tests_there_is_none() -> None:
    text = render.as_table(board(compared("full", 0.12), row("w/o CL", 0.1), metrics=("hr@20",)))
    assert "minus that of" not in text
    assert LEGEND not in text
