from __future__ import annotations

import pytest
import torch

from sracl.augmenters.crop import Crop
from sracl.backbones.sasrec import SASRec
from sracl.contracts.augmenter import left_padded
from sracl.contracts.objective import Answer
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import Batch, Request, SequenceSpec
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.readout import Readout, pool, read, wanted
from sracl.objectives.view_contrast import ViewContrast
from sracl.views.independent import Independent

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


COUNTS = torch.tensor([5, 2, 8, 1, 3, 7])


def sasrec(padding: float) -> SASRec:
    """A small backbone whose padding has a vector of about this size, where it should have none."""
    torch.manual_seed(0)
    model = SASRec(SequenceSpec(12, 8), hidden_size=8, inner_size=16).eval()
    with torch.no_grad():
        model.item_embedding.weight[0] = padding * torch.randn(8, generator=torch.Generator().manual_seed(1))
    return model


@pytest.mark.parametrize("readout", ["last", "mean", "flatten"])
def test_what_padding_holds_is_not_read(readout: Readout) -> None:
    asked = wanted(Request("view", left_padded(COUNTS, 8, 12), COUNTS), readout)
    plain, noisy = (pool(sasrec(size).encode(asked.items, COUNTS, want=asked.want), COUNTS, readout) for size in (0.0, 50.0))
    assert torch.equal(noisy, plain)


@pytest.mark.parametrize("readout", ["last", "mean", "flatten"])
def test_what_padding_holds_does_not_reach_the_contrast(readout: Readout) -> None:
    rows = torch.arange(len(COUNTS))
    batch = Batch(samples=rows, users=rows, inputs=left_padded(COUNTS, 8, 12), lengths=COUNTS, targets=rows + 1)

    def contrast(model: SASRec) -> torch.Tensor:
        views = Independent(augmenter=Crop(torch.Generator().manual_seed(3), keep=0.6))
        return training_loss(model, [Weighted("views", 1.0, ViewContrast(views=views, readout=readout, loss=nt_xent))], batch)[0]

    assert torch.equal(contrast(sasrec(50.0)), contrast(sasrec(0.0)))
