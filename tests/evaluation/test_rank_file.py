from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sracl.errors import DataError
from sracl.evaluation import rank_file

ARRAYS = {"test.keep": np.asarray([1, 3, 70_000], np.int32), "test.users": np.asarray([0, 1, 2], np.int32)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.savez_compressed(tmp_path / "ranks.npz", **ARRAYS)  # type: ignore[arg-type]
    return tmp_path / "ranks.npz"


def test_all_or_some_of_it(file: Path) -> None:
    assert {name: ranks.tolist() for name, ranks in rank_file.read(file).items()} == {"test.keep": [1, 3, 70_000], "test.users": [0, 1, 2]}
    assert list(rank_file.read(file, ["test.users"])) == ["test.users"]
    assert list(rank_file.read(file, ["test.users"], if_there=["items", "test.keep"])) == ["test.users", "test.keep"]


def test_what_is_not_there_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"other\.npz is gone"):
        rank_file.read(tmp_path / "other.npz")
    with pytest.raises(DataError, match=r"ranks\.npz has no valid\.keep"):
        rank_file.read(file, ["valid.keep"])


def test_what_is_no_row_of_ranks_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "ranks.npz", **{"test.keep": np.asarray([0.5])})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="test.keep, which is no row of integers"):
        rank_file.read(tmp_path / "ranks.npz")
    with (tmp_path / "alone.npz").open("wb") as alone:
        np.save(alone, np.asarray([1, 2]))
    with pytest.raises(DataError, match="cannot be read"):
        rank_file.read(tmp_path / "alone.npz")


def test_no_damage_comes_out_as_ranks_or_as_another_error(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        with pytest.raises(DataError):
            rank_file.read(file)
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = rank_file.read(file)
        except DataError:
            continue
        for name, ranks in found.items():  # a byte that nobody reads, such as a date
            assert np.array_equal(ranks, ARRAYS[name])
