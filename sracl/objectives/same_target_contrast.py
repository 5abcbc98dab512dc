"""Contrast between sequences that are followed by the same item."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Literal

from torch import nn

from sracl.data.samples import SameTarget
from sracl.interfaces import BATCH, Request

if TYPE_CHECKING:
    import torch

    from sracl.data.samples import SequenceTable
    from sracl.interfaces import Batch, ContrastiveLoss, Term


class SameTargetContrast(nn.Module):
    """Pulls each sequence towards another with the same next item, or towards itself under other dropout.

        L = l(h', h_s),   h' = f(x) in a pass of its own,   h_s = f(x_s),   x_s uniform over the other samples with the target of x

    Nothing but dropout makes the views differ: no item is changed. A sample whose target no other sample has is its own x_s.
    The official code names four contrasts, h being the state that predicts the next item:

    | official | contrasts | `positive`    | `share_anchor` |
    |----------|-----------|---------------|----------------|
    | `us_x`   | h', h_s   | `same_target` | false          |
    | `su`     | h, h_s    | `same_target` | true           |
    | `un`     | h, h'     | `itself`      | true           |

    `us` is `su` and `un` together: two objectives, each with a weight of its own.

    Args:
        samples: Every training sample; targets are looked up here, so nothing of validation or test can be drawn.
        generator: Source of the draws, on the device of the batch.
        positive: `same_target` encodes x_s; `itself` encodes x once more, which has nothing to teach without dropout.
        share_anchor: Take the anchor from the pass of the batch that predicts the next item, instead of a pass of its own with
            dropout of its own.
        false_negatives: Rows of the batch that are no negatives of one another: `none`, or those of the `same_target`, which
            takes a loss with `labels`.
        loss: Contrast of the anchor with the positive.

    Raises:
        ValueError: False negatives are to be left out by a loss that takes no labels.

    Source: DuoRec (Qiu et al. 2022, arXiv:2110.05730), its unsupervised and supervised contrast; `none` is the rule of paper
        and code for false negatives.
    """

    def __init__(
        self,
        samples: SequenceTable,
        generator: torch.Generator,
        *,
        positive: Literal["same_target", "itself"] = "same_target",
        share_anchor: bool = False,
        false_negatives: Literal["none", "same_target"] = "none",
        loss: ContrastiveLoss,
    ) -> None:
        super().__init__()
        if false_negatives == "same_target" and not _takes_labels(loss):
            raise ValueError('false_negatives = "same_target" needs a loss that takes labels, as nt_xent and info_nce do')
        self.samples = samples
        self.generator = generator
        self.same_target = SameTarget(samples.targets)
        self.positive = positive
        self.share_anchor = share_anchor
        self.false_negatives = false_negatives
        self.loss = loss

    def term(self, batch: Batch) -> Term:
        """Ask for the anchors and, as `positive`, for their partners; the loss between the two."""
        anchor = Request(BATCH if self.share_anchor else "anchor", batch.inputs, batch.lengths)
        items, lengths = batch.inputs, batch.lengths
        if self.positive == "same_target":
            items, lengths = self.samples.gather(self.same_target.draw(batch.samples, self.generator))
        encoded = yield [anchor, Request("positive", items, lengths)]
        states = encoded[anchor.key], encoded["positive"]
        return self.loss(*states, batch.targets) if self.false_negatives == "same_target" else self.loss(*states)


def _takes_labels(loss: ContrastiveLoss) -> bool:
    """Whether a loss has the argument by which rows are kept from being negatives."""
    return "labels" in inspect.signature(loss.forward if isinstance(loss, nn.Module) else loss).parameters
