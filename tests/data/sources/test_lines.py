from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sracl.data.sources.lines import first_line, lines, reads_lines
from sracl.errors import DataError


@pytest.mark.parametrize("compressed", [False, True])
def test_lines_have_numbers_and_no_ends_whatever_the_file_is_called(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "data.json"
    raw = "\ufeffone\r\ntwo\u2028still two\n\nlast".encode()
    path.write_bytes(gzip.compress(raw) if compressed else raw)
    assert list(lines(path)) == [(1, "one"), (2, "two\u2028still two"), (3, ""), (4, "last")]
    assert first_line(path) == "one"


def test_an_empty_file_has_no_first_line(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert (first_line(path), list(lines(path))) == ("", [])


def test_bytes_that_are_no_text_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataError, match=r"data\.csv:2: is not UTF-8 text"):
        list(lines(path))


def test_an_encoding_holds_except_where_the_file_is_marked_as_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "films.dat"
    path.write_bytes("é\nü".encode("latin-1"))
    assert (first_line(path, "latin-1"), list(lines(path, "latin-1"))) == ("é", [(1, "é"), (2, "ü")])
    with pytest.raises(DataError, match=r"films\.dat:1: is not UTF-8 text; --encoding names what it is, such as latin-1"):
        list(lines(path, "UTF-8"))
    path.write_bytes("\ufeffé\nü".encode())
    assert (first_line(path, "latin-1"), list(lines(path, "latin-1"))) == ("é", [(1, "é"), (2, "ü")])


def test_encodings_of_text_in_lines_are_told_from_others() -> None:
    names = ("UTF-8", "latin-1", "cp1252", "gb18030", "utf-16", "utf-32", "rot13", "hex", "none such", "")
    assert [name for name in names if reads_lines(name)] == ["UTF-8", "latin-1", "cp1252", "gb18030"]


def test_a_compressed_file_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.gz"
    path.write_bytes(gzip.compress(b"a line\n" * 100)[:-9])
    with pytest.raises(DataError, match=r"data\.gz: is damaged or cut short"):
        list(lines(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.inter: cannot be read \(No such file"):
        first_line(tmp_path / "nowhere.inter")
