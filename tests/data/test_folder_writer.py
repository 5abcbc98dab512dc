from __future__ import annotations

from pathlib import Path

import pytest

from sracl.data import folder, folder_writer
from sracl.errors import DataError
from sracl.interfaces import ItemText

LAMP = ItemText(title="Lämp, 2\u2028 lines", brand="Lux", categories=("Home", "Lamps"), description="Bright.", attributes={"price": "9.5"})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    sequences: dict[str, list[tuple[str, int | float | None]]] = {
        "ann": [("B", 1), ("A", 2.5), ("B", 2.5)],
        "ben": [("A", -3), ("C", 1600000000123456789), ("A", 1600000000123456790)],
    }
    folder_writer.write(tmp_path, sequences, {"C": ItemText(), "A": LAMP})
    read, counts = folder.read(tmp_path, "toy")
    assert counts == folder.Counts(users=2, items=3, interactions=6)
    assert [[read.item_ids[i - 1] for i in read.sequence(u)] for u in (0, 1)] == [["B", "A", "B"], ["A", "C", "A"]]
    assert read.text(1 + read.item_ids.index("A")) == ItemText(**{**vars(LAMP), "title": "Lämp, 2 lines"})
    assert (tmp_path / "interactions.tsv").read_text().splitlines()[1:3] == ["ann\tB\t1", "ann\tA\t2.5"]


def test_without_times_and_texts_two_columns_are_all(tmp_path: Path) -> None:
    folder_writer.write(tmp_path, {"ann": [("B", None), ("A", None), ("B", None)]}, {})
    assert [file.name for file in tmp_path.iterdir()] == ["interactions.tsv"]
    assert (tmp_path / "interactions.tsv").read_text() == "user\titem\nann\tB\nann\tA\nann\tB\n"


def test_half_a_character_is_written_as_a_mark(tmp_path: Path) -> None:
    folder_writer.write(tmp_path, {"ann": [("A", None)] * 3}, {"A": ItemText(title="cut \ud83d")})
    assert folder.read(tmp_path, "toy")[0].text(1).title == "cut ?"


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "a\r", "a\ud83d"])
def test_a_name_that_no_line_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot name a user or item"):
        folder_writer.write(tmp_path, {"ann": [(name, None)]}, {})
