"""Dropout from threshold comparisons: the right share, the right scale, the same mask on the way back, in the right places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from sracl.backbones.base import Backbone
from sracl.backbones.bert4rec import BERT4Rec
from sracl.backbones.bsarec import BSARec
from sracl.backbones.dropout import Dropout, random_mask
from sracl.backbones.gru4rec import GRU4Rec
from sracl.backbones.llm_esr import LLMESR
from sracl.backbones.sasrec import SASRec
from sracl.interfaces import MaskMode, SequenceSpec

SPEC = SequenceSpec(num_items=9, max_length=5, has_mask=True)
SMALL: dict[str, Any] = {"hidden_size": 8, "num_layers": 2, "dropout": 0.25}
TRANSFORMER: dict[str, Any] = {**SMALL, "num_heads": 2, "inner_size": 16, "attention_dropout": 0.125}
TOKENS, LAST = ((6, 8), 0.75), ((2, 8), 0.75)  # of two rows of three items
WEIGHTS, LAST_WEIGHTS = ((4, 3, 3), 0.875), ((2, 2, 3), 0.875)  # two heads, of two rows
BOTH, BOTH_LAST = ((12, 8), 0.75), ((4, 8), 0.75)  # two views of each
LIKE_SASREC = [TOKENS, WEIGHTS, TOKENS, TOKENS, LAST_WEIGHTS, LAST, LAST]


@pytest.mark.parametrize("keep", [0.5, 0.75, 0.9, 0.3, 1 / 256])
def test_keeps_the_share_asked_for(keep: float) -> None:
    torch.manual_seed(0)
    count = 1_000_000
    share = random_mask(torch.Size([count]), keep, torch.device("cpu")).float().mean().item()
    # 5 standard deviations of a mean of a million draws, and the resolution of two bytes
    assert abs(share - keep) < 5 * (keep * (1 - keep) / count) ** 0.5 + 1 / 131072


def test_scales_what_it_keeps_and_uses_one_mask_for_value_and_gradient() -> None:
    torch.manual_seed(0)
    x = torch.ones(3, 1001, requires_grad=True)
    y = Dropout(0.2)(x)
    y.sum().backward()
    assert set(y.unique().tolist()) == {0.0, 1.25}
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_is_the_identity_outside_training_and_at_zero() -> None:
    x = torch.randn(4, 4)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_refuses_what_is_no_probability() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        Dropout(1.0)


def test_adding_to_a_residual_is_dropout_and_addition() -> None:
    x, residual = torch.randn(50, 7, requires_grad=True), torch.randn(50, 7, requires_grad=True)
    dropout = Dropout(0.3)
    results = []
    for add in (dropout.add, lambda x, residual: residual + dropout(x)):
        torch.manual_seed(0)
        y = add(x, residual)
        results.append((y.detach(), *torch.autograd.grad(y.square().sum(), (x, residual))))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
    assert torch.equal(dropout.eval().add(x, residual), residual + x)


def test_a_probability_too_small_to_be_drawn_drops_nothing_rather_than_everything() -> None:
    assert Dropout(1e-6)(torch.ones(1000)).count_nonzero() > 990


@pytest.mark.parametrize(
    ("made", "drawn"),
    [
        # what is embedded; then of each layer the attention weights, what they gather and what the feed-forward part gives
        (lambda: SASRec(SPEC, **TRANSFORMER), LIKE_SASREC),
        (lambda: BERT4Rec(SPEC, 10, **TRANSFORMER), LIKE_SASREC),
        # what the filter gives, besides
        (lambda: BSARec(SPEC, **TRANSFORMER), [TOKENS, WEIGHTS, TOKENS, TOKENS, TOKENS, LAST_WEIGHTS, LAST, LAST, LAST]),
        # both views as they are embedded, and nothing of the attention between them
        (
            lambda: LLMESR(SPEC, torch.rand(10, 4), **TRANSFORMER),
            [TOKENS, TOKENS, ((8, 3, 3), 0.875), BOTH, BOTH, ((4, 2, 3), 0.875), BOTH_LAST, BOTH_LAST],
        ),
        # what is embedded, and nothing of what recurs
        (lambda: GRU4Rec(SPEC, **SMALL), [TOKENS]),
    ],
    ids=["sasrec", "bert4rec", "bsarec", "llm_esr", "gru4rec"],
)
def test_backbones_drop_where_their_papers_and_codes_do(
    made: Callable[[], Backbone], drawn: list[tuple[tuple[int, ...], float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    masks: list[tuple[tuple[int, ...], float]] = []

    def watched(shape: torch.Size, keep: float, device: torch.device) -> torch.Tensor:
        masks.append((tuple(shape), keep))
        return random_mask(shape, keep, device)

    for module in ("dropout", "attention"):
        monkeypatch.setattr(f"sracl.backbones.{module}.random_mask", watched)
    items, lengths = torch.tensor([[0, 0, 1, 2, 3], [0, 0, 4, 5, 6]]), torch.tensor([3, 3])
    backbone = made()
    mask: MaskMode = "causal" if backbone.keeps_causal or isinstance(backbone, BSARec) else "bidirectional"

    backbone.train().encode(items, lengths, mask=mask)
    assert masks == drawn

    backbone.eval().encode(items, lengths, mask=mask)
    assert masks == drawn
