"""A sequence and another one that is followed by the same item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sracl.data.samples import SameTarget as Index
from sracl.interfaces import BATCH, Request

if TYPE_CHECKING:
    import torch

    from sracl.data.samples import SequenceTable
    from sracl.interfaces import Batch


class SameTarget:
    """The sequence itself, in a pass of its own, and another with the same next item: dropout and items make them differ.

        x_s uniform over the other samples with the target of x

    A sample whose target no other has is its own x_s, which dropout alone then tells apart. DuoRec's official code names four
    contrasts, h being the state that predicts the next item, h' one of another pass, h_s that of x_s:

    | official | contrasts | `positive`    | `share_anchor` |
    |----------|-----------|---------------|----------------|
    | `us_x`   | h', h_s   | `same_target` | false          |
    | `su`     | h, h_s    | `same_target` | true           |
    | `un`     | h, h'     | `itself`      | true           |

    `us` is `su` and `un` together: two objectives, each with a weight of its own.

    Args:
        samples: Every training sample; targets are looked up here, so nothing of validation or test can be drawn.
        generator: Source of the draws, on the device of the batch.
        positive: `same_target` takes x_s; `itself` takes x once more, which has nothing to teach without dropout.
        others: What x_s is drawn from: `samples` other than x, which may hold the same items, or those of other `contents`; for
            `same_target` alone.
        share_anchor: Take the first view from the pass of the batch that predicts the next item, instead of a pass of its own
            with dropout of its own.

    Raises:
        ValueError: Others of other contents are asked for where none are drawn, or others where no sample has a target.

    Source: DuoRec (Qiu et al. 2022, arXiv:2110.05730), its unsupervised and supervised contrast; other contents: ICSRec (Qin
        et al., WSDM 2024), sub-sequences with the same intention.
    """

    def __init__(
        self,
        samples: SequenceTable,
        generator: torch.Generator,
        *,
        positive: Literal["same_target", "itself"] = "same_target",
        others: Literal["samples", "contents"] = "samples",
        share_anchor: bool = False,
    ) -> None:
        if positive == "same_target" and not samples.has_targets:
            raise ValueError('no sample has a target that others could share; use samples = "prefix", or positive = "itself"')
        self.samples = samples
        self.generator = generator
        self.index: Index | None = None  # of x once more nothing is drawn
        if positive == "same_target":
            self.index = Index(samples.targets, samples.contents() if others == "contents" else None)
        elif others == "contents":
            raise ValueError('others = "contents" chooses what is drawn, and positive = "itself" draws nothing; leave one of them out')
        self.share_anchor = share_anchor

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        """The batch as `first` (or as itself), a partner for every row as `second`."""
        items, lengths = batch.inputs, batch.lengths
        if self.index is not None:
            items, lengths = self.samples.gather(self.index.draw(batch.samples, self.generator))
        return Request(BATCH if self.share_anchor else "first", batch.inputs, batch.lengths), Request("second", items, lengths)
