from __future__ import annotations

import pytest
import torch

from sracl.augmenters.choice import Choice
from sracl.augmenters.crop import Crop
from sracl.augmenters.reorder import Reorder
from sracl.contracts.augmenter import AugmenterContract
from sracl.interfaces import Augmenter, SequenceSpec
from sracl.registry.catalog import catalog
from sracl.registry.parameters import bind, build, needs
from sracl.similarities.semantic import Semantic
from tests.support.augmenters import All


class TestChoice(AugmenterContract):
    def make(self, generator: torch.Generator) -> Augmenter:
        return Choice(generator, augmenters=(Crop(generator), Reorder(generator)))


def test_draws_for_each_row_and_call_alike() -> None:
    augmenters = All(1), All(2), All(3)
    choice = Choice(torch.Generator().manual_seed(0), augmenters=augmenters)
    items, lengths = torch.full((20_000, 2), 9), torch.full((20_000,), 2)
    first, second = (choice(items, lengths)[0] for _ in range(2))
    assert torch.equal(first[:, 0], first[:, 1])  # a row is the work of one augmenter
    pairs = (3 * (first[:, 0] - 1) + second[:, 0] - 1).bincount(minlength=9) / 20_000
    # One of nine pairs: standard deviation (1/9 · 8/9 / 20000)^½ = .0022; four of them.
    torch.testing.assert_close(pairs, torch.full((9,), 1 / 9), atol=0.0089, rtol=0)
    assert [augmenter.calls for augmenter in augmenters] == [2, 2, 2]


def test_length_and_items_are_of_one_augmenter() -> None:
    generator = torch.Generator().manual_seed(0)
    choice = Choice(generator, augmenters=(Crop(generator, keep=0.2), All(7)))
    view, lengths = choice(torch.arange(1, 6).expand(50, -1), torch.full((50,), 5))
    assert set(lengths.tolist()) == {1, 5}
    assert torch.equal((view > 0).sum(1), lengths)
    assert torch.equal((view == 7).all(1), lengths == 5)


def test_nothing_to_choose_from_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Choice(torch.Generator(), augmenters=())


INSERT = {"use": "insert", "similarity": "semantic"}
NESTED = {
    "use": "by_length",
    "short": {"use": "choice", "augmenters": [{"use": "substitute", "similarity": "semantic"}, INSERT, {"use": "mask", "ratio": 0.7}]},
    "long": {"use": "choice", "augmenters": [INSERT, {"use": "crop", "keep": 0.2}]},
}


def test_lists_within_tables_are_bound_and_built_each_with_a_generator_of_its_own() -> None:
    bound, problems = bind(catalog(), "augmenter", NESTED, "views")
    assert problems == []
    assert needs(catalog(), "augmenter", bound) == {"generator", "item_neighbours", "mask_item", "spec"}
    drawn: list[str] = []

    def given(name: str, path: str) -> object:
        if name == "generator":
            drawn.append(path)
            return torch.Generator()
        return {"mask_item": 41, "spec": SequenceSpec(40, 8, has_mask=True), "item_neighbours": torch.zeros(41, 2, dtype=torch.int64)}[name]

    made = build(catalog(), "augmenter", bound, given, "views")
    assert (made.threshold, len(made.short.augmenters), made.short.augmenters[2].mask_item) == (4, 3, 41)
    assert isinstance(made.short.augmenters[0].similarity, Semantic)
    assert drawn == [
        *(f"views.short.augmenters.{number}" for number in range(3)),
        "views.short",
        *(f"views.long.augmenters.{number}" for number in range(2)),
        "views.long",
    ]


def test_what_is_wrong_within_a_list_is_said_with_its_place() -> None:
    broken = {
        "use": "by_length",
        "long": {"use": "choice", "augmenters": [INSERT, {"use": "crop", "ratio": 0.2}, {"use": "mask", "ratio": 3}, "insert"]},
    }
    assert bind(catalog(), "augmenter", broken, "views")[1] == [
        ("views.long.augmenters.1.ratio", "Crop takes no such parameter. It takes: keep."),
        ("views.long.augmenters.2.ratio", "Should be a number in (0, 1], got 3."),
        ("views.long.augmenters.3.similarity", "Insert needs a similarity here."),
    ]
