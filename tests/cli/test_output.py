from __future__ import annotations

import os
from pathlib import Path

from sracl.cli.output import write_output


def test_what_a_killed_command_has_left_of_the_file_goes(tmp_path: Path) -> None:
    left = tmp_path / ".part-table.csv-abcdefgh"
    left.mkdir()
    (left / "table.csv").write_text("half")
    os.utime(left, (0, 0))
    assert write_output(tmp_path / "table.csv", lambda part: part.write_text("whole")) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
