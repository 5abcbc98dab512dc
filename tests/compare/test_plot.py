from __future__ import annotations

import builtins
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sracl.compare import plot
from sracl.compare.board import Beside, Block, Figure, Leaderboard, Row
from sracl.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FIGURE_4 = (("GRU4Rec", 0.022), ("GRU4Rec + SRA-CL", 0.0228), ("SASRec", 0.0248), ("SASRec + SRA-CL", 0.0098))
METRICS = ("hr@10", "hr@20", "ndcg@10", "ndcg@20", "mrr@10")


def row(label: str, mean: float, **changed: Any) -> Row:
    figures = {metric: Figure(mean, 0.01, 2) for metric in METRICS}
    arguments: dict[str, Any] = {"recipe": "r", "variant": label, "cell": {}, "label": label, "runs": ("a",), "seeds": (1,), "leaky": ()}
    return Row(**{"figures": figures, **arguments, **changed})


def board(*rows: Row) -> Leaderboard:
    protocol = {"split": "leave-one-out", "candidates": "all", "seen_items": "keep"}
    return Leaderboard((Block("office", "0123", protocol, "test", "all", 4905, METRICS, rows),))


def words(file: Path) -> list[str]:
    """What a picture says; matplotlib notes each text above the outlines of its letters."""
    return re.findall(r"<!-- (.*?) -->", file.read_text("utf-8"))


def test_a_row_is_a_line_of_its_own_with_what_is_published(tmp_path: Path) -> None:
    published = (Beside("sracl-table2", "Table 2", {"hr@20": 0.17}, {"hr@20": -0.05}),)

    plot.save(board(row("SASRec", 0.1), row("SRA-CL", 0.12, published=published), row("theirs", 0.2, leaky=("pool",))), tmp_path / "a.svg")

    said = words(tmp_path / "a.svg")
    assert [said.count(name) for name in ("SASRec", "SRA-CL", "theirs (leaky)", "hr@20", "ndcg@20", "hr@10")] == [2, 2, 2, 1, 1, 0]
    assert any(text.startswith("office: test, leave-one-out") for text in said)


def test_a_heading_is_told_whole(tmp_path: Path) -> None:
    from matplotlib.textpath import TextPath

    (block,) = board(row("A", 0.1)).blocks
    file = tmp_path / "a.svg"

    plot.save(Leaderboard((replace(block, group="history7-10"),)), file, ["hr@20"])

    width = re.search(r'width="([\d.]+)pt"', file.read_text("utf-8"))
    said = words(file)
    lines = said[said.index(next(text for text in said if text.startswith("office: "))) :]
    lines = lines[: 1 + next(place for place, text in enumerate(lines) if text.endswith("[0123]"))]
    assert " ".join(lines) == replace(block, group="history7-10").heading
    assert width is not None
    assert max(TextPath((0, 0), line, size=8).get_extents().width for line in lines) < 0.98 * float(width[1])


def test_the_data_set_is_in_the_heading_alone(tmp_path: Path) -> None:
    def of(name: str, label: str, **cell: str) -> Row:
        return replace(row(name, 0.1, cell={"data.name": "office", **cell}), label=label)

    rows = of("A", "A data.name=office"), of("B", "B data.name=office use=x", use="x"), of("C", "C data.name=office train.lr=0.1")

    plot.save(board(*rows), tmp_path / "a.svg", ["hr@20"])

    assert [text for text in words(tmp_path / "a.svg") if text[0] in "ABC"] == ["A", "B use=x", "C train.lr=0.1"]


def test_numbers_below_a_panel_keep_clear_of_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Picture

    gaps: list[float] = []

    def measure(picture: Picture, *_: Any, **__: Any) -> None:
        FigureCanvasAgg(picture).draw()  # type: ignore[no-untyped-call]
        for axes in picture.get_axes():
            left, right = axes.get_xlim()
            boxes = [label.get_window_extent() for label in axes.get_xticklabels() if left <= label.get_position()[0] <= right]
            gaps.extend(after.x0 - before.x1 for before, after in zip(boxes, boxes[1:], strict=False))

    monkeypatch.setattr(Picture, "savefig", measure)
    rows = [row(name, 0, figures={metric: Figure(mean, 0.0012, 2) for metric in METRICS}) for name, mean in FIGURE_4]

    plot.save(board(*rows), tmp_path / "a.png")

    assert len(gaps) >= 4
    assert min(gaps) > 2  # in points, at 100 of them an inch


def test_published_figures_are_named_where_they_are_drawn(tmp_path: Path) -> None:
    published = (Beside("sracl-table2", "Table 2", {"hr@20": 0.17}, {"hr@20": -0.05}),)

    plot.save(board(row("A", 0.1, published=published), row("B", 0.12, published=published)), tmp_path / "a.svg", ["hr@20"])

    assert words(tmp_path / "a.svg").count("Table 2") == 1


def test_an_axis_of_numbers_lies_below(tmp_path: Path) -> None:
    rows = [row(name, 0.1 + k / 100, cell={"data.name": "office", "vars.k": k}) for name in ("A", "B") for k in (10, 1, 5)]

    plot.save(board(*rows), tmp_path / "a.svg", ["hr@20"])

    said = words(tmp_path / "a.svg")
    assert [text for text in said if text in ("1", "5", "10")] == ["1", "5", "10"]
    assert [said.count(text) for text in ("vars.k", "A", "B")] == [1, 1, 1]


def test_a_line_goes_through_rows_that_differ_on_the_axis_alone(tmp_path: Path) -> None:
    def of(what: str, k: int, **changed: Any) -> Row:
        return replace(row("A", 0.1, cell={"vars.k": k}, **changed), label=f"A vars.k={k}{what}")

    rows = [of(f" train.lr={lr}", k) for lr in (0.1, 0.2) for k in (1, 5)]
    others = [of("", k, recipe="other", leaky=("pool",)) for k in (1, 5)]

    plot.save(board(*rows, *others), tmp_path / "a.svg", ["hr@20"])

    said = words(tmp_path / "a.svg")
    assert [text for text in said if " · " in text] == ["other · A (leaky)", "r · A train.lr=0.1", "r · A train.lr=0.2"]


def test_rows_of_several_recipes_say_whose_they_are(tmp_path: Path) -> None:
    plot.save(board(row("A", 0.1), row("A", 0.2, recipe="other"), row("third", 0.2, recipe="third")), tmp_path / "a.svg", ["hr@20"])

    assert [text for text in words(tmp_path / "a.svg") if text in ("r · A", "other · A", "third")] == ["r · A", "other · A", "third"]


def test_an_axis_of_tables_is_none(tmp_path: Path) -> None:
    plot.save(board(*(row("A", 0.1, cell={"backbone": {"use": use}}) for use in ("sasrec", "gru4rec"))), tmp_path / "a.svg", ["hr@20"])

    said = [text for text in words(tmp_path / "a.svg") if "backbone" in text]
    assert [[use in text for use in ("sasrec", "gru4rec")] for text in said] == [[True, False], [False, True]]


@pytest.mark.parametrize(("suffix", "begins"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_the_same_leaderboard_makes_the_same_bytes(tmp_path: Path, suffix: str, begins: bytes) -> None:
    made = []
    for name in ("a", "b"):
        plot.save(board(row("A", 0.1), row("B", 0.2)), tmp_path / f"{name}{suffix}")
        made.append((tmp_path / f"{name}{suffix}").read_bytes())

    assert made[0] == made[1]
    assert made[0].startswith(begins)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(UsageError, match=re.escape('A picture takes the extra `plot`: pip install "sracl[plot]".')):
        plot.save(board(row("A", 0.1)), tmp_path / "a.svg")
