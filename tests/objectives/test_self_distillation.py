"""Self-distillation against its contract, values by hand, and who must get no gradient."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from sracl.contracts.objective import Answer, MeanOfItems, ObjectiveContract, drive
from sracl.contracts.synthesizer import neighbours_of, tiny_neighbours
from sracl.interfaces import BATCH, Batch, Objective, Request
from sracl.objectives.self_distillation import SelfDistillation

SAMPLES = torch.tensor([4, 1, 0])


class TestSelfDistillation(ObjectiveContract):
    def objective(self) -> Objective:
        return SelfDistillation(tiny_neighbours(), num_neighbours=3)

    def batch(self) -> Batch:
        return tiny_neighbours().pool.batch(SAMPLES)


def term_of(ids: list[list[int]], students: Tensor, teachers: Tensor) -> Tensor:
    """The term where sample i has the state `students[i]` and the neighbours `ids[i]`, and row r of the pool has `teachers[r]`."""
    given = neighbours_of(torch.tensor(ids), torch.zeros(5, 2))
    term = SelfDistillation(given, num_neighbours=len(ids[0])).term(given.pool.batch(torch.arange(len(ids))))
    asked = {request.key: request for request in next(term)}
    rows = asked["teachers"].lengths - 1  # of these five sequences row r has r + 1 items
    with pytest.raises(StopIteration) as stop:
        term.send(Answer({BATCH: students, "teachers": teachers[rows]}, torch.zeros(2, 2)))
    value: Tensor = stop.value.value
    return value


TEACHERS = torch.tensor([[9.0, 9.0], [0.0, 2.0], [2.0, 4.0], [5.0, 2.0], [9.0, 9.0]])


def test_by_hand() -> None:
    # h = (1, 2), teachers (0, 2) and (2, 4) with mean (1, 3): (0² + 1²) / 2 = .5, and ∂/∂h = h - mean = (0, -1)
    student = torch.tensor([[1.0, 2.0]], requires_grad=True)
    term = term_of([[1, 2]], student, TEACHERS)
    assert term.item() == pytest.approx(0.5)
    torch.autograd.backward(term)
    assert student.grad is not None
    torch.testing.assert_close(student.grad, torch.tensor([[0.0, -1.0]]))


def test_rows_without_neighbours_contribute_nothing() -> None:
    # Row 1 has one teacher, (5, 2): ((3 - 5)² + 0) / 2 = 2; with row 0, (.5 + 2) / 2 = 1.25. Row 2 has none.
    students = torch.tensor([[1.0, 2.0], [3.0, 2.0], [7.0, 7.0]], requires_grad=True)
    term = term_of([[1, 2], [3, -1], [-1, -1]], students, TEACHERS)
    assert term.item() == pytest.approx(1.25)
    torch.autograd.backward(term)
    assert students.grad is not None
    torch.testing.assert_close(students.grad, torch.tensor([[0.0, -0.5], [-1.0, 0.0], [0.0, 0.0]]))


def test_is_zero_where_no_row_has_a_neighbour() -> None:
    students = torch.tensor([[1.0, 2.0]], requires_grad=True)
    term = term_of([[-1, -1]], students, TEACHERS)
    assert term.item() == 0
    torch.autograd.backward(term)
    assert students.grad is not None
    assert not students.grad.any()


def test_asks_for_the_batch_and_for_every_neighbour_once_without_gradient() -> None:
    given = tiny_neighbours()
    batch = given.pool.batch(SAMPLES)
    requests, _ = drive(SelfDistillation(given, num_neighbours=2), batch, MeanOfItems(12))
    assert list(requests) == [BATCH, "teachers"]
    assert requests[BATCH].items is batch.inputs and requests[BATCH].grad
    # The two nearest of samples 4, 1, 0 are (2, 0), (0, 5), (1, 2).
    expected, lengths = given.pool.gather(torch.tensor([0, 1, 2, 5]))
    assert torch.equal(requests["teachers"].items, expected)
    assert torch.equal(requests["teachers"].lengths, lengths)
    assert not requests["teachers"].grad


def test_students_are_drawn_to_the_mean_of_their_own_neighbours() -> None:
    given, encoder = tiny_neighbours(), MeanOfItems(12)
    _, term = drive(SelfDistillation(given, num_neighbours=3), given.pool.batch(SAMPLES), encoder)
    states = encoder.encode(Request("pool", *given.pool.gather(torch.arange(6))))
    means = torch.stack([states[[2, 0, 1]].mean(0), states[[0, 5]].mean(0), states[[1, 2, 3]].mean(0)])
    torch.testing.assert_close(term, torch.nn.functional.mse_loss(states[SAMPLES], means))


def test_teachers_get_no_gradient_while_students_do() -> None:
    given = neighbours_of(torch.tensor([[2], [3]]), torch.zeros(4, 2), num_items=1000)
    batch = given.pool.batch(torch.tensor([0, 1]))
    taught = torch.unique(batch.inputs[batch.inputs > 0])
    teaching = torch.unique(given.pool.gather(torch.tensor([2, 3]))[0])
    encoder = MeanOfItems(1000)
    torch.autograd.backward(drive(SelfDistillation(given, num_neighbours=1), batch, encoder)[1])
    assert encoder.table.grad is not None
    assert not encoder.table.grad[teaching[~torch.isin(teaching, taught)]].any()
    assert bool(encoder.table.grad[taught].any(1).all())


def test_keeps_nothing_of_the_neighbours_in_its_state() -> None:
    objective = SelfDistillation(tiny_neighbours(), num_neighbours=3)
    assert not objective.state_dict()


def test_where_the_host_would_have_to_wait_shapes_do_not_depend_on_the_neighbours() -> None:
    # tensors of the device `meta` have no values: whatever asks for one raises
    given = tiny_neighbours()
    pool = given.pool
    for name in ("items", "starts", "stops", "users", "targets", "_columns"):
        setattr(pool, name, getattr(pool, name).to("meta"))
    objective = SelfDistillation(dataclasses.replace(given, ids=given.ids.to("meta"), pool=pool), num_neighbours=3)
    term = objective.term(pool.batch(torch.zeros(4, dtype=torch.int64, device="meta")))
    asked = {request.key: len(request.lengths) for request in next(term)}
    assert asked == {BATCH: 4, "teachers": 12}
    with pytest.raises(StopIteration) as stop:
        term.send(Answer({key: torch.zeros(rows, 8, device="meta") for key, rows in asked.items()}, torch.zeros(2, 8)))
    assert stop.value.value.shape == ()


def test_refuses_more_teachers_than_there_are_neighbours() -> None:
    with pytest.raises(ValueError, match=r"num_neighbours = 4 .* finds k = 3"):
        SelfDistillation(tiny_neighbours(), num_neighbours=4)
