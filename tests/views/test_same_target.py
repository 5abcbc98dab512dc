from __future__ import annotations

from typing import Any, Literal

import pytest
import torch

from sracl.contracts.view import ViewContract, samples_of
from sracl.data import samples as table
from sracl.data.samples import SequenceTable
from sracl.interfaces import BATCH, ViewPair
from sracl.views.same_target import SameTarget

ROWS = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10], [2, 11], [12, 1, 5]]
TARGETS = [3, 3, 5, 3, 5, 9]
SAMPLES = torch.tensor([2, 0, 5, 1])

Positive = Literal["same_target", "itself"]


def six(targets: list[int] = TARGETS) -> SequenceTable:
    """Six samples: three followed by item 3, two by 5, one by 9."""
    return samples_of(ROWS, targets, max_length=5)


def views_of(samples: SequenceTable, **parameters: Any) -> SameTarget:
    return SameTarget(samples, torch.Generator().manual_seed(4), **parameters)


@pytest.mark.parametrize("share_anchor", [False, True])
@pytest.mark.parametrize("others", ["samples", "contents"])
class TestSameTarget(ViewContract):
    @pytest.fixture(autouse=True)
    def parameters(self, share_anchor: bool, others: Literal["samples", "contents"]) -> None:
        self.share_anchor = share_anchor
        self.others = others

    def make(self, samples: SequenceTable, generator: torch.Generator) -> ViewPair:
        return SameTarget(samples, generator, others=self.others, share_anchor=self.share_anchor)


@pytest.mark.parametrize("share_anchor", [False, True])
class TestItself(ViewContract):
    has_draws = False  # dropout alone makes the difference

    @pytest.fixture(autouse=True)
    def parameters(self, share_anchor: bool) -> None:
        self.share_anchor = share_anchor

    def make(self, samples: SequenceTable, generator: torch.Generator) -> ViewPair:
        return SameTarget(samples, generator, positive="itself", share_anchor=self.share_anchor)


def test_the_partner_is_another_sample_with_the_same_target() -> None:
    samples = six()
    batch = samples.batch(SAMPLES)
    first, second = views_of(samples)(batch)
    assert first.items is batch.inputs
    drawn = table.SameTarget(samples.targets).draw(SAMPLES, torch.Generator().manual_seed(4))
    assert [TARGETS[sample] for sample in drawn.tolist()] == [5, 3, 9, 3]
    assert ((drawn == SAMPLES) == torch.tensor([False, False, True, False])).all()  # sample 5 alone has target 9
    assert torch.equal(second.items, samples.gather(drawn)[0])
    assert torch.equal(second.lengths, samples.gather(drawn)[1])


def test_partners_are_drawn_anew_at_each_step() -> None:
    samples = six([3] * 6)
    views, batch = views_of(samples), samples.batch(torch.arange(6))
    once, again = (views(batch)[1].items for _ in range(2))
    assert not torch.equal(once, again)


@pytest.mark.parametrize(
    ("positive", "share_anchor", "keys"),
    [
        ("same_target", False, ["first", "second"]),  # us_x: the pass that predicts takes no part
        ("same_target", True, [BATCH, "second"]),  # su
        ("itself", True, [BATCH, "second"]),  # un
        ("itself", False, ["first", "second"]),
    ],
)
def test_passes_that_are_asked_for(positive: Positive, share_anchor: bool, keys: list[str]) -> None:
    samples = six()
    batch = samples.batch(SAMPLES)
    asked = views_of(samples, positive=positive, share_anchor=share_anchor)(batch)
    assert [request.key for request in asked] == keys
    assert (asked[1].items is batch.inputs) == (positive == "itself")


def test_partners_of_other_contents_hold_other_items() -> None:
    # 1 2 three times and 3 4 twice before item 9: a partner of 1 2 is 3 4, and the other way round; 5 6 before 8 has none
    samples = samples_of([[1, 2], [1, 2], [3, 4], [1, 2], [3, 4], [5, 6]], [9, 9, 9, 9, 9, 8], max_length=3)
    everything = samples.batch(torch.arange(6))
    views = views_of(samples, others="contents")
    for _ in range(20):
        partners = views(everything)[1].items
        assert partners.tolist() == [[0, 3, 4], [0, 3, 4], [0, 1, 2], [0, 3, 4], [0, 1, 2], [0, 5, 6]]
    of_samples = views_of(samples)(everything)[1].items
    assert bool((of_samples == everything.inputs).all(dim=1)[:5].any())  # of `samples`, another of the same items may be drawn


def test_what_is_drawn_from_cannot_be_chosen_where_nothing_is() -> None:
    with pytest.raises(ValueError, match='others = "contents" chooses what is drawn'):
        views_of(six(), positive="itself", others="contents")
    assert views_of(six(), positive="itself").index is None  # nor is anything sorted for it


def test_a_draw_makes_no_host_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    # Tensors of the device `meta` have no values: whatever asks for one raises. Its draws take no generator.
    draw: Any = torch.randint
    monkeypatch.setattr(torch, "randint", lambda *args, generator=None, **kwargs: draw(*args, **kwargs))
    ids = torch.zeros(40, dtype=torch.int64, device="meta")
    samples = SequenceTable(torch.zeros(90, dtype=torch.int64, device="meta"), ids, ids, max_length=5, users=ids, targets=ids)
    asked = views_of(samples)(samples.batch(ids[:8]))
    assert [tuple(request.items.shape) for request in asked] == [(8, 5), (8, 5)]
