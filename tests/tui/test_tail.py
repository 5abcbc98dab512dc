from __future__ import annotations

from pathlib import Path

from sracl.tui.run.tail import LIMIT, Tail


def test_a_file_is_followed_from_before_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    tail = Tail(file)
    assert tail.read() == ("", False)
    file.write_text("one\n")
    assert tail.read() == ("one\n", True)
    with file.open("a") as log:
        log.write("tw")
    assert tail.read() == ("tw", False)
    assert tail.read() == ("", False)


def test_a_letter_that_is_half_written_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes("é".encode()[:1])
    tail = Tail(file)
    assert tail.read()[0] == ""
    file.write_bytes("é!".encode())
    assert tail.read() == ("é!", False)


def test_a_file_that_was_begun_anew_or_taken_away_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text("a long line\n")
    tail = Tail(file)
    tail.read()
    file.write_text("short\n")
    assert tail.read() == ("short\n", True)
    file.unlink()
    assert tail.read() == ("", True)
    assert tail.read() == ("", False)


def test_of_a_long_file_the_end_is_read_from_a_whole_line_on(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    lines = [f"line {number:06}" for number in range(40_000)]
    file.write_text("\n".join(lines))
    text, anew = Tail(file).read()
    assert anew
    assert LIMIT - 20 < len(text) <= LIMIT
    assert text.splitlines() == lines[-len(text.splitlines()) :]


def test_a_file_that_was_put_away_for_a_longer_one_is_read_from_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text("one\n")
    tail = Tail(file)
    assert tail.read() == ("one\n", True)
    file.rename(tmp_path / "log.txt.1")
    file.write_text("a longer first line\n")
    assert tail.read() == ("a longer first line\n", True)
    assert tail.read() == ("", False)
