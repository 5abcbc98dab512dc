from __future__ import annotations

import pytest
import torch

from sracl.errors import PluginError
from sracl.objectives.projection import Projection


def test_begins_like_the_layers_of_the_backbone() -> None:
    torch.manual_seed(0)
    projection = Projection(200)
    assert not projection.bias.any()
    # 40,000 draws: the standard deviation of their standard deviation is .02 / (2 · 40000)^½ = .00007
    assert projection.weight.std().item() == pytest.approx(0.02, abs=0.0003)
    assert projection(torch.ones(3, 5, 200)).shape == (3, 5, 200)


def test_states_of_another_width_are_told() -> None:
    with pytest.raises(PluginError, match=r"hidden_size = 64.*32 wide; set its hidden_size to 32 too"):
        Projection(64)(torch.zeros(2, 32))
