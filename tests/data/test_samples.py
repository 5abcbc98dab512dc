"""Rows gathered on the device against rows cut in Python."""

from __future__ import annotations

import numpy as np
import torch

from sracl.data.interactions import Interactions
from sracl.data.samples import SameTarget, SequenceTable
from sracl.data.splits import all_prefixes, at_each_position, evaluation_prefixes, histories, training_prefixes, user_prefixes


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


def test_rows_of_one_content_have_one_number(toy: Interactions) -> None:
    # samples: user 1's 4; user 2's 2, 2 7, 2 7 2, of which at most two items are read: 7 2
    contents = SequenceTable.of(toy, training_prefixes(toy, 2), 2).contents()
    assert len(contents.unique()) == 4
    items, stops = torch.tensor([5, 2, 7, 2, 7, 7, 2]), torch.tensor([3, 5, 7, 6])
    table = SequenceTable(items, torch.tensor([1, 3, 5, 5]), stops, max_length=4, users=torch.arange(4), targets=stops)
    first, second, third, fourth = table.contents().tolist()  # 2 7, 2 7, 7 2, 7
    assert first == second
    assert len({first, third, fourth}) == 3


def test_contents_agree_with_python(real_or_demo: Interactions) -> None:
    table = SequenceTable.of(real_or_demo, training_prefixes(real_or_demo, 3), 3)
    items, _ = table.gather(torch.arange(len(table)))
    numbers: dict[tuple[int, ...], int] = {}
    expected = [numbers.setdefault(tuple(row), len(numbers)) for row in items.tolist()]
    pairs = set(zip(expected, table.contents().tolist(), strict=True))
    assert len(pairs) == len(numbers) == len({own for _, own in pairs})


def test_each_position_has_what_follows_it(toy: Interactions) -> None:
    # users 1 and 2 read 4 and 2 7 2, which is followed by 3; at most two items are read of the latter
    whole = SequenceTable.of(toy, at_each_position(user_prefixes(toy, 4)), 4)
    assert whole.each_position
    batch = whole.batch(torch.tensor([1, 0]))
    assert batch.inputs.tolist() == [[0, 2, 7, 2], [0, 0, 0, 4]]
    assert batch.targets.tolist() == [[0, 7, 2, 3], [0, 0, 0, 5]]
    cut = SequenceTable.of(toy, at_each_position(user_prefixes(toy, 2)), 2).batch(torch.tensor([1]))
    assert (cut.inputs.tolist(), cut.targets.tolist()) == ([[7, 2]], [[2, 3]])
    assert not SequenceTable.of(toy, user_prefixes(toy, 4), 4).each_position


def test_each_position_agrees_with_the_prefixes(real_or_demo: Interactions) -> None:
    every = training_prefixes(real_or_demo, 10**6)
    longest = int(every.visible.max())
    table = SequenceTable.of(real_or_demo, at_each_position(user_prefixes(real_or_demo, longest)), longest)
    targets = torch.cat([table.batch(rows).targets for rows in torch.arange(len(table)).split(500)])
    assert torch.equal(targets[targets > 0], torch.from_numpy(every.targets))


def test_histories_without_targets_make_batches(toy: Interactions) -> None:
    batch = SequenceTable.of(toy, histories(toy, 3), 3).batch(torch.arange(3))
    assert batch.inputs.tolist() == [[0, 0, 1], [0, 4, 5], [7, 2, 3]]
    assert batch.targets.tolist() == [0, 0, 0]


def test_a_table_knows_whether_its_rows_have_targets(toy: Interactions) -> None:
    rows = {training_prefixes: True, histories: False}
    assert {make: SequenceTable.of(toy, make(toy, 3), 3).has_targets for make in rows} == rows


def test_a_sample_draws_the_others_of_its_target_alike() -> None:
    same = SameTarget(torch.tensor([5, 7, 5, 9, 5, 7, 5]))
    draws = same.draw(torch.tensor([2, 1, 3]).repeat_interleave(30_000), torch.Generator().manual_seed(0)).view(3, -1)
    counts = draws[0].bincount(minlength=7).tolist()
    assert [counts[sample] for sample in (1, 2, 3, 5)] == [0, 0, 0, 0]
    # three others, a third each: standard deviation (30000 · 1/3 · 2/3)^½ = 82
    assert all(abs(counts[sample] - 10_000) < 4 * 82 for sample in (0, 4, 6))
    assert draws[1].unique().tolist() == [5]  # the only other
    assert draws[2].unique().tolist() == [3]  # itself, for want of another


def test_samples_of_one_content_are_never_drawn_for_one_another() -> None:
    # target 5: contents 8, 8, 2, 8, 4; target 7: contents 8 and 8 again; target 9: one sample
    targets, contents = torch.tensor([5, 7, 5, 5, 9, 5, 7, 5]), torch.tensor([8, 8, 8, 2, 2, 8, 8, 4])
    same = SameTarget(targets, contents)
    draws = same.draw(torch.arange(8).repeat_interleave(30_000), torch.Generator().manual_seed(0)).view(8, -1)
    counts = torch.stack([row.bincount(minlength=8) for row in draws])
    expected: dict[int, dict[int, float]] = {
        0: {3: 1 / 2, 7: 1 / 2},  # of content 8: one of content 2, one of content 4
        3: {0: 1 / 4, 2: 1 / 4, 5: 1 / 4, 7: 1 / 4},  # all others of the target
        7: {0: 1 / 4, 2: 1 / 4, 3: 1 / 4, 5: 1 / 4},
        1: {1: 1},  # the only other is of its content: itself, for want of another
        6: {6: 1},
        4: {4: 1},
    }
    expected |= {2: expected[0], 5: expected[0]}
    for sample, shares in expected.items():
        for other in range(8):
            share = shares.get(other, 0)
            # standard deviation (30000 p (1 - p))^½, at most 87; four of them
            assert abs(counts[sample, other].item() - 30_000 * share) <= 4 * (30_000 * share * (1 - share)) ** 0.5


def test_contents_that_all_differ_change_no_draw() -> None:
    targets, samples = torch.arange(60) % 7, torch.arange(60)
    plain, told = SameTarget(targets), SameTarget(targets, torch.arange(60))
    assert torch.equal(*(index.draw(samples, torch.Generator().manual_seed(3)) for index in (plain, told)))


def test_an_index_of_no_samples_is_empty() -> None:
    nothing = torch.empty(0, dtype=torch.int64)
    assert SameTarget(nothing, nothing).draw(nothing, torch.Generator()).shape == (0,)


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
