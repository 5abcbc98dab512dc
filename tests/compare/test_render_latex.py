"""Tables for papers: every cell by hand, and text that LaTeX would take for commands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sracl.compare import render
from sracl.compare.board import Figure, Leaderboard, PValue
from sracl.compare.render_latex import escaped
from tests.compare.test_render import board, compared, comparison, row

ONE = ("hr@20",)


def rows(text: str) -> list[str]:
    """What stands between the rules."""
    return text.split("\\midrule\n")[1].split("\\bottomrule")[0].splitlines()


def test_figures_differences_and_published_figures_by_hand() -> None:
    text = render.render(board(compared("SRA-CL", 0.12), row("w/o CL", 0.1), metrics=ONE), "latex")
    assert rows(text) == [
        r"SRA-CL & 2 & \textbf{.1200} $\pm$.0012 \\",
        r"\quad \emph{vs w/o CL} &  & +.0200 +20\% \\",
        r"\quad \emph{published, Table 3} &  & .1702 \\",
        r"\quad \emph{ours minus that} &  & $-$.0502 \\",
        r"w/o CL & 2 & .1000 $\pm$.0012 \\",
    ]
    assert text.splitlines()[:2] == [r"% \usepackage{booktabs}", ""]
    assert r"\begin{tabular}{lrr}" in text
    assert r" & n & HR@20 \\" in text
    assert r"\caption{office: test, leave-one-out, all items ranked, seen items kept, 4,905 users [0123456789ab]. mean $\pm$" in text


def test_the_second_best_is_underlined_where_there_are_three_rows() -> None:
    three = rows(render.render(board(row("a", 0.2), row("b", 0.3), row("c", 0.1), metrics=ONE), "latex"))
    assert [line.split(" & ")[2].split(" ")[0] for line in three] == [r"\underline{.2000}", r"\textbf{.3000}", ".1000"]
    level = rows(render.render(board(row("a", 0.3), row("b", 0.3), row("c", 0.1), row("d", 0.9, leaky=("pool",)), metrics=ONE), "latex"))
    assert [line.split(" & ")[2].split(" ")[0] for line in level] == [r"\textbf{.3000}", r"\textbf{.3000}", r"\underline{.1000}", ".9000"]


def test_marks_stand_behind_the_figures_that_they_are_of() -> None:
    surely = comparison("b", PValue(0.001, 0.001))
    (block,) = board(row("a", 0.2, tests={"hr@20": surely}), row("b", 0.1), metrics=ONE).blocks
    first, _ = rows(render.render(Leaderboard((replace(block, alpha=0.05),)), "latex"))
    assert first == r"a & 2 & \textbf{.2000}$^{\dagger}$ $\pm$.0012 \\"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("gru4rec_sracl", r"gru4rec\_sracl"),
        (r"50% of {a} & b#1 $x^2$ ~ \n", r"50\% of \{a\} \& b\#1 \$x\textasciicircum{}2\$ \textasciitilde{} \textbackslash{}n"),
        ("history<7 · α=0.1", r"history$<$7 $\cdot$ α=0.1"),
    ],
)
def test_text_means_what_it_says(text: str, written: str) -> None:
    assert escaped(text) == written


def test_what_is_missing_from_a_row_leaves_its_cell_empty() -> None:
    (only,) = rows(render.render(board(row("a", 0.2, figures={"hr@20": Figure(0.2, None, 1)}), metrics=("hr@20", "mrr@10")), "latex"))
    assert only == r"a & 1 & .2000 &  \\"


def test_nothing_to_compare_is_a_remark() -> None:
    assert render.render(Leaderboard((), notes=("No run finished: 1 failed.",)), "latex") == "% No run finished: 1 failed."
