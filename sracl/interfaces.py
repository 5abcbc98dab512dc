"""What the parts of sracl promise one another: one Protocol per kind of component. Read this page first.

Two rules hold for every component.

*Positional parameters are given by the run, keyword-only parameters are chosen by the recipe.* What a run can give has
one of the names in `GIVEN`; a class that lists one as a positional parameter of its constructor gets it. Everything
after `*` is a parameter of the recipe: its annotation and default are the only declaration of its type and default.
A parameter annotated with one of the Protocols below is a slot, filled by a component table `{ use = "…" }`.
A component may be a class (built once per run) or a plain function (its keyword-only parameters are bound once; losses
and other pure computations).

*Item ids are integers from 1; 0 is padding.* Sequences are padded on the left; their last slot is the latest item.
Where a component of the run asks for `mask_item`, the id V + 1 is MASK: it may stand in a sequence, and is never an item.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes

GIVEN: dict[str, str | None] = {
    "spec": None,
    "generator": None,
    "mask_item": None,
    "samples": None,  # every training sample, as a `sracl.data.samples.SequenceTable`
    "histories": None,  # all that trains of each user, x_1 … x_m, as a `sracl.data.samples.SequenceTable`; targets are 0
    "item_attributes": None,  # categories and brands, as a `sracl.data.attributes.ItemAttributes`
    "item_vectors": "semantics.items",  # semantic vector of every item, float32 [V + 1, e]; row 0 and unknown items are zero
    "item_neighbours": "semantics.items",
    "sequence_neighbours": "semantics.sequences",
}
"""What a run can give to a constructor -> the recipe table without which it cannot."""

SLOTS: dict[str, str] = {
    "Backbone": "backbone",
    "HistoryBias": "history_bias",
    "Initializer": "initializer",
    "Augmenter": "augmenter",
    "ViewPair": "view",
    "ItemSimilarity": "similarity",
    "Retriever": "retriever",
    "LLMProvider": "llm_provider",
    "TextEncoder": "text_encoder",
    "Synthesizer": "synthesizer",
    "RankingLoss": "loss",
    "ContrastiveLoss": "loss",
    "Objective": "objective",
    "Sampler": "sampler",
    "Optimizer": "optimizer",
}
"""Annotation of a slot -> the kind of component that fills it."""

MaskMode: TypeAlias = Literal["causal", "bidirectional"]
Want: TypeAlias = Literal["last", "all"]
Reads: TypeAlias = Literal["one", "each"]
"""Targets that an objective can take: `one` a row, int64 [B]; `each`: those of all positions too, int64 [B, L]."""
Predicts: TypeAlias = Literal["next", "mask"]
"""Which states name an item: `next`, that of the latest item names what follows; `mask`, that of a MASK what it stands for."""

Precision: TypeAlias = Literal["float32", "bfloat16"]
"""What matrix products of the encoder are taken in while it is trained; everything else of a training is float32."""

BATCH = "batch"
"""The request key under which the batch itself is encoded; shared by all objectives of a step."""

VIEW = "view."
"""How a recipe refers to a pair of views declared under `[[view]]`, as `view.ID`, and how its shared request keys begin."""


@dataclass(frozen=True)
class SequenceSpec:
    """What a backbone needs to know of the prepared data."""

    num_items: int
    max_length: int
    has_mask: bool = False
    """Whether a component of the run asks for `mask_item`, so that MASK, id V + 1, may stand in sequences."""
    num_users: int = 0
    """U; a batch's users are 0..U-1."""

    @property
    def table_rows(self) -> int:
        """Vectors that reading sequences takes, so rows of an item embedding: of padding, of V items, and of MASK where there is one."""
        return self.num_items + 1 + self.has_mask


@dataclass(frozen=True)
class Batch:
    """Rows of one training step, on the device of the model."""

    samples: Tensor
    """Sample ids, int64 [B]."""
    users: Tensor
    """Row of each sample's user, int64 [B], from 0."""
    inputs: Tensor
    """Item ids, int64 [B, L], left-padded with 0."""
    lengths: Tensor
    """Real items per row, int64 [B], 1..L."""
    targets: Tensor
    """The next item, int64 [B]; where the sampler predicts at every position, the item after each, int64 [B, L], 0 at padding."""


@dataclass(frozen=True)
class Bias:
    """What is added to the scores of some items of each row."""

    items: Tensor
    """Item ids, int64 [N, C], none twice in a row; 0 for fewer than C."""
    values: Tensor
    """What is added, float [N, C]; 0 where there is no item."""

    def added_to(self, scores: Tensor) -> Tensor:
        """Scores of all items, float [N, V], with what is added to some."""
        return scores.scatter_add(1, (self.items - 1).clamp(min=0), self.values.to(scores.dtype))

    def of(self, candidates: Tensor) -> Tensor:
        """What is added to the scores of candidates, int64 [K], or [N, K] of each row's own: float [N, K]."""
        same = candidates[..., None] == self.items[:, None]  # [N, K, C]
        return (same * self.values[:, None]).sum(2)


@dataclass(frozen=True)
class Request:
    """Sequences an objective wants encoded.

    Keys name a result within one objective; `BATCH` and those of declared views (`view.ID.first`) name one for all
    objectives of a step. Two requests of one key are one encoding, and nothing is ever merged by content: two passes over
    the same items draw their dropout twice.
    """

    key: str
    items: Tensor
    """int64 [N, L], left-padded."""
    lengths: Tensor
    """int64 [N]."""
    mask: MaskMode = "causal"
    want: Want = "last"
    """`last`: float [N, d]. `all`: float [N, L, d], zeros at padding."""
    grad: bool = True


class Encoded(Protocol):
    """What the engine hands back: a state per requested row, and the item side."""

    def __getitem__(self, key: str) -> Tensor:
        """States of the request with this key: float [N, d], or [N, L, d] where all were wanted.

        Raises:
            PluginError: The backbone has no states to compare, see `Backbone.has_states`.
        """
        ...

    @property
    def item_table(self) -> Tensor:
        """Item vectors with gradient, float [V + 1, d]; row 0 is padding and never a class."""
        ...

    def score(self, key: str, candidates: Tensor, users: Tensor | None = None) -> Tensor:
        """Scores of some items with gradient, by the last states of the request with this key, see `Backbone.score`: float [N, C]."""
        ...

    def table(self, name: str) -> Tensor:
        """Vectors of the backbone's that are not items', with gradient, see `Backbone.table`."""
        ...

    @property
    def has_bias(self) -> bool:
        """Whether the recipe has a `HistoryBias`."""
        ...

    def bias(self, items: Tensor) -> Bias:
        """What the recipe's `HistoryBias` adds to scores after these histories, int64 [N, L], with gradient.

        Raises:
            ValueError: It has none.
        """
        ...


Term: TypeAlias = Generator[Sequence[Request], Encoded, "Tensor"]
"""A term of the loss: yields its requests once, is sent the encoded states, returns a scalar in nats."""


class Backbone(Protocol):
    """Turns sequences of items into states, and items into vectors. Constructor: `(spec, *, parameters)`.

    The embedding that it reads sequences with has `spec.table_rows` rows, not V + 1: MASK may stand in a sequence.

    `sracl.backbones.base.Backbone` is an `nn.Module` with all of this but `encode`.
    """

    has_states: bool
    """Whether what it encodes are vectors to compare. Where they are not, they serve `score` alone."""
    keeps_causal: bool
    """Whether it can give all states under a causal mask, of which none sees a later item."""
    predicts: Predicts
    """How it is asked for the next item, see `prepare`, and so what it must be trained in."""
    history_bias: HistoryBias | None
    """Given by the run, where the recipe has one."""

    def encode(self, items: Tensor, lengths: Tensor, *, mask: MaskMode = "causal", want: Want = "last") -> Tensor:
        """Encode left-padded ids, int64 [N, L'] with L' <= L, as float [N, d] (`last`) or [N, L', d] (`all`).

        Positions count from the last slot, so columns of padding on the left change nothing; padding slots of `all`
        are zero.

        Raises:
            ValueError: All states are wanted under a causal mask, and it cannot keep one; the last state alone may look
                at the whole row.
        """
        ...

    def item_table(self) -> Tensor:
        """Item vectors, float [V + 1, d]; row 0 is zero."""
        ...

    def table(self, name: str) -> Tensor:
        """Vectors of other things than items that objectives may share, such as `relations`: float [K, d].

        Raises:
            ValueError: This backbone has no vectors of that name.
        """
        ...

    def prepare(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The input that predicts what follows the history (by default the history itself)."""
        ...

    def score(self, states: Tensor, users: Tensor | None = None, candidates: Tensor | None = None) -> Tensor:
        """Scores of all V items, or of candidate ids [C], or [N, C] of each row's own: float [N, V] or [N, C]."""
        ...


class HistoryBias(Protocol):
    """Says what a history makes of some items by itself, which is added to their scores. An `nn.Module`, where it learns.

    It is the backbone's `history_bias`, and is trained, saved and moved with it. Constructor: `(spec, *, parameters)`.
    """

    def __call__(self, items: Tensor) -> Bias:
        """Of left-padded ids, int64 [N, L]. MASK may be among them, and is no item."""
        ...


class Initializer(Protocol):
    """Gives a fresh backbone weights to begin from. Constructor may take `item_vectors` and the like."""

    def __call__(self, backbone: Backbone) -> None:
        """Change weights of the backbone in place, before anything is trained.

        Raises:
            ValueError: The backbone has no weights of the kind.
        """
        ...


class Augmenter(Protocol):
    """Makes a view of each sequence: pure, batched, on the device. Constructor may take `generator`."""

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Left-padded ids int64 [N, L] and lengths [N] in and out; the input is never written to, and a row keeps an item at least."""
        ...


class ViewPair(Protocol):
    """Makes the two views of each sequence that a contrast compares. Constructor may take `generator`.

    An objective has a pair of its own, or names one declared under `[[view]]`, as `views = "view.ID"`: that is drawn once a
    step and encoded once, whoever names it.
    """

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        """What to encode as the first and as the second view, a row for each of the batch; keys differ."""
        ...


class ItemSimilarity(Protocol):
    """Knows which other item is most like each item. Constructor may take `histories`, `item_neighbours` and the like."""

    def __call__(self, items: Tensor) -> Tensor:
        """The nearest other item of each id, int64 of any shape; 0 where there is none, and for padding."""
        ...


class Synthesizer(Protocol):
    """Weighs the neighbours of a sequence, before they are encoded, so that unweighted ones need not be."""

    def __call__(self, anchors: Tensor, neighbours: Tensor) -> Tensor:
        """Pool rows of the anchors int64 [B] and of their neighbours [B, k] (-1: none) -> weights, float [B, k].

        A weight of exactly 0 means that the neighbour takes no part in this step.
        """
        ...


class RankingLoss(Protocol):
    """Loss of predicting one item among all."""

    def __call__(self, states: Tensor, item_table: Tensor, targets: Tensor) -> Tensor:
        """States [N, d], item vectors [V + 1, d] (row 0 is no class), target ids [N] -> scalar, nats."""
        ...


class BiasedRankingLoss(RankingLoss, Protocol):
    """One that serves recipes with a `history_bias` too; others are refused there."""

    def __call__(self, states: Tensor, item_table: Tensor, targets: Tensor, bias: Bias | None = None) -> Tensor:
        """With what is added to the products of states and item vectors."""
        ...


class ContrastiveLoss(Protocol):
    """Loss of telling each row's partner from the other rows.

    One that takes no `labels` serves every objective that gives none.
    """

    def __call__(self, anchor: Tensor, positive: Tensor, labels: Tensor | None = None) -> Tensor:
        """Rows [B, d]; row i of one belongs to row i of the other -> scalar, nats.

        Rows with equal labels, int64 [B], are no negatives of one another.

        Raises:
            ValueError: The sides differ in shape, or there is not one label a row; in words that name the shapes.
        """
        ...


class Objective(Protocol):
    """One term of the loss. It asks for states and never calls the backbone.

    It may say what a recipe must have for it, and is then refused before anything is trained where that is not so:
    `reads_targets: Reads | None`, where it needs the batch's targets, and `predicts: Predicts`, where it trains states to name
    an item. One that trains a `history_bias` says `trains_bias = True`, and has a `loss: RankingLoss`, which is to be a
    `BiasedRankingLoss` then. One that cannot do without states says `compares_states = True`: without it, it is refused as it
    asks for them, see `Encoded`. A recipe is refused where it is read for what is a constant of the class.
    """

    def term(self, batch: Batch) -> Term:
        """Yield the requests of this step once, receive `Encoded`, return the term (unweighted)."""
        ...


class Sampler(Protocol):
    """Decides what the training samples are, and which of them make up each step. Constructor takes `generator`."""

    def rows(self, interactions: Interactions, max_length: int) -> Prefixes:
        """Every training sample, in an order of its own for good: a row's number is the sample's id.

        Samples read and predict the first `interactions.trained` items of each user alone, which may be none or all.
        """
        ...

    def __call__(self, num_samples: int, batch_size: int) -> Sequence[Tensor]:
        """Sample ids of every step of one epoch, int64 [<= batch_size] each; no steps where there are no samples.

        Raises:
            ValueError: batch_size is below 1, in words that name it.
        """
        ...


@dataclass(frozen=True)
class Snapshot:
    """The model as it stands when an epoch begins, for components that look at all of it now and then."""

    epoch: int
    """From 1, within the stage."""
    steps: int
    """Steps done before, within the stage."""
    item_table: Tensor
    """A copy of the item vectors, float [V + 1, d]."""
    encode: Callable[[Tensor, Want], Tensor]
    """`(sample ids [S], "last" | "all") -> float [S, d] | [S, L, d]`, without dropout and without gradient.

    A PluginError where the backbone has no states, see `Backbone.has_states`.
    """


@runtime_checkable
class EpochHook(Protocol):
    """What a component of any kind may have besides: it is called before the first step of every epoch.

    What it computes must follow from the snapshot and its own generator alone, since a run that is resumed begins with it.
    """

    def begin_epoch(self, snapshot: Snapshot) -> None:
        """Refresh what depends on the model: clusters, similarities, memories."""
        ...


class Optimizer(Protocol):
    """Makes a torch optimizer."""

    def __call__(self, parameters: Sequence[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer over these parameters."""
        ...


@dataclass(frozen=True)
class ItemText:
    """What is known of an item in words; missing fields are empty."""

    title: str = ""
    brand: str = ""
    categories: tuple[str, ...] = ()
    description: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known."""
        return not (self.title or self.brand or self.categories or self.description or self.attributes)


@dataclass(frozen=True)
class AnswerForm:
    """What an answer to a prompt is to look like: a plain text, or a JSON object with a text in each field."""

    words: int = 100
    """Of a plain text: words asked for at most."""
    fields: Mapping[str, int] = field(default_factory=dict)
    """Of a JSON object: its fields, in the order they are read in, with the words asked for at most; empty for a plain text."""
    raw: bool = False
    """Whether a JSON object is taken as it was written, braces and all, as SRA-CL's official code does."""


@dataclass(frozen=True)
class Prompt:
    """One thing to be described: an item, or a sequence of items."""

    unit: Literal["item", "sequence"]
    items: tuple[ItemText, ...]
    """The item itself, or the sequence, oldest first."""
    contexts: tuple[tuple[ItemText, ...], ...] = ()
    """For an item: training sequences that end with it, oldest item first."""
    system: str = ""
    """Instruction for a language model."""
    user: str = ""
    """The request proper for a language model."""
    answer: AnswerForm = AnswerForm()
    """What a language model's answer is to look like."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known of what is to be described, so that nobody is asked."""
        return all(item.is_empty for item in self.items)


class LLMProvider(Protocol):
    """Writes a description per prompt.

    One whose answers cost something may have besides: `at_once`, true where it is to be given all prompts in one call; `allowance`,
    where the run puts what the command allows (`sracl.llm_providers.allowance`); `progress`, called with numbers of done and all;
    `facts`, of its last call, for the record.
    """

    def __call__(self, prompts: Sequence[Prompt]) -> list[str]:
        """One text per prompt, in order; an empty text where nothing is known."""
        ...


class TextEncoder(Protocol):
    """Turns texts into vectors.

    One that takes long may have besides: `progress`, called with numbers of texts done and all; `unfinished`, where the run puts a
    folder in which it may keep what is done until all is; `facts`, of its last call, for the record.
    """

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """One row per text, float32 [N, d]; a zero row for an empty text."""
        ...


class Retriever(Protocol):
    """Finds the nearest rows by cosine. A control that takes others says `finds_nearest = False`, which `sracl check` goes by."""

    def __call__(self, vectors: np.ndarray, k: int, *, queries: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest rows for each query row.

        Args:
            vectors: float32 [N, d], the pool; zero rows are never neighbours and have none.
            k: Neighbours per row.
            queries: int64 [Q], rows of the pool that ask.
            groups: int64 [N]; a row never gets a neighbour of its own group (all different: only itself is excluded).

        Returns:
            ids int64 [Q, k], by falling similarity and then id, -1 where there is none; similarities float32 [Q, k], -inf
            where there is none.

        Raises:
            DataError: k is not in 1..N-1, or a vector holds values that are no numbers. `check_request` of
                `sracl.retrievers.pool` says both.
        """
        ...


class Recorder(Protocol):
    """Where the engine reports to; the run binds it to the store and the screen."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """A step of an epoch is done."""
        ...

    def checkpoint(self, epoch: int, step: int | None) -> None:
        """The checkpoint that was asked for stands after this step; None: after this epoch, since within one there can be none."""
        ...

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """An epoch is done: mean loss, each objective's term, validation metrics, seconds."""
        ...
