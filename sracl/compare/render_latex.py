"""A leaderboard for papers."""

from __future__ import annotations

import re
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

from sracl.compare.lines import closing, header_of, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sracl.compare.board import Block, Leaderboard
    from sracl.compare.lines import Line

_MEANING = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    "÷": r"$\div$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}
"""What stands for something else in LaTeX, or is missing from its fonts -> how it is written."""

_SPECIAL = re.compile("|".join(map(re.escape, _MEANING)))


def as_latex(board: Leaderboard) -> str:
    """A `table` a block, for the package booktabs: the best value of a column is bold, the second best underlined."""
    parts = ["% \\usepackage{booktabs}", ""]
    for block in board.blocks:
        parts += [*_table(block, closing(board)), ""]
    return "\n".join(parts[:-1] if board.blocks else [f"% {note}" for note in board.notes])


def _table(block: Block, remarks: list[str]) -> Iterator[str]:
    header = header_of(block)
    said = [block.heading, *block.notes, *remarks]
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{' '.join(_sentence(escaped(text)) for text in said)}}}"
    yield rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}"
    yield r"\toprule"
    yield from _header(header)
    yield r"\midrule"
    for line in lines_of(block):
        yield _row(_cells(line))
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _header(header: Sequence[str]) -> Iterator[str]:
    """Names of columns; above those of several data sets the name of each."""
    columns = [name.rpartition(" ") for name in header]
    groups = [(of, len(list(columns))) for of, columns in groupby(columns, key=lambda column: column[0])]
    if len(groups) > 1:
        yield _row(rf"\multicolumn{{{width}}}{{c}}{{{escaped(of)}}}" if of else " &" * (width - 1) for of, width in groups)
        ends = list(accumulate(width for _, width in groups))
        yield " ".join(rf"\cmidrule(lr){{{end - width + 1}-{end}}}" for (of, width), end in zip(groups, ends, strict=True) if of)
    yield _row(escaped(name) for _, _, name in columns)


def _cells(line: Line) -> Iterator[str]:
    label = escaped(line.label.strip())
    indent = r"\quad " if line.label.startswith(" ") else ""
    yield rf"{indent}\emph{{{label}}}" if line.is_aside else label
    for cell, best, second, mark in zip(line.cells, line.best, line.second, line.marks or ("",) * len(line.cells), strict=True):
        mean, *deviation = (re.sub("^-", "$-$", escaped(part)) for part in cell.split(" ", 1))
        shown = rf"\textbf{{{mean}}}" if best else rf"\underline{{{mean}}}" if second else mean
        yield " ".join([shown + escaped(mark), *deviation])


def _row(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def escaped(text: str) -> str:
    """Text that means in LaTeX what it says; other letters than ASCII's are left to the document's input encoding."""
    return _SPECIAL.sub(lambda found: _MEANING[found[0]], text)
