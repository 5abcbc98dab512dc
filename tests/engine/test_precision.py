"""Training in bfloat16: products alone are, and what is computed twice is the same twice."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sracl.backbones import feed_forward as module
from sracl.backbones.attention import attend, attend_last
from sracl.backbones.feed_forward import feed_forward
from sracl.backbones.packing import Packing
from sracl.backbones.sasrec import SASRec
from sracl.contracts.backbone import NUM_ITEMS, sequences
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import BATCH, Batch, Precision, Request, SequenceSpec, Snapshot, Term
from tests.support.training import Kept, Learned, trainer

in_bfloat16 = partial(trainer, precision="bfloat16")


class Looks:
    """An objective that keeps what it is shown."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def term(self, batch: Batch) -> Term:
        asked = [Request(BATCH, batch.inputs, batch.lengths), Request("fixed", batch.inputs, batch.lengths, grad=False)]
        encoded = yield asked
        self.seen = [encoded[BATCH], encoded["fixed"], encoded.item_table, encoded.score(BATCH, torch.tensor([1, 2]))]
        return self.seen[-1].sum()


def test_the_encoder_alone_is_lowered() -> None:
    items, lengths = sequences([7, 2, 5, 1])
    rows = torch.arange(4)
    backbone, looks = SASRec(SequenceSpec(NUM_ITEMS, 7), hidden_size=8, inner_size=16), Looks()
    products = []
    for name in ("attention.0.output", "attention.1.output"):
        backbone.encoder.get_submodule(name).register_forward_hook(lambda linear, given, made: products.append(made.dtype))
    loss, terms = training_loss(
        backbone, [Weighted("looks", 1.0, looks)], Batch(rows, rows, items, lengths, rows + 1), precision="bfloat16"
    )
    torch.autograd.backward(loss)
    assert set(products) == {torch.bfloat16}
    assert {tensor.dtype for tensor in (loss, *terms.values(), *looks.seen)} == {torch.float32}
    assert {parameter.grad.dtype for parameter in backbone.parameters() if parameter.grad is not None} == {torch.float32}


class Watches(Learned):
    """An objective that looks at the model before every epoch."""

    def begin_epoch(self, snapshot: Snapshot) -> None:
        assert snapshot.item_table.dtype == torch.float32
        backbone_sees = snapshot.encode(torch.arange(10), "last")
        assert backbone_sees.dtype == torch.float32
        assert not torch.equal(backbone_sees, backbone_sees.bfloat16().float())  # nor was it rounded on the way


def test_hooks_and_what_is_kept_are_float32(tmp_path: Path) -> None:
    in_bfloat16(tmp_path, Kept(), own=lambda streams: Watches(), epochs=2).fit()
    kept = load_file(tmp_path / "last.safetensors")
    assert {value.dtype for value in kept.values() if value.is_floating_point()} <= {torch.float32, torch.float64}
    assert not {torch.bfloat16, torch.float16} & {value.dtype for value in kept.values()}


def test_two_runs_of_one_seed_are_the_same_bit_for_bit_and_not_those_of_float32(tmp_path: Path) -> None:
    recorders = [Kept(), Kept(), Kept()]
    ways: list[Precision] = ["bfloat16", "bfloat16", "float32"]
    for number, (precision, recorder) in enumerate(zip(ways, recorders, strict=True)):
        trainer(tmp_path / str(number), recorder, precision=precision).fit()
    first, second, exact = (load_file(tmp_path / str(number) / "last.safetensors") for number in range(3))
    assert recorders[0].epochs == recorders[1].epochs != recorders[2].epochs
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert recorders[0].epochs[5]["loss"] == pytest.approx(recorders[2].epochs[5]["loss"], rel=1e-2)
    assert first.keys() == exact.keys()


@pytest.mark.parametrize("stop_at", [(1, 3), (4, 6)])
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: tuple[int, int]) -> None:
    whole, first, second = Kept(), Kept(stop_at), Kept()
    in_bfloat16(tmp_path / "whole", whole).fit()
    with pytest.raises(KeyboardInterrupt):
        in_bfloat16(tmp_path / "parts", first).fit()
    in_bfloat16(tmp_path / "parts", second).fit()
    assert {**first.epochs, **second.epochs} == whole.epochs
    ours, theirs = (load_file(tmp_path / folder / "last.safetensors") for folder in ("parts", "whole"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def _feed_forward(x: Tensor, *weights: Tensor) -> Any:
    return feed_forward(x, *weights)


def _attend(x: Tensor, *weights: Tensor) -> Any:
    packing = Packing(*sequences([1, 7, 5, 6, 2, 7]))
    return attend(x[: len(packing.items)] @ weights[0].T, packing.groups, packing.biases(causal=True), 2, 0.0)


def _attend_last(x: Tensor, *weights: Tensor) -> Any:
    packing = Packing(*sequences([1, 7, 5, 6, 2, 7]))
    queries = weights[0][:12].view(6, 2, -1)
    return torch.cat(
        [part.flatten() for part in attend_last(x[: len(packing.items)], queries, packing.groups, packing.biases(causal=True), 0.0)]
    )


@pytest.mark.parametrize(
    ("function", "dtype"),
    [(_feed_forward, torch.bfloat16), (_attend, torch.float32), (_attend_last, torch.float32)],  # whose products are small
)
def test_functions_with_derivatives_of_their_own_take_part(function: Any, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 8)
    torch.manual_seed(0)
    x = torch.randn(40, 12)
    weights = [torch.randn(24, 12) / 4, torch.randn(24), torch.randn(12, 24) / 4, torch.randn(12)]
    found = []
    for enabled in (False, True):
        leaves = [tensor.clone().requires_grad_() for tensor in (x, *weights)]
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            made = function(*leaves)
        assert made.dtype == (dtype if enabled else torch.float32)
        made.float().square().sum().backward()
        found.append((made.float(), [leaf.grad for leaf in leaves if leaf.grad is not None]))
    (exact, gradients), (made, lowered) = found
    torch.testing.assert_close(made, exact, rtol=0, atol=0.03 * float(exact.detach().abs().max()))
    for gradient, other in zip(gradients, lowered, strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(other, gradient, rtol=0, atol=0.03 * float(gradient.abs().max()))


def test_gradients_of_weights_add_up_in_float32_however_many_pieces_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.full((4096, 2), 0.5)
    weights = [torch.zeros(2, 2), torch.zeros(2), torch.zeros(2, 2), torch.zeros(2)]
    monkeypatch.setattr(module, "PIECE", 8)
    leaves = [weight.requires_grad_() for weight in weights]
    with torch.autocast("cpu", torch.bfloat16):
        # with W = 0, d/db₁ is W₂ᵀ 1 gelu'(0) = 0; let W₂ be 1, so that every token adds 2 · 0.5 to each of b₁
        leaves[2].data.fill_(1.0)
        feed_forward(x, *leaves).float().sum().backward()
    assert leaves[1].grad is not None
    assert leaves[1].grad.tolist() == [4096.0, 4096.0]  # in bfloat16 adding 8 to 2048 leaves 2048
    assert leaves[0].grad is not None
    assert leaves[0].grad.flatten().tolist() == [2048.0] * 4
