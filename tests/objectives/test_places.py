from __future__ import annotations

import torch

from sracl.objectives.places import weighted


def test_on_a_cpu_only_places_with_a_weight_are_computed() -> None:
    assert weighted(torch.tensor([[0.0, 0.2], [1.0, 0.0]])).tolist() == [1, 2]
    assert weighted(torch.zeros(2, 2)).tolist() == []


def test_elsewhere_nothing_is_waited_for() -> None:
    assert weighted(torch.zeros(2, 3, device="meta")).shape == (6,)
