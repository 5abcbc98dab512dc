"""Windows by hand, against plain loops, and never beyond what trains."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sracl.contracts.sampler import SamplerContract
from sracl.data.interactions import Interactions
from sracl.data.samples import SequenceTable
from sracl.interfaces import Sampler
from sracl.samplers.window import Window
from tests.data.conftest import by_hand, real_or_demo

__all__ = ["real_or_demo"]  # a fixture


@pytest.mark.parametrize("step", [0.1, 0.5])
class TestWindow(SamplerContract):
    @pytest.fixture(autouse=True)
    def parameters(self, step: float) -> None:
        self.step = step

    def make(self, generator: torch.Generator) -> Sampler:
        return Window(generator, step=self.step)


def window(step: float = 0.1) -> Window:
    return Window(torch.Generator().manual_seed(0), step=step)


def ranges(data: Interactions, max_length: int, step: float) -> list[tuple[int, int, int]]:
    """(user, first position, last position) of every window, counted from 1."""
    rows = window(step).rows(data, max_length)
    begins = data.offsets[rows.users]
    return list(zip(rows.users.tolist(), (rows.starts - begins + 1).tolist(), rows.visible.tolist(), strict=True))


def test_windows_by_hand() -> None:
    # x_{n-2} stands at 1, 4, 5 and 11; L = 5, s = ⌊.4 · 5⌋ = 2. The last user's windows end at 11, 9, 7 and, as 7 - 2 = 5 = L, at 5.
    data = by_hand([list(range(1, n + 1)) for n in (3, 6, 7, 13)])
    expected = [(0, 1, 1), (1, 1, 4), (2, 1, 5), (3, 1, 5), (3, 3, 7), (3, 5, 9), (3, 7, 11)]
    assert ranges(data, 5, 0.4) == expected


def test_the_first_window_begins_at_the_first_item_whatever_the_step() -> None:
    # x_{n-2} at 12: ends at 12, 10, 8, 6, and one more at 5, which begins at 1. At s = 5: 12, 7 and 5.
    data = by_hand([list(range(1, 15))])
    assert [last for _, _, last in ranges(data, 5, 0.4)] == [5, 6, 8, 10, 12]
    assert [last for _, _, last in ranges(data, 5, 1.0)] == [5, 7, 12]


def test_a_step_is_one_item_or_more_and_no_float_below_it() -> None:
    data = by_hand([list(range(1, 10))])
    assert [last for _, _, last in ranges(data, 4, 0.1)] == [4, 5, 6, 7]  # ⌊.4⌋ = 0, so 1
    # .29 · 100 is 28.999999999999996 in floating point
    assert [last for _, _, last in ranges(by_hand([list(range(1, 162))]), 100, 0.29)] == [100, 101, 130, 159]


def test_users_of_whom_nothing_trains_have_no_window() -> None:
    data = by_hand([[1, 2], [3, 4, 5], [6]])
    assert ranges(data, 5, 0.1) == [(1, 1, 1)]


@pytest.fixture
def toy_table() -> SequenceTable:
    """Users of 3, 4 and 6 interactions; L = 3."""
    data = by_hand([[1, 2, 3], [4, 5, 6, 1], [2, 7, 2, 3, 7, 2]])
    return SequenceTable.of(data, window().rows(data, 3), 3)


def test_rows_have_no_targets(toy_table: SequenceTable) -> None:
    batch = toy_table.batch(torch.arange(len(toy_table)))
    assert batch.targets.tolist() == [0] * len(toy_table)
    assert batch.inputs.tolist() == [[0, 0, 1], [0, 4, 5], [2, 7, 2], [7, 2, 3]]


@pytest.mark.parametrize(("max_length", "step"), [(20, 0.1), (20, 0.5), (7, 0.3), (1, 1.0)])
def test_agrees_with_a_plain_loop(real_or_demo: Interactions, max_length: int, step: float) -> None:
    apart = max(1, int(step * max_length + 1e-9))
    expected = []
    for user, n in enumerate(real_or_demo.lengths.tolist()):
        ends = {min(n - 2, max_length)} | set(range(n - 2, max_length - 1, -apart))
        expected += [(user, max(1, end - max_length + 1), end) for end in sorted(ends)]
    assert ranges(real_or_demo, max_length, step) == expected


# Counted on the released files at L = 20, s = 2
PUBLISHED = {"office": 7_459, "beauty": 30_192}


def test_windows_cover_what_trains_and_reach_nothing_held_out(real_or_demo: Interactions) -> None:
    rows = window().rows(real_or_demo, 20)
    assert len(rows) == PUBLISHED.get(real_or_demo.name, len(rows))
    read = np.zeros(real_or_demo.num_interactions, dtype=bool)
    for start, stop in zip(rows.starts, rows.stops, strict=True):
        read[start:stop] = True
    held_out = np.zeros_like(read)
    held_out[real_or_demo.offsets[1:] - 1] = held_out[real_or_demo.offsets[1:] - 2] = True
    assert (read == ~held_out).all()
    assert not rows.targets.any()
    assert (np.lexsort((rows.stops, rows.users)) == np.arange(len(rows))).all()
