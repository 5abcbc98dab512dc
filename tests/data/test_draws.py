from __future__ import annotations

import torch

from sracl.data.draws import below


def test_every_number_below_its_limit_is_equally_likely() -> None:
    drawn = below(torch.tensor([[1], [3]]).expand(-1, 30_000), torch.Generator().manual_seed(0))
    assert not drawn[0].any()
    # each is expected 10,000 times, with a standard deviation of (30,000 · 1/3 · 2/3)^½ = 82
    assert bool(((drawn[1].bincount(minlength=3) - 10_000).abs() < 5 * 82).all())
    assert int(drawn.max()) == 2


def test_draws_from_its_own_generator_alone() -> None:
    state, limits = torch.random.get_rng_state(), torch.full((50,), 10**6)
    once, again = (below(limits, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(once, again)
    assert torch.equal(torch.random.get_rng_state(), state)
