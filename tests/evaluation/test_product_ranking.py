"""Ranks counted part by part are those counted from whole rows, ties and added scores included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sracl.backbones.base import Backbone
from sracl.data.samples import SequenceTable
from sracl.errors import SraclError
from sracl.evaluation import product_ranking
from sracl.evaluation.product_ranking import serves
from sracl.evaluation.ranking import rank, ranked, score
from sracl.history_biases.repeat import Repeat
from sracl.interfaces import SequenceSpec

CPU = torch.device("cpu")
GENERATOR = torch.Generator()


class Whole(Backbone):
    """Vectors of small whole numbers, whose products are exact in every order, with many equal ones among them."""

    def __init__(self, num_items: int, users: int) -> None:
        super().__init__(SequenceSpec(num_items, 4))
        self.item_embedding = nn.Embedding.from_pretrained(whole(num_items + 1, 3))
        self.last_item = nn.Embedding.from_pretrained(whole(num_items + 1, 3))

    def encode(self, items: Tensor, lengths: Tensor, **_: object) -> Tensor:
        assert (items[:, -1] > 0).all()
        last: Tensor = self.last_item(items[:, -1])
        return last + lengths[:, None]


def whole(*shape: int) -> Tensor:
    return torch.randint(-2, 3, shape, generator=GENERATOR).float()


def histories(users: int, num_items: int) -> SequenceTable:
    """Of one to four items each."""
    items = torch.randint(1, num_items + 1, (users + 4,), generator=GENERATOR)
    stops = torch.arange(4, users + 4)
    starts = stops - torch.randint(1, 5, (users,), generator=GENERATOR)
    targets = torch.randint(1, num_items + 1, (users,), generator=GENERATOR)
    targets[: min(users, 4)] = torch.tensor([1, num_items, num_items, 1])[: min(users, 4)]
    return SequenceTable(items, starts, stops, max_length=4, users=torch.arange(users), targets=targets)


def distinct(items: Tensor) -> Tensor:
    """Items of each row, each once."""
    ordered = items.sort(dim=1).values
    return ordered.masked_fill(nn.functional.pad(ordered[:, 1:] == ordered[:, :-1], (1, 0)), 0)


@pytest.mark.parametrize("num_items", [1, 7, 511, 512, 513, 1025])
@pytest.mark.parametrize(("users", "batch_size"), [(1, 256), (30, 1), (300, 37), (2049, 4096)])
@pytest.mark.parametrize("repeats", [None, -3.0, 2.0])
def test_agrees_with_whole_rows(num_items: int, users: int, batch_size: int, repeats: float | None) -> None:
    GENERATOR.manual_seed(0)
    model, table = Whole(num_items, users).train(), histories(users, num_items)
    if repeats is not None:
        model.history_bias = Repeat(model.spec)
        nn.init.constant_(model.history_bias.weight, repeats / Repeat.SPEED)
    block = table.batch(torch.arange(users))
    seen = distinct(block.inputs)
    with torch.no_grad():
        expected, _ = ranked(score(model, model.encode(block.inputs, block.lengths), block.inputs), table.targets, seen)
    assert serves(model, CPU)
    found = rank(model, table, seen, batch_size=batch_size)
    assert torch.equal(found.keep, expected.keep)
    assert torch.equal(found.exclude, expected.exclude)
    assert model.training


def test_spans_are_put_together_in_the_order_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    GENERATOR.manual_seed(1)
    model, table = Whole(40, 100), histories(100, 40)
    seen = distinct(table.gather(torch.arange(100))[0])
    expected = rank(model, table, seen)
    monkeypatch.setattr(product_ranking, "_SPAN", 33)
    monkeypatch.setattr(product_ranking, "_USERS", 20)
    found = rank(model, table, seen)
    assert torch.equal(found.keep, expected.keep)
    assert torch.equal(found.exclude, expected.exclude)


def test_short_histories_are_encoded_together_up_to_as_many_items_as_the_longest_have() -> None:
    encoded: list[tuple[int, int]] = []

    class Counting(Whole):
        def encode(self, items: Tensor, lengths: Tensor, **kwargs: object) -> Tensor:
            encoded.append((int(lengths.min()), int(lengths.sum())))
            return super().encode(items, lengths, **kwargs)

    GENERATOR.manual_seed(2)
    table = histories(1000, 20)
    rank(Counting(20, 1000), table, torch.zeros(1000, 1, dtype=torch.int64), batch_size=25)
    assert sum(items for _, items in encoded) == int((table.stops - table.starts).sum())
    assert all(items <= 25 * 4 + 3 for _, items in encoded)  # a history belongs to the piece that its last item is in
    assert [shortest for shortest, _ in encoded] == sorted(shortest for shortest, _ in encoded)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", ["item", "state"])
def test_refuses_scores_that_are_no_numbers(value: float, place: str) -> None:
    GENERATOR.manual_seed(3)
    model, table = Whole(600, 50).train(), histories(50, 600)
    embedding = model.item_embedding if place == "item" else model.last_item
    row = 599 if place == "item" else int(table.items[table.stops[-1] - 1])
    embedding.weight[row] = torch.tensor([value, -value, 0.0])
    with pytest.raises(SraclError, match="contain NaN"):
        rank(model, table, torch.zeros(50, 1, dtype=torch.int64))
    assert model.training


@pytest.mark.parametrize("value", [float("-inf"), float("inf")])
def test_infinite_scores_are_ranked_as_others(value: float) -> None:
    class Ones(Whole):
        def encode(self, items: Tensor, lengths: Tensor, **_: object) -> Tensor:
            return torch.ones(len(items), 3)

    GENERATOR.manual_seed(4)
    model, table = Ones(600, 50), histories(50, 600)
    model.item_embedding.weight.fill_(1.0)
    model.item_embedding.weight[[5, 300, 550]] = value
    table.targets[:5] = torch.tensor([5, 300, 550, 301, 299])
    found = rank(model, table, torch.zeros(50, 1, dtype=torch.int64))
    assert found.keep[:5].tolist() == ([1, 2, 3, 302, 301] if value > 0 else [598, 599, 600, 299, 298])


def test_serves_no_scores_of_a_backbones_own() -> None:
    class Own(Whole):
        def score(self, states: Tensor, users: Tensor | None = None, candidates: Tensor | None = None) -> Tensor:
            return -super().score(states, users, candidates)

    assert not serves(Own(5, 1), CPU)
    assert not serves(Whole(5, 1), torch.device("cuda"))
