from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.augmenters.semantic_substitute import SemanticSubstitute
from sracl.contracts.objective import MeanOfItems, ObjectiveContract, drive
from sracl.contracts.synthesizer import tiny_neighbours
from sracl.losses.info_nce import info_nce
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.intra_sequence import IntraSequence

if TYPE_CHECKING:
    from sracl.interfaces import Batch, Objective


def augmenter(seed: int = 0) -> SemanticSubstitute:
    """Half of the items 1..12 move up by one or two."""
    table = torch.arange(13)[:, None] % 12 + torch.tensor([1, 2])
    table[0] = 0
    return SemanticSubstitute(table.clamp(max=12), torch.Generator().manual_seed(seed), ratio=0.5)


class TestIntraSequence(ObjectiveContract):
    def objective(self) -> Objective:
        return IntraSequence(augmenter=augmenter(), loss=nt_xent)

    def batch(self) -> Batch:
        return tiny_neighbours().pool.batch(torch.tensor([0, 4, 2]))


def test_contrasts_two_draws_first_against_second() -> None:
    encoder, batch = MeanOfItems(12), tiny_neighbours().pool.batch(torch.tensor([0, 4, 2]))
    requests, term = drive(IntraSequence(augmenter=augmenter(), loss=info_nce), batch, encoder)
    assert list(requests) == ["view_a", "view_b"]
    again = augmenter()
    for request in requests.values():  # drawn in this order
        assert torch.equal(request.items, again(batch.inputs, batch.lengths)[0])
    assert not torch.equal(requests["view_a"].items, requests["view_b"].items)
    # The one-way loss tells the sides apart.
    assert term == info_nce(*(encoder.encode(request) for request in requests.values()))


def test_a_batch_of_one_costs_nothing() -> None:
    _, term = drive(IntraSequence(augmenter=augmenter(), loss=nt_xent), tiny_neighbours().pool.batch(torch.tensor([4])), MeanOfItems(12))
    assert term.item() == 0
