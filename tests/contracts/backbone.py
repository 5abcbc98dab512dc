"""What every backbone keeps to. A third party's runs it too: subclass, and supply `make`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from sracl.interfaces import SequenceSpec

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.backbones.base import Backbone
    from sracl.interfaces import MaskMode

NUM_ITEMS, LENGTH = 30, 7


def sequences(lengths: list[int], *, length: int = LENGTH, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random left-padded ids, int64 [N, length], and their lengths."""
    generator = torch.Generator().manual_seed(seed)
    items = torch.randint(1, NUM_ITEMS + 1, (len(lengths), length), generator=generator)
    count = torch.tensor(lengths)
    return items.masked_fill(torch.arange(length) < length - count[:, None], 0), count


class BackboneContract:
    """Shapes, padding, order of rows, gradients; causality for those that are causal."""

    causal = True
    """Whether it keeps a causal mask, so that no state comes from what is later. One that cannot must raise ValueError where all
    states are wanted under one; the last state alone may look at the whole row, and is wanted under either mask."""

    def make(self, spec: SequenceSpec) -> Backbone:
        """A backbone with dropout, in training mode."""
        raise NotImplementedError("give the backbone under test, made of a specification")

    def rename(self, backbone: Backbone, renaming: Tensor) -> None:
        """Give the item `renaming[i]`, int64 [V + 1], what item i has. Override where that is more than its row of the embedding."""
        weight = backbone.item_embedding.weight
        weight[renaming] = weight[: NUM_ITEMS + 1].clone()

    @pytest.fixture
    def backbone(self) -> Backbone:
        torch.manual_seed(0)
        return self.make(SequenceSpec(NUM_ITEMS, LENGTH)).eval()

    def test_last_and_all_agree_and_padding_is_zero(self, backbone: Backbone) -> None:
        items, lengths = sequences([1, 3, 7, 4, 2, 7, 5])
        mask: MaskMode = "causal" if self.causal else "bidirectional"
        every = backbone.encode(items, lengths, mask=mask, want="all")
        last = backbone.encode(items, lengths, mask=mask, want="last")
        assert every.shape == (7, LENGTH, last.shape[1])
        torch.testing.assert_close(every[:, -1], last, atol=1e-5, rtol=0)
        assert (every[items == 0] == 0).all()
        assert torch.isfinite(every).all()

    def test_item_table_has_a_zero_row_for_padding_and_one_per_item(self, backbone: Backbone) -> None:
        table = backbone.item_table()
        assert len(table) == NUM_ITEMS + 1
        assert (table[0] == 0).all()

    def test_scores_every_item_but_padding(self, backbone: Backbone) -> None:
        items, lengths = sequences([2, 6])
        states = backbone.encode(*backbone.prepare(items, lengths))
        scores = backbone.score(states)
        assert scores.shape == (2, NUM_ITEMS)
        candidates = torch.tensor([5, 1])
        torch.testing.assert_close(backbone.score(states, candidates=candidates), scores[:, candidates - 1])
        of_each_row = torch.tensor([[5, 1, 5], [NUM_ITEMS, 2, 7]])
        torch.testing.assert_close(backbone.score(states, candidates=of_each_row), scores.gather(1, of_each_row - 1))

    def test_trimming_padding_changes_nothing(self, backbone: Backbone) -> None:
        items, lengths = sequences([1, 3, 4])
        torch.testing.assert_close(backbone.encode(items[:, -4:], lengths), backbone.encode(items, lengths), atol=1e-5, rtol=0)

    def test_rows_do_not_see_one_another(self, backbone: Backbone) -> None:
        items, lengths = sequences([4, 1, 7, 2])
        together = backbone.encode(items, lengths)
        alone = torch.cat([backbone.encode(items[row : row + 1], lengths[row : row + 1]) for row in range(4)])
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)

    def test_the_future_is_not_seen(self, backbone: Backbone) -> None:
        if not self.causal:
            pytest.skip("reads in both directions")
        items, lengths = sequences([7, 5])
        changed = items.clone()
        changed[:, -1] = items[:, -1] % NUM_ITEMS + 1
        before, after = (backbone.encode(version, lengths, want="all") for version in (items, changed))
        assert torch.equal(before[:, :-1], after[:, :-1])  # bit for bit
        assert not torch.equal(before[:, -1], after[:, -1])

    def test_order_matters(self, backbone: Backbone) -> None:
        items, lengths = sequences([7])
        swapped = items[:, [1, 0, *range(2, LENGTH)]]
        assert not torch.allclose(backbone.encode(items, lengths), backbone.encode(swapped, lengths))

    def test_renaming_items_renames_scores_only(self, backbone: Backbone) -> None:
        items, lengths = sequences([3, 7, 1])
        renaming = torch.cat([torch.zeros(1, dtype=torch.int64), 1 + torch.randperm(NUM_ITEMS, generator=torch.Generator().manual_seed(3))])
        before = backbone.score(backbone.encode(items, lengths))
        with torch.no_grad():
            self.rename(backbone, renaming)
        after = backbone.score(backbone.encode(renaming[items], lengths))
        torch.testing.assert_close(after[:, renaming[1:] - 1], before, atol=1e-5, rtol=0)

    def test_gradients_reach_every_parameter(self) -> None:
        torch.manual_seed(0)
        backbone = self.make(SequenceSpec(NUM_ITEMS, LENGTH)).eval()
        items, lengths = sequences([7, 6, 3, 1])
        scores = backbone.score(backbone.encode(items, lengths))
        torch.nn.functional.cross_entropy(scores, torch.tensor([1, 2, 3, 4])).backward()
        without = [name for name, parameter in backbone.named_parameters() if parameter.grad is None]
        assert without == []

    def test_dropout_is_drawn_anew_in_training_and_absent_elsewhere(self, backbone: Backbone) -> None:
        items, lengths = sequences([7, 4])
        assert torch.equal(backbone.encode(items, lengths), backbone.encode(items, lengths))
        backbone.train()
        assert not torch.equal(backbone.encode(items, lengths), backbone.encode(items, lengths))

    def test_all_states_under_a_causal_mask_are_causal_or_refused(self, backbone: Backbone) -> None:
        if self.causal:
            pytest.skip("keeps the causal mask")
        with pytest.raises(ValueError, match="causal"):
            backbone.encode(*sequences([7, 5]), mask="causal", want="all")

    def test_says_of_itself_what_it_does(self, backbone: Backbone) -> None:
        assert backbone.keeps_causal == self.causal
        asked, _ = backbone.prepare(*sequences([3]))
        assert (int(asked[0, -1]) == NUM_ITEMS + 1) == (backbone.predicts == "mask")

    def test_trimming_padding_changes_no_state_of_all(self, backbone: Backbone) -> None:
        items, lengths = sequences([1, 3, 4])
        mask: MaskMode = "causal" if self.causal else "bidirectional"
        whole = backbone.encode(items, lengths, mask=mask, want="all")
        trimmed = backbone.encode(items[:, -4:], lengths, mask=mask, want="all")
        torch.testing.assert_close(trimmed, whole[:, -4:], atol=1e-5, rtol=0)

    def test_mask_has_a_vector_and_is_no_item(self) -> None:
        backbone = self.make(SequenceSpec(NUM_ITEMS, LENGTH, has_mask=True)).eval()
        items, lengths = sequences([7, 2])
        items[:, -1] = NUM_ITEMS + 1
        assert backbone.score(backbone.encode(items, lengths)).shape == (2, NUM_ITEMS)
        assert len(backbone.item_table()) == NUM_ITEMS + 1
