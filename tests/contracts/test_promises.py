from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sracl.contracts.promises import (
    Broken,
    Outcome,
    difference,
    does_not_apply,
    expect,
    expect_close,
    expect_same,
    expect_shape,
    outcomes,
    refusal,
)

HERE = Path(__file__)


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        (torch.tensor([1.0, 2.5]), torch.tensor([1.0, 2.0]), "1 of 2 differ, the most, at [1]: 2.5 beside 2"),
        (torch.tensor(3.0), torch.tensor(1.0), "1 of 1 differ, the most: 3 beside 1"),
        (torch.zeros(2, 3), torch.zeros(2, 4), "shape [2, 3] beside [2, 4]"),
        (torch.zeros(2), torch.zeros(2, dtype=torch.int64), "float32 beside int64"),
        (torch.tensor([float("nan"), 1.0]), torch.ones(2), "1 of 2 numbers that are not finite"),
        (torch.tensor([True, False]), torch.tensor([True, True]), "1 of 2 differ, the most, at [1]: 0 beside 1"),
        (None, torch.ones(2), "None"),
        (np.ones((2, 3), np.float64), torch.ones(2, 3), "float64 [2, 3]"),
    ],
    ids=str,
)
def test_what_differs_is_told_in_words(found: object, wanted: torch.Tensor, words: str) -> None:
    assert difference(found, wanted) == words


def test_what_is_expected_and_what_came_are_told_apart() -> None:
    with pytest.raises(Broken) as broken:
        expect_shape(torch.zeros(2), (2, 3), "states")
    assert (broken.value.expected, broken.value.came) == ("states of shape [2, 3]", "[2]")
    with pytest.raises(AssertionError, match="expected one; came two"):  # as pytest shows it
        expect(torch.tensor(False), "one", "two")
    expect_close(torch.tensor(1.0), torch.tensor(1.0 + 1e-7), "the same")
    with pytest.raises(Broken):
        expect_same(torch.tensor(1.0), torch.tensor(1.0 + 2e-7), "the same, bit for bit")


def test_a_refusal_is_of_a_kind_and_in_words() -> None:
    with refusal(ValueError, r"k = 3", "a ValueError"):
        raise ValueError("k = 3 is too much")
    for raised, came in ((ValueError("no"), 'ValueError that says "no"'), (KeyError("k = 3"), "KeyError: 'k = 3'")):
        with pytest.raises(Broken) as broken, refusal(ValueError, r"k = 3", "a ValueError"):
            raise raised
        assert broken.value.came == came
    with pytest.raises(Broken, match="came no error"), refusal(ValueError, "", "a ValueError"):
        pass


class Suite:
    def test_is_kept(self) -> None:
        """Is kept."""

    def test_has_no_docstring(self) -> None:
        expect(False, "more", "less")


class Narrower(Suite):
    def test_is_kept(self) -> None:
        does_not_apply("it is another")

    def test_raises(self) -> None:
        """Raises.

        Further words are not told.
        """
        raise RuntimeError

    def helper(self) -> None:
        raise AssertionError


def test_promises_are_tried_in_their_order_and_by_what_overrides_them() -> None:
    first, second, third = outcomes(Narrower, HERE)
    assert first == Outcome("Is kept", None, came="it is another")
    assert second == Outcome("has no docstring", False, expected="more", came="less")
    assert (third.promise, third.holds, third.came) == ("Raises", False, "RuntimeError")
    line = HERE.read_text("utf-8").splitlines().index("        raise RuntimeError") + 1
    assert third.where == f"{HERE}:{line}"
