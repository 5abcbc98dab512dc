"""Rows gathered on the device against rows cut in Python."""

from __future__ import annotations

import numpy as np
import torch

from sracl.data.interactions import Interactions
from sracl.data.samples import SameTarget, SequenceTable
from sracl.data.splits import all_prefixes, evaluation_prefixes, training_prefixes


def test_rows_by_hand_with_repeated_items(toy: Interactions) -> None:
    table = SequenceTable.of(toy, training_prefixes(toy, 3), 3)
    items, lengths = table.gather(torch.tensor([3, 0, 3]))
    # Sample 3 is user 2's 2, 7, 2; sample 0 user 1's 4
    assert items.tolist() == [[2, 7, 2], [0, 0, 4], [2, 7, 2]]
    assert lengths.tolist() == [3, 1, 3]
    assert items.dtype == lengths.dtype == torch.int64


def test_a_batch_knows_users_and_targets(toy: Interactions) -> None:
    table = SequenceTable.of(toy, training_prefixes(toy, 3), 3)
    batch = table.batch(torch.tensor([2, 0]))
    assert batch.samples.tolist() == [2, 0]
    assert batch.users.tolist() == [2, 1]
    assert batch.targets.tolist() == [2, 5]
    assert batch.inputs.tolist() == [[0, 2, 7], [0, 0, 4]]


def test_rows_agree_with_python(real_or_demo: Interactions) -> None:
    max_length = 7
    picks = np.random.default_rng(0)
    for prefixes in (
        training_prefixes(real_or_demo, max_length),
        all_prefixes(real_or_demo, max_length),
        evaluation_prefixes(real_or_demo, "test", max_length),
    ):
        table = SequenceTable.of(real_or_demo, prefixes, max_length)
        rows = np.concatenate([[0, len(table) - 1], picks.integers(len(table), size=300)])
        items, lengths = table.gather(torch.from_numpy(rows))
        for row, got, length in zip(rows, items.tolist(), lengths.tolist(), strict=True):
            user, visible = prefixes.users[row], prefixes.visible[row]
            read = real_or_demo.sequence(user)[:visible][-max_length:].tolist()
            assert got == [0] * (max_length - len(read)) + read
            assert length == len(read)
            assert table.targets[row] == real_or_demo.sequence(user)[visible]


def test_a_narrower_table_keeps_the_latest_items(toy: Interactions) -> None:
    prefixes = evaluation_prefixes(toy, "test", 20)
    items, lengths = SequenceTable.of(toy, prefixes, 2).gather(torch.tensor([0, 1, 2]))
    assert items.tolist() == [[1, 2], [5, 6], [3, 7]]
    assert lengths.tolist() == [2, 2, 2]


def test_nothing_is_gathered_from_no_rows(toy: Interactions) -> None:
    table = SequenceTable.of(toy, training_prefixes(toy, 3), 3)
    items, lengths = table.gather(torch.empty(0, dtype=torch.int64))
    assert items.shape == (0, 3)
    assert lengths.shape == (0,)


def test_a_sample_draws_the_others_of_its_target_alike() -> None:
    same = SameTarget(torch.tensor([5, 7, 5, 9, 5, 7, 5]))
    draws = same.draw(torch.tensor([2, 1, 3]).repeat_interleave(30_000), torch.Generator().manual_seed(0)).view(3, -1)
    counts = draws[0].bincount(minlength=7).tolist()
    assert [counts[sample] for sample in (1, 2, 3, 5)] == [0, 0, 0, 0]
    # three others, a third each: standard deviation (30000 · 1/3 · 2/3)^½ = 82
    assert all(abs(counts[sample] - 10_000) < 4 * 82 for sample in (0, 4, 6))
    assert draws[1].unique().tolist() == [5]  # the only other
    assert draws[2].unique().tolist() == [3]  # itself, for want of another


def test_a_draw_repeats_itself_under_one_seed() -> None:
    same, samples = SameTarget(torch.arange(60) % 3), torch.arange(60)
    first, again, other = (same.draw(samples, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_training_sample_can_be_drawn_and_nothing_else(real_or_demo: Interactions) -> None:
    targets = torch.from_numpy(training_prefixes(real_or_demo, 7).targets)
    same, samples, generator = SameTarget(targets), torch.arange(len(targets)), torch.Generator().manual_seed(0)
    drawn = same.draw(samples, generator)
    assert torch.equal(targets[drawn], targets)
    alone = targets.bincount()[targets] == 1
    assert torch.equal(drawn == samples, alone)
    assert torch.equal(same._order.sort().values, samples)  # the index holds every sample once
