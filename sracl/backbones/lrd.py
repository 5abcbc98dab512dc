"""LRD's recommender: every candidate is seen through its relations to the items of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from sracl.backbones.base import Backbone, initialise
from sracl.backbones.dropout import Dropout
from sracl.data.attributes import RELATIONS

if TYPE_CHECKING:
    from sracl.data.attributes import ItemAttributes
    from sracl.interfaces import MaskMode, SequenceSpec, Want

_HELD = {"cpu": 2**22, "cuda": 2**25}
"""Attention weights (row × candidate × relation × position), by device, that are held at once when all items are scored."""

_VANISHED = 1e-30
"""A sum of exponentials below this may have lost what makes it up; float32 holds down to 1e-38."""


class LRD(Backbone):
    """Scores a candidate by what of the history is related to it, in known relations and in latent ones.

        a_hk = ⟨e_h, (r_k + v_ik) ∘ e_i⟩,   c_k = Σ_h softmax_h(a_hk) e_h
        z = mean_k of T(c_1 … c_R),   score = ⟨p_u + z, e_i⟩ + b_i

    Relation 1 is that of any two items; then come those of attributes (`relations` of `sracl.data.attributes`), whose values v_ik
    are vectors of their own (0 elsewhere), then the latent ones, which `relation_discovery` gives a meaning. T is a Transformer
    over the R contexts.

    There is no state that does not depend on the candidate: `encode` gives the history itself, as numbers, and `score` does the
    work, going through all items in blocks for a full ranking.

    Args:
        spec: Item and user count and longest sequence of the prepared data.
        item_attributes: Categories and brands.
        hidden_size: d, width of all vectors; a multiple of num_heads.
        num_latent: Latent relations.
        num_layers: Layers of T; 0: z is the mean of the contexts. Each costs a full ranking some R (4 d² + 2 d²) operations for
            every user and item.
        num_heads: Heads of T.
        dropout: Probability of zeroing an activation of T, in [0, 1).

    Raises:
        ValueError: hidden_size is no multiple of num_heads.

    Source: Yang et al. 2024, arXiv:2403.18348, on the relation-aware recommender RCF. Differs from it: of item-item relations
        this data has none (also bought and also viewed are snapshots that include the test period), and T is post-norm.
    """

    has_states = False
    keeps_causal = False

    def __init__(
        self,
        spec: SequenceSpec,
        item_attributes: ItemAttributes,
        *,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        num_latent: Annotated[int, Field(ge=0)] = 5,
        num_layers: Annotated[int, Field(ge=0)] = 1,
        num_heads: Annotated[int, Field(ge=1)] = 4,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__(spec)
        if hidden_size % num_heads:
            raise ValueError(f"hidden_size must be a multiple of num_heads, got {hidden_size} and {num_heads}")
        self.num_relations = 1 + len(RELATIONS) + num_latent
        self.item_embedding = nn.Embedding(spec.table_rows, hidden_size, padding_idx=0)
        self.item_bias = nn.Embedding(spec.num_items + 1, 1, padding_idx=0)
        self.user_embedding = nn.Embedding(max(1, spec.num_users), hidden_size)
        self.value_embedding = nn.Embedding(item_attributes.num_values + 1, hidden_size, padding_idx=0)
        self.relation_embedding = nn.Embedding(self.num_relations, hidden_size)
        self.layers = nn.ModuleList(_Layer(hidden_size, num_heads, dropout) for _ in range(num_layers))
        values = torch.zeros(spec.num_items + 1, self.num_relations, dtype=torch.int64)
        values[:, 1 : 1 + len(RELATIONS)] = torch.from_numpy(item_attributes.single)
        self.values: Tensor
        """Value of each item in each relation, int64 [V + 1, R], 0 where there is none."""
        self.register_buffer("values", values)
        initialise(self)
        nn.init.zeros_(self.item_bias.weight)

    def encode(self, items: Tensor, lengths: Tensor, *, mask: MaskMode = "causal", want: Want = "last") -> Tensor:
        """The histories themselves, float [N, L], left-padded; ids are exact up to 16 million.

        Raises:
            ValueError: States of all positions are wanted.
        """
        if want == "all":
            raise ValueError("lrd has no states: it scores candidates against the items of a history; use objectives that ask for scores")
        return nn.functional.pad(items, (self.spec.max_length - items.shape[1], 0)).to(self.item_embedding.weight.dtype)

    def table(self, name: str) -> Tensor:
        """`relations`: r, float [R, d]. `values`: vectors of attribute values, float [A + 1, d], row 0 zero.

        Raises:
            ValueError: There are no vectors of that name.
        """
        tables = {"relations": self.relation_embedding, "values": self.value_embedding}
        if name not in tables:
            raise ValueError(f"lrd has vectors of {' and '.join(tables)}, and none of {name}")
        weight: Tensor = tables[name].weight
        return weight

    def score(self, states: Tensor, users: Tensor | None = None, candidates: Tensor | None = None) -> Tensor:
        """Scores of all V items, or of candidate ids [C], or [N, C] of each row's own: float [N, V] or [N, C].

        Args:
            states: Histories as `encode` gives them, float [N, L].
            users: int64 [N]; None: of a user about whom nothing is known.
            candidates: Ids; None: all items.
        """
        history = states.long()
        if candidates is None:
            candidates = torch.arange(1, self.spec.num_items + 1, device=states.device)
        if candidates.ndim == 2:
            return self._score(history, users, candidates)
        held = self._held(states)
        if not self.layers and not torch.is_grad_enabled():
            shared = _SharedHistory(history, self.item_embedding.weight)
            blocks = candidates.split(max(1, held // max(1, len(shared.vectors))))
            return torch.cat([self._score_shared(shared, history, users, block) for block in blocks], dim=1)
        return self._score_apart(history, users, candidates)

    def _held(self, states: Tensor) -> int:
        """Row × candidate × position, as many as are held at once."""
        return _HELD.get(states.device.type, _HELD["cuda"]) // self.num_relations

    def _score_apart(self, history: Tensor, users: Tensor | None, candidates: Tensor) -> Tensor:
        """`_score` of candidates that all rows share, in blocks."""
        blocks = candidates.split(max(1, self._held(history) // history.numel()))
        return torch.cat([self._score(history, users, block) for block in blocks], dim=1)

    def _seen_as(self, candidates: Tensor, items: Tensor) -> Tensor:
        """(r_k + v_ik) ∘ e_i of candidates and their vectors [..., C, d]: float [..., C, R, d]."""
        relations: Tensor = self.relation_embedding.weight + self.value_embedding(self.values[candidates])
        return relations * items[..., None, :]

    def _score_shared(self, shared: _SharedHistory, history: Tensor, users: Tensor | None, candidates: Tensor) -> Tensor:
        """What `_score` gives for candidates that all rows share, where T is nothing: in a seventh of the time (Office, one thread).

        With z = mean_k c_k no context is needed: ⟨c_k, e_i⟩ = Σ_h exp(a_hk) ⟨e_h, e_i⟩ / Σ_h exp(a_hk), and both sums are over items
        that rows have in common, for each of which the exponential is taken once.
        """
        items = self.item_embedding(candidates)  # [C, d]
        affinity = shared.vectors @ self._seen_as(candidates, items).flatten(0, 1).T  # a, [H, C · R]
        weights = affinity.sub_(affinity.amax(0)).exp_()
        sums = shared.counts @ weights  # [N, C · R]
        if not bool((sums > _VANISHED).all()):  # all that a row has is far below what another has
            return self._score_apart(history, users, candidates)
        weights.view(len(weights), len(items), -1).mul_((shared.vectors @ items.T)[:, :, None])
        scores: Tensor = ((shared.counts @ weights) / sums).view(len(history), len(items), -1).mean(2)
        if users is not None:
            scores = scores + self.user_embedding(users) @ items.T
        result: Tensor = scores + self.item_bias(candidates)[:, 0]
        return result

    def _score(self, history: Tensor, users: Tensor | None, candidates: Tensor) -> Tensor:
        """Scores of candidates that all rows share, [C], or of each row's own, [N, C]: float [N, C]."""
        past = self.item_embedding(history)  # [N, L, d]
        items = self.item_embedding(candidates)  # [(N,) C, d]
        scores = past @ self._seen_as(candidates, items).flatten(-3, -2).transpose(-1, -2)  # [N, L, C · R]
        weights = scores.masked_fill((history == 0)[:, :, None], float("-inf")).softmax(1)
        contexts = (weights.transpose(1, 2) @ past).unflatten(1, (-1, self.num_relations))  # [N, C, R, d]
        mixed = contexts.flatten(0, 1)
        for layer in self.layers:
            mixed = layer(mixed)
        wanted = mixed.mean(1).unflatten(0, contexts.shape[:2])  # [N, C, d]
        if users is not None:
            wanted = wanted + self.user_embedding(users)[:, None, :]
        result: Tensor = (wanted * items).sum(-1) + self.item_bias(candidates)[..., 0]
        return result


class _SharedHistory:
    """The items that some histories hold, each once.

    Args:
        history: Ids, int64 [N, L], 0 at padding; every row has an item.
        table: Vectors of items, float [V + 1 or more, d].
    """

    def __init__(self, history: Tensor, table: Tensor) -> None:
        items, places = history.unique(return_inverse=True)
        counts = table.new_zeros(len(history), len(items)).scatter_add_(1, places, (history > 0).to(table.dtype))
        real = items > 0
        self.vectors = table[items[real]]
        """e, float [H, d]."""
        self.counts = counts[:, real]
        """How often each row holds each, float [N, H]."""


class _Layer(nn.Module):
    """Self-attention over the contexts of a candidate, then a feed-forward part, each with residual and norm."""

    def __init__(self, hidden_size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size)
        self.inner = nn.Linear(hidden_size, hidden_size)
        self.outer = nn.Linear(hidden_size, hidden_size)
        self.attended = nn.LayerNorm(hidden_size)
        self.fed = nn.LayerNorm(hidden_size)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Contexts [M, R, d] -> [M, R, d]."""
        query, key, value = self.query_key_value(x).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # [M, H, R, d / H] each
        mixed = nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        x = self.attended(self.dropout.add(mixed, x))
        result: Tensor = self.fed(self.dropout.add(self.outer(torch.relu(self.inner(x))), x))
        return result
