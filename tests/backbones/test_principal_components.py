"""Principal components against values by hand and what defines them."""

from __future__ import annotations

import torch

from sracl.backbones.principal_components import principal_components


def test_by_hand() -> None:
    # Mean (1, 1); less it, (2, 0), (-2, 0), (0, 1), (0, -1), whose scatter is diag(8, 2): the axes are the components already.
    # Both signs are fixed, so that the mirror image has the same directions and the mirrored coordinates.
    vectors = torch.tensor([[3.0, 1.0], [-1.0, 1.0], [1.0, 2.0], [1.0, 0.0]])
    expected = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    torch.testing.assert_close(principal_components(vectors, 5), expected)
    torch.testing.assert_close(principal_components(vectors, 1), expected[:, :1])
    torch.testing.assert_close(principal_components(-vectors, 2), -expected)
    torch.testing.assert_close(principal_components(vectors.flip(1), 2), expected)


def test_coordinates_are_centred_uncorrelated_and_of_falling_variance() -> None:
    vectors = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)) @ torch.randn(6, 9, generator=torch.Generator().manual_seed(1))
    components = principal_components(vectors, 4)
    assert components.shape == (40, 4)
    torch.testing.assert_close(components.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    scatter = components.T @ components
    torch.testing.assert_close(scatter, scatter.diag().diag(), atol=1e-3, rtol=0)
    assert (scatter.diag().diff() < 0).all()
    # the most that four directions can have: the four largest squared singular values
    singular = torch.linalg.svdvals(vectors - vectors.mean(0))
    torch.testing.assert_close(scatter.diag(), singular[:4].square(), atol=1e-3, rtol=1e-5)


def test_directions_without_variance_are_left_out() -> None:
    line = torch.randn(20, 1, generator=torch.Generator().manual_seed(0)) * torch.tensor([[1.0, -2.0, 0.5]]) + 3
    assert principal_components(line, 3).shape == (20, 1)
    assert principal_components(torch.ones(5, 3), 3).shape == (5, 0)
    assert principal_components(torch.ones(1, 3), 3).shape == (1, 0)
    assert principal_components(torch.ones(0, 3), 3).shape == (0, 0)


def test_nothing_is_drawn() -> None:
    vectors = torch.randn(30, 8, generator=torch.Generator().manual_seed(0))
    state = torch.random.get_rng_state()
    assert torch.equal(principal_components(vectors, 8), principal_components(vectors, 8))
    assert torch.equal(torch.random.get_rng_state(), state)
