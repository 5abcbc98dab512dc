from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from sracl.contracts.loss import RankingLossContract, normal
from sracl.interfaces import Bias
from sracl.losses import cross_entropy as module
from sracl.losses.cross_entropy import cross_entropy

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import BiasedRankingLoss, RankingLoss


class TestCrossEntropy(RankingLossContract):
    def loss(self) -> RankingLoss:
        return cross_entropy


@pytest.mark.usefixtures("in_blocks")
class TestInBlocks(RankingLossContract):
    def loss(self) -> RankingLoss:
        return cross_entropy


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is held, and six rows see items in threes: blocks of 3, 3 and 2 for eight items."""
    monkeypatch.setitem(module.HELD, "cpu", 0)
    monkeypatch.setitem(module.BLOCK, "cpu", 18)


def plain(states: Tensor, item_table: Tensor, targets: Tensor, bias: Bias | None = None) -> Tensor:
    """The definition in torch's words."""
    scores = states @ item_table[1:].T
    return torch.nn.functional.cross_entropy(scores if bias is None else bias.added_to(scores), targets - 1)


@pytest.mark.parametrize(("target", "expected"), [(1, 0.407606), (2, 1.407606), (3, 2.407606)])
def test_three_items_in_a_plane(target: int, expected: float) -> None:
    # Logits 1, 0, -1: log(e + 1 + 1/e) = 1.407606, less the logit of the target.
    state = torch.tensor([[1.0, 0.0]])
    table = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    torch.testing.assert_close(cross_entropy(state, table, torch.tensor([target])), torch.tensor(expected), atol=1e-5, rtol=0)


def test_padding_of_large_norm_is_no_class() -> None:
    # Logits of items 1..3: 1, 2, 3, so log(e + e² + e³) - 2 = 1.407606; with the padding (9, 9) as a class it would be 25.
    table = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    value = cross_entropy(torch.tensor([[1.0, 2.0]]), table, torch.tensor([2]))
    torch.testing.assert_close(value, torch.tensor(1.407606), atol=1e-5, rtol=0)


def test_zero_states_cost_the_log_of_the_catalogue() -> None:
    value = cross_entropy(torch.zeros(3, 4), normal(8, 4), torch.tensor([1, 4, 7]))
    torch.testing.assert_close(value, torch.tensor(math.log(7)))


def test_what_is_added_to_a_score_is_part_of_it() -> None:
    # Logits 1, 0, -1 become 1, 2, -1 - log 2: log(e + e² + 1/(2e)) = 2.331405, less the 2 of the target.
    state, table = torch.tensor([[1.0, 0.0]]), torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    bias = Bias(torch.tensor([[0, 2, 3]]), torch.tensor([[0.0, 2.0, -math.log(2)]]))
    value = cross_entropy(state, table, torch.tensor([2]), bias=bias)
    torch.testing.assert_close(value, torch.tensor(math.log(math.e + math.e**2 + 0.5 / math.e) - 2))


def test_is_the_mean_over_rows() -> None:
    states, table, targets = normal(5, 4), normal(9, 4, seed=1), torch.tensor([1, 8, 3, 3, 2])
    singly = torch.stack([cross_entropy(states[i : i + 1], table, targets[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(cross_entropy(states, table, targets), singly.mean())


def test_raises_half_precision_to_float32() -> None:
    value = cross_entropy(normal(5, 4).bfloat16(), normal(9, 4, seed=1).bfloat16(), torch.tensor([1, 8, 3, 3, 2]))
    assert value.dtype == torch.float32


@pytest.mark.parametrize("target", [0, 9])
def test_refuses_a_target_that_is_no_item(target: int) -> None:
    with pytest.raises(IndexError):
        cross_entropy(normal(1, 4), normal(9, 4), torch.tensor([target]))


def gradients(loss: RankingLoss, states: Tensor, item_table: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    leaves = states.clone().requires_grad_(), item_table.clone().requires_grad_()
    value = loss(*leaves, targets)
    return value.detach(), *torch.autograd.grad(value, leaves)


@pytest.mark.parametrize("scale", [0.1, 30.0])
@pytest.mark.parametrize("limits", [(2**23, 2**21), (0, 2**15)])
def test_a_bias_is_that_of_the_definition_in_value_and_gradient(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], scale: float
) -> None:
    monkeypatch.setitem(module.HELD, "cpu", limits[0])
    monkeypatch.setitem(module.BLOCK, "cpu", limits[1])
    states, table = normal(64, 16), normal(1501, 16, seed=1, scale=scale)
    items = torch.stack([torch.randperm(1501, generator=torch.Generator().manual_seed(row))[:9] for row in range(64)])
    items[:, :3] = torch.tensor([0, 1, 1500])  # none, and both ends of the catalogue
    targets = items[torch.arange(64), torch.arange(64) % 9].clamp(min=1)
    values = (normal(64, 9, seed=3, scale=4.0) * (items > 0)).requires_grad_()

    def of(loss: BiasedRankingLoss, dtype: torch.dtype) -> tuple[Tensor, ...]:
        leaves = states.to(dtype).requires_grad_(), table.to(dtype).requires_grad_(), values.detach().to(dtype).requires_grad_()
        value = loss(*leaves[:2], targets, bias=Bias(items, leaves[2]))
        return value.detach(), *torch.autograd.grad(value, leaves)

    for ours, theirs in zip(of(cross_entropy, torch.float32), of(plain, torch.float64), strict=True):
        real = (items > 0) if theirs.shape == items.shape else torch.ones_like(theirs, dtype=torch.bool)
        torch.testing.assert_close(ours.double() * real, theirs * real, rtol=0, atol=1e-4 * theirs.abs().max().item())


@pytest.mark.parametrize("scale", [0.1, 30.0])
@pytest.mark.parametrize("limits", [(2**23, 2**21), (0, 2**15), (0, 1)])  # held; 16 blocks of 128 and one of 1; an item a block
def test_is_the_definition_in_value_and_gradient(monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], scale: float) -> None:
    monkeypatch.setitem(module.HELD, "cpu", limits[0])
    monkeypatch.setitem(module.BLOCK, "cpu", limits[1])
    num_items = 2049 if limits[1] > 1 else 5
    states, table = normal(256, 16), normal(num_items + 1, 16, seed=1, scale=scale)
    targets = torch.randint(1, num_items + 1, (256,), generator=torch.Generator().manual_seed(2))
    exact = gradients(plain, states.double(), table.double(), targets)
    for ours, theirs in zip(gradients(cross_entropy, states, table, targets), exact, strict=True):
        # Logits of up to 4 · 30 · 4 = 480 are off by some 480 · 2⁻²⁴ = 3e-5, and their exponentials by that share.
        torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=1e-4 * theirs.abs().max().item())


@pytest.mark.parametrize("held", [2**23, 0])
@pytest.mark.parametrize("greatest", [59.9, 60.1])  # the one is taken as it is, the other shifted
@pytest.mark.parametrize("signs", ["all positive", "all negative", "one positive"])
def test_logits_as_great_as_need_no_shift(monkeypatch: pytest.MonkeyPatch, held: int, greatest: float, signs: str) -> None:
    monkeypatch.setitem(module.HELD, "cpu", held)
    way = torch.ones(8)
    states, table = (torch.nn.functional.normalize(way + noise, dim=1) for noise in (normal(64, 8), normal(3001, 8, seed=1)))
    assert module._bounded(states, table * greatest, None) == (greatest < module.WITHOUT_SHIFT)
    table *= greatest if signs == "all positive" else -greatest
    if signs == "one positive":
        table[7] *= -1
    targets = torch.arange(1, 65)
    exact = gradients(plain, states.double(), table.double(), targets)
    for ours, theirs in zip(gradients(cross_entropy, states, table, targets), exact, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=3e-5 * theirs.abs().max().item())


@pytest.mark.parametrize("blocks", [False, True])
def test_gradient_is_the_derivative(blocks: bool, request: pytest.FixtureRequest) -> None:
    if blocks:
        request.getfixturevalue("in_blocks")
    states, table = normal(6, 4).double().requires_grad_(), normal(9, 4, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: cross_entropy(s, t, torch.tensor([1, 8, 2, 3, 4, 4])), (states, table))


def test_two_calls_are_one_to_the_bit() -> None:
    states, table, targets = normal(64, 8), normal(5000, 8, seed=1), torch.arange(1, 65) % 7 + 1
    first, second = (gradients(cross_entropy, states, table, targets) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_graph_may_be_gone_back_over_twice() -> None:
    states = normal(3, 4).requires_grad_()
    value = cross_entropy(states, normal(5, 4, seed=1), torch.tensor([1, 4, 2]))
    (first,) = torch.autograd.grad(value, states, retain_graph=True)
    (second,) = torch.autograd.grad(2 * value, states)
    torch.testing.assert_close(second, 2 * first)


def test_autocast_leaves_the_logits_in_full_precision() -> None:
    states, table, targets = normal(5, 4), normal(9, 4, seed=1), torch.tensor([1, 8, 3, 3, 2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = gradients(cross_entropy, states, table, targets)
    assert all(torch.equal(a, b) for a, b in zip(within, gradients(cross_entropy, states, table, targets), strict=True))


def test_refuses_a_second_derivative() -> None:
    states = normal(3, 4).requires_grad_()
    value = cross_entropy(states, normal(5, 4, seed=1), torch.tensor([1, 4, 2]))
    with pytest.raises(RuntimeError, match="no second derivatives"):
        torch.autograd.grad(value, states, create_graph=True)


@pytest.mark.gpu
def test_a_gpu_agrees_with_the_cpu() -> None:
    states, table, targets = normal(64, 16), normal(3001, 16, seed=1), torch.arange(1, 65)
    theirs = gradients(cross_entropy, states.cuda(), table.cuda(), targets.cuda())
    for ours, other in zip(gradients(cross_entropy, states, table, targets), theirs, strict=True):
        torch.testing.assert_close(ours, other.cpu(), rtol=0, atol=1e-5 * ours.abs().max().item())
