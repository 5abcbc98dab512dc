from __future__ import annotations

import copy

import torch
from torch import Tensor

from sracl.optimizers.adam import Adam
from sracl.optimizers.lazy_adam import LazyAdam


def table() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.arange(8.0).view(4, 2))


def sparse(rows: list[int], values: list[list[float]]) -> Tensor:
    return torch.sparse_coo_tensor(torch.tensor([rows]), torch.tensor(values), (4, 2), check_invariants=True)


def test_only_rows_of_the_gradient_move() -> None:
    # A first step has the length of the learning rate; row 2 is met twice, and 3 - 1 = 2 is one gradient.
    parameter, start = table(), table()
    parameter.grad = sparse([2, 0, 2], [[3.0, 3.0], [-0.5, 4.0], [-1.0, -1.0]])
    LazyAdam(lr=0.1)([parameter]).step()
    moved = start.data + torch.tensor([[0.1, -0.1], [0.0, 0.0], [-0.1, -0.1], [0.0, 0.0]])
    torch.testing.assert_close(parameter.data, moved)


def test_a_gradient_of_all_rows_is_a_step_of_adam() -> None:
    ours, theirs = table(), table()
    lazy, adam = LazyAdam(lr=0.1, betas=(0.8, 0.9), eps=1e-3)([ours]), Adam(lr=0.1, betas=(0.8, 0.9), eps=1e-3)([theirs])
    for seed in range(5):
        values = torch.randn(4, 2, generator=torch.Generator().manual_seed(seed))
        ours.grad, theirs.grad = sparse([0, 1, 2, 3], values.tolist()), values
        lazy.step()
        adam.step()
    torch.testing.assert_close(ours.data, theirs.data)


def test_dense_gradients_are_taken_as_by_adam_and_may_stand_beside_sparse_ones() -> None:
    ours, theirs, other = table(), table(), table()
    lazy, adam = LazyAdam()([other, ours]), Adam()([theirs])
    for _ in range(3):
        other.grad, ours.grad, theirs.grad = sparse([1], [[1.0, 1.0]]), torch.ones(4, 2), torch.ones(4, 2)
        lazy.step()
        adam.step()
    assert torch.equal(ours.data, theirs.data)
    assert other.grad is not None
    assert other.grad.is_sparse  # left as it was found


def test_goes_on_from_its_state() -> None:
    once, again = table(), table()
    first = LazyAdam()([once])
    grads = [sparse([0, 2], [[1.0, 2.0], [3.0, 4.0]]), sparse([2, 3], [[-1.0, 0.5], [2.0, 2.0]]), sparse([0], [[5.0, 5.0]])]
    for grad in grads[:2]:
        once.grad = grad
        first.step()
    second = LazyAdam()([again])
    again.data.copy_(once.data)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for parameter, optimizer in ((once, first), (again, second)):
        parameter.grad = grads[2]
        optimizer.step()
    assert torch.equal(once.data, again.data)
