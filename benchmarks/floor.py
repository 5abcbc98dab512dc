"""How fast a step could be if it were matrix products and nothing else, at the rate this machine multiplies.

Counted, for the very sequences that the steps encode (the objectives are asked for them; a neighbour whose weight dropout set to
0 is not among them), without any padding:

- all layers but the last: projections to query, key and value, output projection and both feed-forward products, for every token;
  attention scores and their mixing, for every pair of a token with itself or an earlier one;
- the last layer: keys and values for every token; query, output projection and feed-forward for the last token of each sequence;
  scores and mixing of that token with its sequence;
- next item: states [B, d] times items [d, V]; each contrastive loss: [2B, d] times [d, 2B].

Everything counts three times: forward, gradient of the input, gradient of the weight (or of the other factor). The three products
of each shape, at the mean number of tokens and rows a step, are timed one by one with `torch.mm` into memory that is there
already; attention, whose products are small, is charged at the mean rate of the others. Not counted: biases, gathers, dropout,
norms, softmax, activations, the weights of the neighbours, the optimizer, and all traffic of memory between products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from benchmarks.timing import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.recipe import Setup
    from sracl.interfaces import Batch


@dataclass(frozen=True)
class Product:
    """[rows, inner] times [inner, columns], forward and both gradients."""

    what: str
    rows: int
    inner: int
    columns: int

    @property
    def gflop(self) -> float:
        """Forward and both gradients, 10⁹ operations; a multiply-add is two."""
        return 3 * 2 * self.rows * self.inner * self.columns / 1e9

    def milliseconds(self) -> float:
        """Time of the three products."""
        x, weight, out = torch.rand(self.rows, self.inner), torch.rand(self.columns, self.inner), torch.rand(self.rows, self.columns)
        products = ((x, weight.T, out.clone()), (out, weight, x.clone()), (out.T, x, weight.clone()))
        return sum(_time(left, right, into) for left, right, into in products)


def measure(setup: Setup, steps: Sequence[Tensor]) -> dict[str, Any]:
    """Floor of these steps on this machine, with as many threads as this process has.

    Returns:
        `value`: milliseconds a step; `gflop` a step; `gflops_per_second`; `tokens` and `sequences` a step; every product;
        `without_dropout`: the same figures had no neighbour been dropped, so that all of them had to be encoded.
    """
    found = _floor(setup, steps, training=True)
    other = _floor(setup, steps, training=False)
    return {**found, "without_dropout": {name: value for name, value in other.items() if name != "products"}}


def _floor(setup: Setup, steps: Sequence[Tensor], *, training: bool) -> dict[str, Any]:
    lengths = [encoded_lengths(setup, setup.parts.samples.batch(rows), training=training) for rows in steps]
    tokens = sum(int(found.sum()) for found in lengths) // len(steps)
    sequences = sum(len(found) for found in lengths) // len(steps)
    backbone = setup.values["backbone"]
    products = linear_products(tokens, sequences, backbone) + loss_products(len(steps[0]), setup)
    times = {product: product.milliseconds() for product in products}
    linear = sum(times[product] for product in products)
    counted = sum(product.gflop for product in products)
    attention = sum(attention_gflop(found, backbone) for found in lengths) / len(steps)
    return {
        "value": linear * (1 + attention / counted),
        "gflop": counted + attention,
        "gflops_per_second": counted / linear * 1e3,
        "tokens": tokens,
        "sequences": sequences,
        "attention_gflop": attention,
        "products": [
            {"what": product.what, "shape": [product.rows, product.inner, product.columns], "gflop": product.gflop, "ms": times[product]}
            for product in products
        ],
    }


def encoded_lengths(setup: Setup, batch: Batch, *, training: bool) -> Tensor:
    """Lengths of all sequences that one step encodes, int64 [N]: what the objectives ask for, the shared batch once."""
    asked: dict[Any, Tensor] = {}
    for part in setup.parts.objectives:
        if isinstance(part.objective, nn.Module):
            part.objective.train(training)
        term = part.objective.term(batch)
        for request in next(term):
            asked["batch" if request.key == "batch" else (part.id, request.key)] = request.lengths
        term.close()
    return torch.cat(list(asked.values()))


def linear_products(tokens: int, sequences: int, backbone: Mapping[str, Any]) -> list[Product]:
    """Projections and feed-forward of all layers."""
    d, inner = backbone["hidden_size"], backbone["inner_size"]
    full = [
        Product("query, key, value", tokens, d, 3 * d),
        Product("output", tokens, d, d),
        Product("feed-forward in", tokens, d, inner),
        Product("feed-forward out", tokens, inner, d),
    ]
    last = [
        Product("last key, value", tokens, d, 2 * d),
        Product("last query", sequences, d, d),
        Product("last output", sequences, d, d),
        Product("last feed-forward in", sequences, d, inner),
        Product("last feed-forward out", sequences, inner, d),
    ]
    return [*full * int(backbone["num_layers"] - 1), *last]


def loss_products(batch_size: int, setup: Setup) -> list[Product]:
    """Logits of the next item, and of every contrastive term."""
    d = setup.values["backbone"]["hidden_size"]
    next_item = Product("next item", batch_size, d, setup.parts.data.num_items)
    contrast = Product("contrast", 2 * batch_size, d, 2 * batch_size)
    return [next_item if table["use"] == "next_item" else contrast for table in setup.values["objective"]]


def attention_gflop(lengths: Tensor, backbone: Mapping[str, Any]) -> float:
    """Scores and mixing, forward and both gradients: two products of 2 d operations for every pair that is seen."""
    pairs = (backbone["num_layers"] - 1) * int((lengths * (lengths + 1) // 2).sum()) + int(lengths.sum())
    return float(3 * 2 * 2 * backbone["hidden_size"] * pairs / 1e9)


def _time(left: Tensor, right: Tensor, into: Tensor) -> float:
    return milliseconds(lambda: torch.mm(left, right, out=into), warmup=3, repeats=11)
