"""SRA-CL's training step written the obvious way, from torch's own modules: what the fast path is measured against.

Every sequence is padded to L, every layer computes every position and the last is taken at the end, all k neighbours go
through the encoder, and each part of the loss makes its own passes: five a step (batch, anchor, neighbours, two views).
Samples come one by one out of a Dataset. With dropout off it computes the losses and gradients that sracl computes, which a
test asserts.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.recipe import Setup

Sample = dict[str, Tensor]


class Layer(nn.Module):
    """One post-norm Transformer layer.

    Args:
        hidden_size: d.
        num_heads: H.
        inner_size: Width of the feed-forward part.
        dropout: Probability on the output of both parts.
        attention_dropout: Probability on attention weights.
    """

    def __init__(self, hidden_size: int, num_heads: int, inner_size: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(hidden_size, num_heads, dropout=attention_dropout, batch_first=True)
        self.attention_norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.inner = nn.Linear(hidden_size, inner_size)
        self.activation = nn.GELU()
        self.outer = nn.Linear(inner_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, forbidden: Tensor) -> Tensor:
        """[N, L, d] and what attention must not see, bool [N · H, L, L] -> [N, L, d]."""
        mixed, _ = self.attention(x, x, x, attn_mask=forbidden, need_weights=False)
        x = self.attention_norm(x + self.dropout(mixed))
        result: Tensor = self.norm(x + self.dropout(self.outer(self.activation(self.inner(x)))))
        return result


class Encoder(nn.Module):
    """SASRec over padded sequences.

    Args:
        num_items: V.
        max_length: L.
        hidden_size: d.
        num_layers: Layers.
        num_heads: H.
        inner_size: Width of the feed-forward part.
        dropout: Probability on activations.
        attention_dropout: Probability on attention weights.
    """

    def __init__(
        self,
        num_items: int,
        max_length: int,
        *,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        inner_size: int,
        dropout: float,
        attention_dropout: float,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.items = nn.Embedding(num_items + 1, hidden_size, padding_idx=0)
        self.positions = nn.Embedding(max_length, hidden_size)
        self.norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(hidden_size, num_heads, inner_size, dropout, attention_dropout) for _ in range(num_layers))

    def forward(self, items: Tensor) -> Tensor:
        """Left-padded ids, int64 [N, L] -> the state at the last position, float [N, d]."""
        length = items.shape[1]
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        itself = torch.eye(length, dtype=torch.bool)  # keeps the softmax over a padding position's row finite
        forbidden = (later | (items == 0)[:, None, :]) & ~itself  # [N, L, L]
        forbidden = forbidden.repeat_interleave(self.num_heads, dim=0)
        x = self.dropout(self.norm(self.items(items) + self.positions(torch.arange(length))))
        for layer in self.layers:
            x = layer(x, forbidden)
        states: Tensor = x[:, -1]
        return states


class Synthesizer(nn.Module):
    """Additive attention of a sequence's semantic vector over those of its neighbours.

    Args:
        width: Of a semantic vector, e.
        hidden_size: Rows of W.
        dropout: Probability of dropping a weight.
        negative_slope: Of the LeakyReLU.
    """

    def __init__(self, width: int, *, hidden_size: int, dropout: float, negative_slope: float) -> None:
        super().__init__()
        self.projection = nn.Linear(width, hidden_size, bias=False)
        self.attention = nn.Linear(2 * hidden_size, 1, bias=False)
        self.activation = nn.LeakyReLU(negative_slope)
        self.dropout = nn.Dropout(dropout)

    def forward(self, anchors: Tensor, neighbours: Tensor, exists: Tensor) -> Tensor:
        """Vectors [B, e] and [B, k, e], and which neighbours there are, bool [B, k] -> weights [B, k]."""
        own = self.projection(anchors)[:, None].expand(-1, neighbours.shape[1], -1)
        scores = self.activation(self.attention(torch.cat([own, self.projection(neighbours)], dim=-1))).squeeze(-1)
        weights = scores.masked_fill(~exists, torch.finfo(scores.dtype).min).softmax(dim=1) * exists
        result: Tensor = self.dropout(weights)
        return result


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The symmetric contrastive loss of two views, float [B, d] each, by dot product."""
    both = torch.cat([first, second])
    logits = both @ both.T / temperature
    logits = logits.masked_fill(torch.eye(len(both), dtype=torch.bool), float("-inf"))
    partners = torch.cat([torch.arange(len(first), len(both)), torch.arange(len(first))])
    return F.cross_entropy(logits, partners)


class Reference(nn.Module):
    """The model with its three losses.

    Args:
        setup: Run whose sizes, settings and semantic tables are taken. It must be SRA-CL: the objectives next, cross, intra.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        values = setup.values
        data, length = setup.parts.data, values["data"]["max_length"]
        self.settings = {table["id"]: table for table in values["objective"]}
        tables, _ = setup.shop.neighbours("sequences", setup.run, data)
        # plain attributes and no buffers: tables, not weights
        self.vectors = torch.from_numpy(tables.vectors)  # [P, e]
        self.rows = torch.from_numpy(tables.rows).long()  # [S]
        prefixes = zip(tables.pool.starts, tables.pool.stops, strict=True)
        self.pool = torch.tensor([padded(data.items[start:stop].tolist(), length) for start, stop in prefixes])  # [P, L]
        backbone = {name: value for name, value in values["backbone"].items() if name not in ("use", "sparse_gradients")}
        self.encoder = Encoder(data.num_items, length, **backbone)
        synthesizer = {name: value for name, value in self.settings["cross"]["synthesizer"].items() if name != "use"}
        self.synthesizer = Synthesizer(self.vectors.shape[1], **synthesizer)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The unweighted losses of a batch as `Samples` makes it, by objective."""
        return {"next": self.next(batch), "cross": self.cross(batch), "intra": self.intra(batch)}

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum."""
        return torch.stack([self.settings[name]["weight"] * loss for name, loss in losses.items()]).sum()

    def next(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Cross entropy over all items."""
        logits = self.encoder(batch["inputs"]) @ self.encoder.items.weight[1:].T
        return F.cross_entropy(logits, batch["target"] - 1)

    def cross(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Contrast of each sequence with its synthesized positive."""
        exists = batch["neighbours"] >= 0
        neighbours = batch["neighbours"].clamp(min=0)  # [B, k]
        weights = self.synthesizer(self.vectors[self.rows[batch["sample"]]], self.vectors[neighbours], exists)
        states = self.encoder(self.pool[neighbours].flatten(0, 1)).view(*neighbours.shape, -1)  # [B, k, d]
        positive = (weights[:, :, None] * states).sum(1)
        return nt_xent(self.encoder(batch["inputs"]), positive, self.settings["cross"]["loss"]["temperature"])

    def intra(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Contrast of two views."""
        return nt_xent(self.encoder(batch["view_a"]), self.encoder(batch["view_b"]), self.settings["intra"]["loss"]["temperature"])


class Samples(Dataset[Sample]):
    """Training samples one by one: the padded sequence, its target, its neighbours, and two views drawn on the spot.

    Args:
        setup: Run whose data and semantic tables are taken.
        seed: Of the views.
    """

    def __init__(self, setup: Setup, *, seed: int = 0) -> None:
        data, samples = setup.parts.data, setup.parts.samples
        bounds = zip(samples.starts.tolist(), samples.stops.tolist(), strict=True)
        self.sequences = [data.items[start:stop].tolist() for start, stop in bounds]
        self.targets = samples.targets.tolist()
        self.length = setup.values["data"]["max_length"]
        self.neighbours = setup.shop.neighbours("sequences", setup.run, data)[0].ids.tolist()
        items = setup.shop.neighbours("items", setup.run, data)[0].neighbours.tolist()
        self.substitutes = [[item for item in row if item > 0] for row in items]
        self.ratio = next(table["augmenter"]["ratio"] for table in setup.values["objective"] if table["id"] == "intra")
        self.random = random.Random(seed)

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, index: int) -> Sample:
        items = self.sequences[index]
        return {
            "sample": torch.tensor(index),
            "inputs": torch.tensor(padded(items, self.length)),
            "target": torch.tensor(self.targets[index]),
            "neighbours": torch.tensor(self.neighbours[index]),
            "view_a": torch.tensor(padded(self.view(items), self.length)),
            "view_b": torch.tensor(padded(self.view(items), self.length)),
        }

    def view(self, items: Sequence[int]) -> list[int]:
        """Each item gives way, with the probability `ratio`, to one of its semantic neighbours."""
        return [
            self.random.choice(self.substitutes[item]) if self.substitutes[item] and self.random.random() < self.ratio else item
            for item in items
        ]


def padded(items: Sequence[int], length: int) -> list[int]:
    """The latest `length` items, zeros before them."""
    kept = list(items[-length:])
    return [0] * (length - len(kept)) + kept


def loader(samples: Samples, steps: Sequence[Tensor]) -> DataLoader[Sample]:
    """A DataLoader in this process that makes these batches, given as sample ids int64 [B]."""
    return DataLoader(samples, batch_sampler=[rows.tolist() for rows in steps])


def train(setup: Setup, steps: Sequence[Tensor]) -> Iterator[None]:
    """Build everything, then train on these batches, a step each time the iterator is asked."""
    model = Reference(setup).train()
    adam: Any = {name: value for name, value in setup.values["train"]["optimizer"].items() if name != "use"}
    optimizer = torch.optim.Adam(model.parameters(), **adam)
    batches = loader(Samples(setup), steps)

    def step(batch: Sample) -> None:
        loss = model.total(model(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return map(step, batches)


def in_reference_names(backbone: Mapping[str, Tensor], synthesizer: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of sracl's SASRec and attention synthesizer, or their gradients, under the names that `Reference` gives them.

    Args:
        backbone: By the names of `SASRec.named_parameters`.
        synthesizer: By the names of the synthesizer's `named_parameters`.
    """
    found = {
        "encoder.items.weight": backbone["item_embedding.weight"],
        "encoder.positions.weight": backbone["position_embedding.weight"],
        "encoder.norm.weight": backbone["norm.weight"],
        "encoder.norm.bias": backbone["norm.bias"],
        "synthesizer.projection.weight": synthesizer["projection"],
        "synthesizer.attention.weight": synthesizer["attention"].view(1, -1),
    }
    for depth in range(sum(name.endswith("inner.weight") for name in backbone)):
        ours, theirs = f"encoder.attention.{depth}", f"encoder.layers.{depth}"
        for kind in ("weight", "bias"):
            found[f"{theirs}.attention.in_proj_{kind}"] = torch.cat(
                [backbone[f"{ours}.query.{kind}"], backbone[f"{ours}.key_value.{kind}"]]
            )
            found[f"{theirs}.attention.out_proj.{kind}"] = backbone[f"{ours}.output.{kind}"]
            found[f"{theirs}.attention_norm.{kind}"] = backbone[f"{ours}.norm.{kind}"]
            for part in ("inner", "outer", "norm"):
                found[f"{theirs}.{part}.{kind}"] = backbone[f"encoder.feed_forward.{depth}.{part}.{kind}"]
    return found
