from __future__ import annotations

import pytest
import torch

from sracl.interfaces import Request
from sracl.objectives.readout import Readout, pool, read, wanted
from tests.contracts.objective import Answer

# Rows of two items and of one, d = 2, L = 3; zeros at padding.
STATES = torch.tensor([[[0.0, 0.0], [1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 0.0], [5.0, 7.0]]])
LENGTHS = torch.tensor([2, 1])
REQUEST = Request("view", torch.tensor([[0, 1, 2], [0, 0, 3]]), LENGTHS)


def test_the_mean_is_over_real_items() -> None:
    assert pool(STATES, LENGTHS, "mean").tolist() == [[2.0, 4.0], [5.0, 7.0]]


def test_flattened_are_all_states_end_to_end() -> None:
    assert pool(STATES, LENGTHS, "flatten").tolist() == [[0, 0, 1, 2, 3, 6], [0, 0, 0, 0, 5, 7]]


def test_the_last_state_is_given_as_such() -> None:
    assert pool(STATES[:, -1], LENGTHS, "last").tolist() == [[3.0, 6.0], [5.0, 7.0]]


@pytest.mark.parametrize(("readout", "want"), [("last", "last"), ("mean", "all"), ("flatten", "all")])
def test_asks_for_the_states_it_needs_and_reads_them(readout: Readout, want: str) -> None:
    asked = wanted(REQUEST, readout)
    assert asked.want == want
    assert (asked.key, asked.items is REQUEST.items, asked.lengths is REQUEST.lengths) == ("view", True, True)
    states = STATES if want == "all" else STATES[:, -1]
    answer = Answer({"view": states}, torch.zeros(4, 2))
    assert torch.equal(read(answer, asked, readout), pool(states, LENGTHS, readout))
