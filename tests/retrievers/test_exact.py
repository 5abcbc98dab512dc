from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sracl.contracts.retriever import NearestContract, brute_force
from sracl.retrievers import exact
from sracl.retrievers.exact import Exact
from sracl.retrievers.pool import Pool


@pytest.fixture(params=["float32", "bfloat16"])
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Products in this precision, whatever the processor is good at and however few rows there are."""
    precisions = (torch.float32,) if request.param == "float32" else (torch.bfloat16, torch.float32)
    monkeypatch.setattr(exact, "precisions_of", lambda device, rows: precisions)
    return str(request.param)


@pytest.mark.usefixtures("precision")
class TestExact(NearestContract):
    def retriever(self) -> Exact:
        return Exact(device="cpu")


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("block_mb", [1, 128])
def test_blocks_equal_brute_force_with_many_ties_at_the_edge_of_k(block_mb: int) -> None:
    # 4,000 rows of which 1,500 are copies of 12 others: far more ties than k, in blocks of 65 rows (float32) or 131
    # (bfloat16) at 1 MiB.
    random = np.random.default_rng(0)
    vectors = random.normal(size=(4000, 24)).astype(np.float32)
    vectors[500:2000] = vectors[random.integers(0, 12, 1500)]
    vectors[[3, 3000]] = 0
    groups = random.integers(0, 400, 4000)
    queries = random.permutation(4000)[:500]
    ids, _ = Exact(device="cpu", block_mb=block_mb)(vectors, 10, queries=queries, groups=groups)
    np.testing.assert_array_equal(ids, brute_force(vectors, 10, queries, groups))


@pytest.mark.usefixtures("precision")
def test_orders_what_products_cannot_tell_apart() -> None:
    # Angles of 0.00050, 0.00051, … to the query: cosines 1 - angle²/2 that differ by 5e-9, below float32's 6e-8 and
    # bfloat16's 4e-3, so that neighbours along the arc tie; the order must still be that of the definition.
    angles = np.concatenate([[0.0], 0.0005 + 1e-5 * np.arange(40)[::-1]])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    queries, groups = np.array([0]), np.arange(41)
    ids, _ = Exact(device="cpu")(vectors, 10, queries=queries, groups=groups)
    np.testing.assert_array_equal(ids, brute_force(vectors, 10, queries, groups))


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize(("k", "shift"), [(10, 8.0), (10, -1.0), (700, 0.0), (1199, 0.0)])
def test_all_rows_close_together_and_neighbours_on_the_far_side(k: int, shift: float) -> None:
    # A shift of 8 in every dimension makes all cosines about 64 / 65, closer together than bfloat16 tells apart. With
    # k = 700 of 1,200 centred rows more than a hundred neighbours have negative cosines.
    vectors = (np.random.default_rng(0).normal(size=(1200, 32)) + shift).astype(np.float32)
    queries, groups = np.arange(0, 1200, 40), np.arange(1200) // 2
    ids, _ = Exact(device="cpu")(vectors, k, queries=queries, groups=groups)
    np.testing.assert_array_equal(ids, brute_force(vectors, k, queries, groups))


def test_similarities_do_not_depend_on_the_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(3000, 48)).astype(np.float32)
    answers = []
    for precisions in [(torch.float32,), (torch.bfloat16, torch.float32)]:
        monkeypatch.setattr(exact, "precisions_of", lambda device, rows, given=precisions: given)
        answers.append(Exact(device="cpu")(vectors, 10, queries=np.arange(3000), groups=np.arange(3000) // 3))
    np.testing.assert_array_equal(answers[0][0], answers[1][0])
    np.testing.assert_array_equal(answers[0][1], answers[1][1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_are_as_close_to_cosines_as_they_are_said_to_be(dtype: torch.dtype) -> None:
    # (1 + 2^-8) / 16 lies halfway between two bfloat16 numbers: 252 such dimensions of either sign, and one that makes
    # the length 1, are off by 0.992 · 2^-8 in all, and a row's product with itself by almost twice that.
    vectors = np.zeros((64, 256), dtype=np.float32)
    vectors[:, :252] = np.random.default_rng(0).choice([-1, 1], size=(64, 252)) * (1 + 2.0**-8) / 16
    vectors[:, 252] = np.sqrt(1 - 252 * ((1 + 2.0**-8) / 16) ** 2)
    pool, every = Pool(vectors), np.arange(64)
    table = exact._Table(pool, every, 5, dtype=dtype, device=torch.device("cpu"))
    products = (table.rows.double() @ table.rows.double().T)[:64, :64]
    cosines = torch.from_numpy(pool.cosines(np.repeat(every, 64), np.tile(every, 64)).reshape(64, 64))
    furthest = float((products - cosines).abs().max())
    assert furthest <= table.error
    if dtype == torch.bfloat16:
        assert furthest >= 1.9 * 2.0**-8
    else:
        assert table.error <= 1e-4


def test_few_candidates_are_left_where_rows_are_spread() -> None:
    # Cosines of 64-dimensional normal rows have a deviation of 1/8; the 10th of 5,000 is near 0.36 (2.9 deviations),
    # where they lie 5,000 · 8 · 0.0063 = 250 to the unit; a bound 2 · 0.004 + 0.36 / 256 lower lets in about 2 more.
    vectors = np.random.default_rng(0).normal(size=(5000, 64)).astype(np.float32)
    every, rows = np.arange(5000), np.arange(256)
    table = exact._Table(Pool(vectors), every, 10, dtype=torch.bfloat16, device=torch.device("cpu"))
    out = torch.empty(256, len(table.rows), dtype=torch.bfloat16)
    place, _, crowded = table.candidates(rows, (rows, rows), out=out, patient=False)
    assert not bool(crowded.any())
    assert 10 <= len(place) / 256 <= 20


@pytest.mark.parametrize(
    ("features", "device", "rows", "first"),
    [
        ({"amx_bf16": True}, "cpu", 100_000, torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": False}, "cpu", 100_000, torch.bfloat16),
        ({"avx512_f": True}, "cpu", 100_000, torch.float32),
        ({"amx_bf16": True}, "cpu", 100, torch.float32),
        ({"amx_bf16": True}, "cuda", 100_000, torch.float32),
    ],
)
def test_bfloat16_only_where_it_is_faster(
    features: dict[str, Any], device: str, rows: int, first: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features, raising=False)
    precisions = exact.precisions_of(torch.device(device), rows)
    assert precisions[0] is first
    assert precisions[-1] is torch.float32


@pytest.mark.gpu
def test_a_gpu_gives_the_same_answer() -> None:
    # 6,000 rows: enough for bfloat16 on a processor that has it, against float32 on the GPU.
    random = np.random.default_rng(0)
    vectors: NDArray[np.float32] = random.normal(size=(6000, 64)).astype(np.float32)
    vectors[100:900] = vectors[random.integers(0, 50, 800)]
    queries, groups = np.arange(6000), np.arange(6000) // 4
    here, similar_here = Exact(device="cpu")(vectors, 10, queries=queries, groups=groups)
    there, similar_there = Exact(device="cuda")(vectors, 10, queries=queries, groups=groups)
    np.testing.assert_array_equal(here, there)
    np.testing.assert_array_equal(similar_here, similar_there)
