from __future__ import annotations

import pytest
import torch

from sracl.samplers.prefix import Prefix


def test_visits_every_sample_once_and_keeps_the_last_smaller_batch() -> None:
    steps = Prefix(torch.Generator().manual_seed(0))(10, 4)
    assert [len(step) for step in steps] == [4, 4, 2]
    assert torch.cat(list(steps)).sort().values.tolist() == list(range(10))


def test_draws_a_new_order_each_epoch_and_repeats_it_from_the_same_state() -> None:
    generator = torch.Generator().manual_seed(0)
    sampler = Prefix(generator)
    state = generator.get_state()
    untouched = torch.random.get_rng_state()
    first, second = (torch.cat(list(sampler(100, 7))) for _ in range(2))
    assert not torch.equal(first, second)
    generator.set_state(state)
    assert torch.equal(torch.cat(list(sampler(100, 7))), first)
    assert torch.equal(torch.random.get_rng_state(), untouched)


def test_no_samples_are_no_steps() -> None:
    assert len(Prefix(torch.Generator())(0, 4)) == 0


def test_refuses_an_empty_batch() -> None:
    with pytest.raises(ValueError, match="batch_size 0"):
        Prefix(torch.Generator())(10, 0)
