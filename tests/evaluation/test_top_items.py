"""Lists against a stable sort, with ties and items left out, and against the ranks that an evaluation counts."""

from __future__ import annotations

import pytest
import torch

from sracl.evaluation.ranking import ranked
from sracl.evaluation.top_items import top_items


def test_by_hand() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.9], [2.0, 2.0, 2.0, 2.0]])
    assert top_items(scores, 3).tolist() == [[2, 4, 3], [1, 2, 3]]  # equal scores in the order of ids
    assert top_items(scores, 3, torch.tensor([[4, 2], [1, 0]])).tolist() == [[3, 1, 0], [2, 3, 4]]
    assert top_items(scores, 9).tolist() == [[2, 4, 3, 1], [1, 2, 3, 4]]
    assert top_items(scores, 2, torch.tensor([[1, 2, 3, 4], [1, 2, 3, 0]])).tolist() == [[0, 0], [4, 0]]


@pytest.mark.parametrize("levels", [3, 30, 10_000])
@pytest.mark.parametrize("count", [1, 10, 200])
def test_agrees_with_a_stable_sort_and_with_ranks(levels: int, count: int) -> None:
    generator = torch.Generator().manual_seed(levels)
    scores = torch.randint(0, levels, (60, 200), generator=generator).float()
    scores[7] = float("-inf")
    seen = torch.rand(60, 201, generator=generator).argsort(1)[:, :12]  # distinct, 0 among them now and then
    order = 1 + scores.argsort(dim=1, descending=True, stable=True)
    assert torch.equal(top_items(scores, count), order[:, :count])
    excluded = top_items(scores, count, seen)
    for row in range(60):
        left = [item for item in order[row].tolist() if item not in seen[row].tolist()]
        assert excluded[row].tolist() == (left + [0] * count)[: min(count, 200)]
    targets = torch.randint(1, 201, (60,), generator=generator)
    ranks, _ = ranked(scores, targets, seen)
    for lists, places in ((top_items(scores, count), ranks.keep), (excluded, ranks.exclude)):
        for row in range(60):
            found = lists[row].tolist()
            stands = 1 + found.index(int(targets[row])) if targets[row] in found else None
            assert stands == (int(places[row]) if places[row] <= count and places[row] <= 200 else None)


def test_scores_are_not_written_to() -> None:
    scores = torch.rand(3, 9, generator=torch.Generator().manual_seed(0))
    kept = scores.clone()
    top_items(scores, 4, torch.tensor([[1], [2], [3]]))
    assert torch.equal(scores, kept)
