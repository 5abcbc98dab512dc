from __future__ import annotations

import math

import pytest
import torch

from sracl.contracts.synthesizer import SynthesizerContract, neighbours_of, tiny_neighbours
from sracl.data.samples import SequenceNeighbours
from sracl.interfaces import Synthesizer
from sracl.synthesizers.attention import Attention


class TestAttention(SynthesizerContract):
    def make(self, neighbours: SequenceNeighbours, generator: torch.Generator) -> Synthesizer:
        return Attention(neighbours, generator, hidden_size=8)


def attention(vectors: list[list[float]], w: list[list[float]], a: list[float], *, dropout: float = 0.0, seed: int = 0) -> Attention:
    """With W and a as given; row 0 of the vectors is the anchor, the others are its neighbours."""
    given = neighbours_of(torch.tensor([list(range(1, len(vectors)))]), torch.tensor(vectors))
    synthesizer = Attention(given, torch.Generator().manual_seed(seed), hidden_size=len(w), dropout=dropout)
    with torch.no_grad():
        synthesizer.projection.copy_(torch.tensor(w))
        synthesizer.attention.copy_(torch.tensor(a)[:, None])
    return synthesizer


def weigh(synthesizer: Attention) -> torch.Tensor:
    return synthesizer.forward(torch.tensor([0]), torch.arange(1, len(synthesizer.vectors))[None])


# W e_u = (3, -2); the neighbours' are (1, 1), (1, 1), (2, 0).
TEXTS = [[1.0, 0.0, 2.0], [1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [2.0, 0.0, 0.0]]
W = [[1.0, 0.0, 1.0], [0.0, 1.0, -1.0]]
STATES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize(
    ("a", "weights", "positive"),
    [
        # Raw scores 5 + (3, 3, 4).
        ([1.0, -1.0, 2.0, 1.0], [0.211942, 0.211942, 0.576117], 0.788058),
        # Raw scores -8, -8, -9, after the LeakyReLU -1.6, -1.6, -1.8; without it the weights would be .422319, .422319, .155362.
        ([-1.0, 1.0, -2.0, -1.0], [0.354770, 0.354770, 0.290461], 0.645230),
    ],
)
def test_three_neighbours_by_hand(a: list[float], weights: list[float], positive: float) -> None:
    found = weigh(attention(TEXTS, W, a))
    torch.testing.assert_close(found, torch.tensor([weights]), atol=1e-5, rtol=0)
    torch.testing.assert_close(found @ STATES, torch.tensor([[positive, positive]]), atol=1e-5, rtol=0)


def test_dropout_rescales_what_it_keeps_and_does_not_renormalise() -> None:
    def kept(seed: int) -> list[bool]:
        return (torch.rand(3, generator=torch.Generator().manual_seed(seed)) >= 0.5).tolist()

    seed = next(seed for seed in range(100) if kept(seed) == [True, False, True])
    synthesizer = attention(TEXTS, W, [1.0, -1.0, 2.0, 1.0], dropout=0.5, seed=seed)
    found = weigh(synthesizer)
    # The weights of the first case twice, where kept: their sum is not 1.
    torch.testing.assert_close(found, torch.tensor([[0.423883, 0.0, 1.152234]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(found @ STATES, torch.tensor([[1.576117, 1.152234]]), atol=1e-5, rtol=0)
    assert found[0, 1] == 0
    state = synthesizer.generator.get_state()
    torch.testing.assert_close(weigh(synthesizer.eval()).sum(), torch.tensor(1.0))
    assert torch.equal(synthesizer.generator.get_state(), state)


def test_dropout_drops_at_its_rate() -> None:
    given = neighbours_of(torch.arange(10).repeat(10_000, 1), torch.ones(10, 2))
    weights = Attention(given, torch.Generator().manual_seed(0), dropout=0.3)(torch.zeros(10_000, dtype=torch.int64), given.ids)
    # 100,000 draws: standard deviation sqrt(.3 · .7 / 1e5) = .00145; four of them.
    assert (weights == 0).double().mean().item() == pytest.approx(0.3, abs=0.006)
    # Equal texts weigh 1/10 each, kept ones 1 / (10 · .7).
    torch.testing.assert_close(weights[weights > 0], torch.full((int((weights > 0).sum()),), 1 / 7))


@pytest.mark.parametrize(
    ("query", "weights", "static"),
    [
        (-5.0, [0.269307, 0.328933, 0.401760], True),
        (-1.5, [0.269307, 0.328933, 0.401760], True),
        (1.5, [0.090031, 0.244728, 0.665241], True),
        (5.0, [0.090031, 0.244728, 0.665241], True),
        (0.0, [0.180456, 0.220409, 0.599135], False),
    ],
)
def test_scores_of_one_sign_do_not_depend_on_the_anchor(query: float, weights: list[float], static: bool) -> None:
    # W = 1, a = (1, 1): raw scores are query + (-1, 0, 1); the LeakyReLU has one slope over all of them, or two.
    synthesizer = attention([[query], [-1.0], [0.0], [1.0]], [[1.0]], [1.0, 1.0])
    found = weigh(synthesizer)
    torch.testing.assert_close(found, torch.tensor([weights]), atol=1e-5, rtol=0)
    if static:
        torch.autograd.backward((found @ torch.tensor([1.0, 5.0, -2.0])).sum())
        assert synthesizer.attention.grad is not None
        assert abs(float(synthesizer.attention.grad[0])) < 1e-6  # a_1
        assert abs(float(synthesizer.attention.grad[1])) > 1e-2  # a_2


def test_a_single_neighbour_gets_all_weight_and_teaches_nothing() -> None:
    given = neighbours_of(torch.tensor([[1], [2], [0]]), torch.randn(3, 5, generator=torch.Generator().manual_seed(0)))
    synthesizer = Attention(given, torch.Generator(), dropout=0.0)
    weights = synthesizer(given.rows, given.ids)
    assert weights.tolist() == [[1.0]] * 3
    torch.autograd.backward((weights * torch.tensor([[1.0], [-3.0], [7.0]])).sum())
    for parameter in synthesizer.parameters():
        assert parameter.grad is not None
        assert not parameter.grad.any()


def test_equal_texts_get_equal_weights() -> None:
    given = neighbours_of(torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1.0, 2.0], *[[3.0, -1.0]] * 4]))
    weights = Attention(given, torch.Generator()).eval()(given.rows, given.ids)
    torch.testing.assert_close(weights, torch.full((1, 4), 0.25))


def test_equals_the_concatenated_form() -> None:
    given = tiny_neighbours()
    synthesizer = Attention(given, torch.Generator(), hidden_size=8, dropout=0.0)
    full = given.ids[[0, 4, 5]]  # the rows with three neighbours
    anchors = given.rows[[0, 4, 5]]
    pairs = torch.cat(
        [given.vectors[anchors][:, None].expand(-1, 3, -1) @ synthesizer.projection.T, given.vectors[full] @ synthesizer.projection.T], 2
    )
    expected = torch.nn.functional.leaky_relu(pairs @ synthesizer.attention.squeeze(1), 0.2).softmax(1)
    torch.testing.assert_close(synthesizer(anchors, full), expected, atol=1e-6, rtol=0)


def test_learns_w_and_a_but_never_the_texts() -> None:
    given = tiny_neighbours()
    synthesizer = Attention(given, torch.Generator().manual_seed(0))
    torch.autograd.backward((synthesizer(given.rows, given.ids) * torch.arange(18.0).view(6, 3)).sum())
    assert not synthesizer.vectors.requires_grad
    assert given.vectors.grad is None
    for parameter in synthesizer.parameters():
        assert parameter.grad is not None
        assert bool(parameter.grad.any())
    assert {name: tuple(tensor.shape) for name, tensor in synthesizer.state_dict().items()} == {
        "projection": (64, 4),
        "attention": (128, 1),
    }


def test_starts_from_xavier_values_of_gain_1_414() -> None:
    given = neighbours_of(torch.tensor([[1]]), torch.zeros(2, 1024))
    synthesizer = Attention(given, torch.Generator())
    # Uniform within 1.414 · sqrt(6 / (rows + columns)): W 64 x 1024 and a 128 x 1; the largest of so many comes near.
    for parameter, size in ((synthesizer.projection, 64 + 1024), (synthesizer.attention, 128 + 1)):
        bound = 1.414 * math.sqrt(6 / size)
        assert 0.9 * bound < parameter.abs().max().item() <= bound * (1 + 1e-6)
