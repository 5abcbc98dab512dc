from __future__ import annotations

import numpy as np
import pytest

from sracl.retrievers.exact import Exact
from tests.contracts.retriever import RetrieverContract, brute_force


class TestExact(RetrieverContract):
    @pytest.fixture
    def retriever(self) -> Exact:
        return Exact(device="cpu")


@pytest.mark.parametrize("block_mb", [1, 128])
def test_blocks_equal_brute_force_with_many_ties_at_the_edge_of_k(block_mb: int) -> None:
    # 4,000 rows of which 1,500 are copies of 12 others: far more ties than k, in blocks of 65 rows at 1 MiB.
    random = np.random.default_rng(0)
    vectors = random.normal(size=(4000, 24)).astype(np.float32)
    vectors[500:2000] = vectors[random.integers(0, 12, 1500)]
    vectors[[3, 3000]] = 0
    groups = random.integers(0, 400, 4000)
    queries = random.permutation(4000)[:500]
    ids, _ = Exact(device="cpu", block_mb=block_mb)(vectors, 10, queries=queries, groups=groups)
    np.testing.assert_array_equal(ids, brute_force(vectors, 10, queries, groups))


def test_orders_what_float32_products_cannot_tell_apart() -> None:
    # Angles of 0.00050, 0.00051, … to the query: cosines 1 - angle²/2 that differ by 5e-9, below float32's 6e-8, so
    # that neighbours along the arc tie in float32; the order must still be that of the definition.
    angles = np.concatenate([[0.0], 0.0005 + 1e-5 * np.arange(40)[::-1]])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    queries, groups = np.array([0]), np.arange(41)
    ids, _ = Exact(device="cpu")(vectors, 10, queries=queries, groups=groups)
    np.testing.assert_array_equal(ids, brute_force(vectors, 10, queries, groups))


@pytest.mark.gpu
def test_a_gpu_gives_the_same_answer() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(3000, 64)).astype(np.float32)
    vectors[100:900] = vectors[random.integers(0, 50, 800)]
    queries, groups = np.arange(3000), np.arange(3000) // 4
    here, _ = Exact(device="cpu")(vectors, 10, queries=queries, groups=groups)
    there, _ = Exact(device="cuda")(vectors, 10, queries=queries, groups=groups)
    np.testing.assert_array_equal(here, there)
