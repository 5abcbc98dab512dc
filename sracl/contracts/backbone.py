"""What every backbone keeps to: subclass the suite, and say how to `make` one of a specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from sracl.backbones.base import lacking
from sracl.contracts.promises import does_not_apply, expect, expect_close, expect_same, expect_shape, refusal
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
    has_dropout = True
    """Whether what is made draws dropout in training."""

    def make(self, spec: SequenceSpec) -> Backbone:
        """A backbone with dropout (or see `has_dropout`), in training mode."""
        raise NotImplementedError("give the backbone under test, made of a specification")

    def rename(self, backbone: Backbone, renaming: Tensor) -> None:
        """Give the item `renaming[i]`, int64 [V + 1], what item i has: its row of whatever has a row per item.

        Override where that is not all it has.
        """
        rows = (NUM_ITEMS + 1, NUM_ITEMS + 2)  # without and with MASK
        embeddings = [part.weight for part in backbone.modules() if isinstance(part, nn.Embedding) and len(part.weight) in rows]
        others = [part for part in (*backbone.parameters(), *backbone.buffers()) if part.ndim and len(part) == NUM_ITEMS + 1]
        for table in {id(table): table for table in (*embeddings, *others)}.values():
            table[renaming] = table[: NUM_ITEMS + 1].clone()

    def backbone(self) -> Backbone:
        """One out of training."""
        torch.manual_seed(0)
        return self.make(SequenceSpec(NUM_ITEMS, LENGTH)).eval()

    def states(self) -> Backbone:
        """One out of training whose states are compared."""
        backbone = self.backbone()
        if not backbone.has_states:
            does_not_apply("what it encodes serves `score` alone")
        return backbone

    @property
    def mask(self) -> MaskMode:
        """Under which all states are wanted."""
        return "causal" if self.causal else "bidirectional"

    def test_has_all_that_a_run_asks_for(self) -> None:
        """Has all that a run asks of a backbone."""
        absent = lacking(self.backbone())
        expect(not absent, "all of it, as a subclass of sracl.backbones.base.Backbone has", f"a class without {', '.join(absent)}")

    def test_last_and_all_agree_and_padding_is_zero(self) -> None:
        """The last state is the same whether it or all are wanted, and states of padding are zero."""
        backbone = self.states()
        items, lengths = sequences([1, 3, 7, 4, 2, 7, 5])
        every = backbone.encode(items, lengths, mask=self.mask, want="all")
        last = backbone.encode(items, lengths, mask=self.mask, want="last")
        expect(last.ndim == 2 and len(last) == 7, 'with want="last" states of shape [7, d], of 7 sequences', list(last.shape))
        expect_shape(every, (7, LENGTH, last.shape[1]), f'with want="all" states of 7 sequences of {LENGTH} items,')
        expect_close(every[:, -1], last, 'the last of all states to be that of want="last"', atol=1e-5, rtol=0)
        expect((every[items == 0] == 0).all(), "zeros at padding", f"up to {every.detach()[items == 0].abs().max().item():.6g}")
        expect(torch.isfinite(every).all(), "finite numbers", f"{int((~torch.isfinite(every)).sum())} that are not")

    def test_item_table_has_a_zero_row_for_padding_and_one_per_item(self) -> None:
        """The item table has a zero row for padding and a row for each item."""
        table = self.backbone().item_table()
        expect(len(table) == NUM_ITEMS + 1, f"{NUM_ITEMS + 1} rows for {NUM_ITEMS} items", f"{len(table)} rows")
        expect((table[0] == 0).all(), "zeros in row 0", f"up to {table[0].detach().abs().max().item():.6g}")

    def test_scores_every_item_but_padding(self) -> None:
        """Scores all items but padding, and candidates as among all."""
        backbone = self.backbone()
        items, lengths = sequences([2, 6])
        states = backbone.encode(*backbone.prepare(items, lengths))
        scores = backbone.score(states)
        expect_shape(scores, (2, NUM_ITEMS), f"scores of {NUM_ITEMS} items after 2 histories,")
        candidates = torch.tensor([5, 1])
        shared = backbone.score(states, candidates=candidates)
        expect_close(shared, scores[:, candidates - 1], "candidates [C] to score as they do among all items")
        of_each_row = torch.tensor([[5, 1, 5], [NUM_ITEMS, 2, 7]])
        own = backbone.score(states, candidates=of_each_row)
        expect_close(own, scores.gather(1, of_each_row - 1), "candidates [N, C] of each row to score as they do among all items")

    def test_trimming_padding_changes_nothing(self) -> None:
        """Columns of padding on the left change no last state."""
        backbone = self.backbone()
        items, lengths = sequences([1, 3, 4])
        trimmed, whole = backbone.encode(items[:, -4:], lengths), backbone.encode(items, lengths)
        expect_close(trimmed, whole, "the same states without three columns of padding", atol=1e-5, rtol=0)

    def test_rows_do_not_see_one_another(self) -> None:
        """A sequence is encoded the same alone and beside others."""
        backbone = self.backbone()
        items, lengths = sequences([4, 1, 7, 2])
        together = backbone.encode(items, lengths)
        alone = torch.cat([backbone.encode(items[row : row + 1], lengths[row : row + 1]) for row in range(4)])
        expect_close(together, alone, "the states of four sequences to be those of each alone", atol=1e-5, rtol=0)

    def test_the_future_is_not_seen(self) -> None:
        """No state depends on a later item."""
        if not self.causal:
            does_not_apply("it reads in both directions (keeps_causal = False)")
        backbone = self.states()
        items, lengths = sequences([7, 5])
        changed = items.clone()
        changed[:, -1] = items[:, -1] % NUM_ITEMS + 1
        before, after = (backbone.encode(version, lengths, want="all") for version in (items, changed))
        # bit for bit
        expect_same(before[:, :-1], after[:, :-1], "the earlier states to stay as they are where the latest item is another")
        expect(not torch.equal(before[:, -1], after[:, -1]), "the last state to change with the latest item", "the same state")

    def test_order_matters(self) -> None:
        """The order of items makes a difference."""
        backbone = self.states()
        items, lengths = sequences([7])
        swapped = items[:, [1, 0, *range(2, LENGTH)]]
        before, after = backbone.encode(items, lengths), backbone.encode(swapped, lengths)
        expect(not torch.allclose(before, after), "another state where the first two items change places", "the same state")

    def test_renaming_items_renames_scores_only(self) -> None:
        """Items are told apart by their vectors alone, not by their numbers."""
        backbone = self.backbone()
        items, lengths = sequences([3, 7, 1])
        renaming = torch.cat([torch.zeros(1, dtype=torch.int64), 1 + torch.randperm(NUM_ITEMS, generator=torch.Generator().manual_seed(3))])
        before = backbone.score(backbone.encode(items, lengths))
        with torch.no_grad():
            self.rename(backbone, renaming)
        after = backbone.score(backbone.encode(renaming[items], lengths))
        expected = "the same scores where items have other numbers and every row per item (of embeddings, parameters, buffers) moves along"
        expect_close(after[:, renaming[1:] - 1], before, expected, atol=1e-5, rtol=0)

    def test_gradients_reach_every_parameter(self) -> None:
        """The loss of the next item reaches every parameter with its gradient."""
        torch.manual_seed(0)
        backbone = self.make(SequenceSpec(NUM_ITEMS, LENGTH, num_users=4)).eval()
        items, lengths = sequences([7, 6, 3, 1])
        scores = backbone.score(backbone.encode(items, lengths), users=torch.arange(4))
        expect(scores.requires_grad, "scores that depend on parameters", "scores without a gradient")
        torch.autograd.backward(torch.nn.functional.cross_entropy(scores, torch.tensor([1, 2, 3, 4])))
        without = [name for name, parameter in backbone.named_parameters() if parameter.grad is None]
        expect(without == [], "a gradient of every parameter", f"none of {', '.join(without)}")

    def test_is_the_same_again_out_of_training(self) -> None:
        """Out of training the same sequence has the same state."""
        backbone = self.backbone()
        items, lengths = sequences([7, 4])
        expect_same(backbone.encode(items, lengths), backbone.encode(items, lengths), "the same states at a second call after eval()")

    def test_dropout_is_drawn_anew_in_training(self) -> None:
        """In training dropout is drawn anew at each call."""
        if not self.has_dropout:
            does_not_apply("it has no dropout with a probability above 0")
        backbone = self.states().train()
        items, lengths = sequences([7, 4])
        once, again = backbone.encode(items, lengths), backbone.encode(items, lengths)
        expect(not torch.equal(once, again), "other states at a second call after train()", "the same states")

    def test_all_states_under_a_causal_mask_are_causal_or_refused(self) -> None:
        """All states are refused under a causal mask where it cannot keep one."""
        if self.causal:
            does_not_apply("it keeps the causal mask")
        backbone = self.states()
        with refusal(ValueError, "causal", 'a ValueError that speaks of the causal mask, for mask="causal", want="all"'):
            backbone.encode(*sequences([7, 5]), mask="causal", want="all")

    def test_says_of_itself_what_it_does(self) -> None:
        """`keeps_causal` and `predicts` say what it does."""
        backbone = self.backbone()
        expect(backbone.keeps_causal == self.causal, f"keeps_causal = {self.causal}", backbone.keeps_causal)
        asked, _ = backbone.prepare(*sequences([3]))
        ends_in_mask = int(asked[0, -1]) == NUM_ITEMS + 1
        came = f'predicts = "{backbone.predicts}", and an input that ends in {"MASK" if ends_in_mask else "an item"}'
        expect(ends_in_mask == (backbone.predicts == "mask"), 'prepare() to end in MASK where predicts = "mask", and nowhere else', came)

    def test_trimming_padding_changes_no_state_of_all(self) -> None:
        """Columns of padding on the left change none of all states."""
        backbone = self.states()
        items, lengths = sequences([1, 3, 4])
        whole = backbone.encode(items, lengths, mask=self.mask, want="all")
        trimmed = backbone.encode(items[:, -4:], lengths, mask=self.mask, want="all")
        expect_close(trimmed, whole[:, -4:], "the same states without three columns of padding", atol=1e-5, rtol=0)

    def test_mask_has_a_vector_and_is_no_item(self) -> None:
        """MASK can be read where the run has one, and is no item."""
        backbone = self.make(SequenceSpec(NUM_ITEMS, LENGTH, has_mask=True)).eval()
        items, lengths = sequences([7, 2])
        items[:, -1] = NUM_ITEMS + 1
        scores = backbone.score(backbone.encode(items, lengths))
        expect_shape(scores, (2, NUM_ITEMS), f"scores of {NUM_ITEMS} items after sequences that end in MASK, id {NUM_ITEMS + 1},")
        rows = len(backbone.item_table())
        expect(rows == NUM_ITEMS + 1, f"an item table of {NUM_ITEMS + 1} rows where there is a MASK", f"{rows} rows")
