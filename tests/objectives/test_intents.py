from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info
from torch import Tensor

from sracl.contracts.loss import normal
from sracl.objectives.intents import Intents, k_means


def clustered(vectors: Tensor, num_clusters: int, *, seed: int = 0, iterations: int = 20, restarts: int = 1) -> Intents:
    return k_means(vectors, num_clusters, seed=seed, iterations=iterations, restarts=restarts)


def blobs(size: int = 30) -> tuple[Tensor, Tensor]:
    """Rows around four corners 20 apart, no farther than a few units each, and the corner of each row."""
    corners = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [20.0, 20.0]])
    which = torch.arange(4 * size) % 4
    return corners[which] + normal(4 * size, 2), which


def spread(vectors: Tensor, intents: Intents) -> float:
    """Mean squared distance of a row to its centre."""
    return float((vectors - intents.centres[intents.nearest(vectors)]).square().sum(1).mean())


def test_separate_blobs_are_recovered() -> None:
    vectors, which = blobs()
    intents = clustered(vectors, 4, restarts=10)
    ids = intents.nearest(vectors)
    # one intent per blob, and one blob per intent
    assert len(set(zip(ids.tolist(), which.tolist(), strict=True))) == 4
    for blob in range(4):
        torch.testing.assert_close(intents.centres[ids[which == blob][0]], vectors[which == blob].mean(0))


def test_targets_have_length_one_and_the_direction_of_their_centres() -> None:
    intents = clustered(3 * normal(200, 5), 7)
    torch.testing.assert_close(intents.targets.norm(dim=1), torch.ones(7))
    torch.testing.assert_close(intents.targets * intents.centres.norm(dim=1, keepdim=True), intents.centres)


def test_the_nearest_centre_counts_as_it_stands() -> None:
    # (2, 0) is 8 from (10, 0) and √2 from (1, 1); of the centres scaled to length 1, (1, 0) would be nearer.
    intents = Intents(torch.tensor([[10.0, 0.0], [1.0, 1.0]]))
    assert intents.nearest(torch.tensor([[2.0, 0.0], [9.0, 3.0]])).tolist() == [1, 0]


def test_the_nearest_centre_is_that_of_the_least_distance() -> None:
    states, intents = normal(50, 6), Intents(2 * normal(9, 6, seed=1))
    assert torch.equal(intents.nearest(states), torch.cdist(states, intents.centres).argmin(1))


def test_half_precision_states_find_their_intents() -> None:
    vectors, _ = blobs()
    intents = clustered(vectors, 4, restarts=10)
    assert torch.equal(intents.nearest(vectors.bfloat16()), intents.nearest(vectors))


def test_a_seed_gives_the_same_bits_and_another_other_draws() -> None:
    vectors = normal(2000, 8)
    one, same, other = (clustered(vectors, 16, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(one.centres, same.centres)
    assert torch.equal(one.nearest(vectors), same.nearest(vectors))
    assert not torch.equal(one.centres, other.centres)


def test_the_generators_of_others_are_left_alone() -> None:
    ours, theirs = torch.random.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()
    clustered(normal(50, 3), 4)
    assert torch.equal(torch.random.get_rng_state(), ours)
    np.testing.assert_array_equal(np.random.get_state(legacy=False)["state"]["key"], theirs)


def test_threads_are_as_they_were() -> None:
    before = [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()]
    clustered(normal(50, 3), 4)
    assert [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()] == before


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_rows_no_more_than_clusters_are_a_cluster_each(rows: int) -> None:
    vectors = normal(rows, 4)
    intents = clustered(vectors, 8)
    assert len(intents.centres) == rows
    torch.testing.assert_close(intents.centres[intents.nearest(vectors)], vectors)


def test_equal_rows_have_one_intent_and_nothing_is_said_of_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        intents = clustered(torch.ones(20, 3), 4)
    assert len(set(intents.nearest(torch.ones(20, 3)).tolist())) == 1
    assert bool(intents.targets.isfinite().all())


def test_clusters_without_rows_begin_anew_far_from_the_others() -> None:
    # Nearly every first draw takes three of the fifty zeros; two of these centres then have no row.
    vectors = torch.cat([torch.zeros(50, 1), torch.tensor([[10.0], [20.0]])])
    for seed in range(10):
        centres = clustered(vectors, 3, seed=seed).centres.flatten().sort().values
        torch.testing.assert_close(centres, torch.tensor([0.0, 10.0, 20.0]), atol=1e-5, rtol=0)


def test_more_work_brings_centres_nearer() -> None:
    vectors = normal(1000, 6)
    begun = spread(vectors, clustered(vectors, 20, iterations=1))
    moved = spread(vectors, clustered(vectors, 20, iterations=20))
    best = spread(vectors, clustered(vectors, 20, iterations=20, restarts=5))  # the first of the five is the one above
    assert best < moved < begun


def test_no_gradient_goes_into_centres() -> None:
    vectors = normal(40, 3).requires_grad_()
    intents = clustered(vectors, 5)
    assert not intents.centres.requires_grad
    assert not intents.targets.requires_grad
    assert not Intents(vectors).targets.requires_grad
