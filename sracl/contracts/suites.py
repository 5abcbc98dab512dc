"""The promises of each kind, as a suite for a component of it that is not known before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from sracl.contracts.augmenter import AugmenterContract, left_padded
from sracl.contracts.backbone import BackboneContract
from sracl.contracts.given import NUM_USERS, Given
from sracl.contracts.history_bias import HistoryBiasContract
from sracl.contracts.initializer import InitializerContract
from sracl.contracts.loss import ContrastiveLossContract, LabelledContrastiveLossContract, RankingLossContract
from sracl.contracts.objective import MeanOfItems, ObjectiveContract
from sracl.contracts.retriever import NearestContract, RetrieverContract
from sracl.contracts.sampler import SamplerContract
from sracl.contracts.similarity import SimilarityContract
from sracl.contracts.synthesizer import SynthesizerContract
from sracl.contracts.text_encoder import TextEncoderContract
from sracl.contracts.view import ViewContract
from sracl.interfaces import SequenceSpec
from sracl.objectives.view_contrast import takes_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from sracl.backbones.base import Backbone
    from sracl.contracts.component import Component
    from sracl.data.samples import SequenceNeighbours, SequenceTable
    from sracl.interfaces import (
        Augmenter,
        Batch,
        HistoryBias,
        Initializer,
        ItemSimilarity,
        Objective,
        Retriever,
        Sampler,
        Synthesizer,
        TextEncoder,
        ViewPair,
    )

NUM_ITEMS = 12
"""Of the catalogue that components are tried on, where a suite has none of its own."""


def _moves(generator: torch.Generator, call: Callable[[], object]) -> bool:
    """Whether a call draws from a generator."""
    before = generator.get_state()
    call()
    return not torch.equal(generator.get_state(), before)


def _has_dropout(backbone: nn.Module) -> bool:
    """Whether one of its modules says that it drops something."""
    for part in backbone.modules():
        named = getattr(part, "p", 0.0) if "dropout" in type(part).__name__.lower() else getattr(part, "dropout", 0.0)
        if isinstance(named, float) and named > 0:
            return True
    return False


def _augmenter(component: Component, made: Augmenter) -> type[AugmenterContract]:
    spec = SequenceSpec(NUM_ITEMS, AugmenterContract.max_length, has_mask=component.asks_for("mask_item"))

    class Checked(AugmenterContract):
        num_items = spec.table_rows - 1  # MASK may stand in a view

        def make(self, generator: torch.Generator) -> Augmenter:
            augmenter: Augmenter = component.made(spec, generator=generator)
            return augmenter

        def items(self, lengths: Tensor) -> Tensor:
            return left_padded(lengths, self.max_length, spec.num_items)

        def test_draws_a_new_view_at_each_call(self) -> None:
            generator, lengths = torch.Generator().manual_seed(1), self.lengths()
            augmenter = self.make(generator)
            self.has_draws = _moves(generator, lambda: augmenter(self.items(lengths), lengths))
            super().test_draws_a_new_view_at_each_call()

    return Checked


def _backbone(component: Component, made: Backbone) -> type[BackboneContract]:
    needs_mask = component.asks_for("mask_item")

    class Checked(BackboneContract):
        causal = getattr(made, "keeps_causal", True)
        has_dropout = _has_dropout(made)

        def make(self, spec: SequenceSpec) -> Backbone:
            backbone: Backbone = component.made(replace(spec, has_mask=spec.has_mask or needs_mask))
            return backbone

    return Checked


def _history_bias(component: Component, made: HistoryBias) -> type[HistoryBiasContract]:
    class Checked(HistoryBiasContract):
        def history_bias(self) -> HistoryBias:
            history_bias: HistoryBias = component.made(SequenceSpec(self.num_items, 5, has_mask=True))
            return history_bias

    return Checked


def _initializer(component: Component, made: Initializer) -> type[InitializerContract]:
    class Checked(InitializerContract):
        def initializer(self) -> Initializer:
            initializer: Initializer = component.made(SequenceSpec(self.num_items, 7))
            return initializer

    return Checked


def _loss(component: Component, made: Any) -> type[RankingLossContract | ContrastiveLossContract]:
    def fresh(*arguments: Tensor) -> Tensor:
        """The loss made anew at each call, so that one that draws draws the same."""
        value: Tensor = component.made(SequenceSpec(NUM_ITEMS, 8))(*arguments)
        return value

    if component.protocol == "RankingLoss":

        class Ranking(RankingLossContract):
            draws_by_row = component.asks_for("generator")

            def loss(self) -> Any:
                return fresh

        return Ranking
    suite = LabelledContrastiveLossContract if takes_labels(made) else ContrastiveLossContract
    return type("Checked", (suite,), {"loss": lambda self: fresh})


def _objective(component: Component, made: Objective) -> type[ObjectiveContract]:
    spec = SequenceSpec(NUM_ITEMS, 8, has_mask=component.asks_for("mask_item"), num_users=NUM_USERS)

    class Checked(ObjectiveContract):
        num_items = spec.table_rows - 1  # MASK may stand in a request

        def objective(self) -> Objective:
            objective: Objective = component.made(spec)
            return objective

        def batch(self) -> Batch:
            given = Given(spec)
            table = given.positions if getattr(made, "reads_targets", None) == "each" else given.samples
            return table.batch(torch.arange(0, len(table), 5).flip(0))

        def encoder(self) -> MeanOfItems:
            return Given(spec).encoder

    return Checked


def _retriever(component: Component, made: Retriever) -> type[RetrieverContract]:
    suite = NearestContract if getattr(made, "finds_nearest", True) else RetrieverContract
    return type("Checked", (suite,), {"retriever": lambda self: component.made(SequenceSpec(NUM_ITEMS, 8))})


def _sampler(component: Component, made: Sampler) -> type[SamplerContract]:
    class Checked(SamplerContract):
        def make(self, generator: torch.Generator) -> Sampler:
            sampler: Sampler = component.made(SequenceSpec(NUM_ITEMS, self.max_length), generator=generator)
            return sampler

    return Checked


def _similarity(component: Component, made: ItemSimilarity) -> type[SimilarityContract]:
    class Checked(SimilarityContract):
        def similarity(self) -> ItemSimilarity:
            similarity: ItemSimilarity = component.made(SequenceSpec(self.num_items, 8, has_mask=True))
            return similarity

    return Checked


def _synthesizer(component: Component, made: Synthesizer) -> type[SynthesizerContract]:
    class Checked(SynthesizerContract):
        def make(self, neighbours: SequenceNeighbours, generator: torch.Generator) -> Synthesizer:
            spec = SequenceSpec(NUM_ITEMS, neighbours.pool.max_length)
            synthesizer: Synthesizer = component.made(spec, sequence_neighbours=neighbours, generator=generator)
            return synthesizer

    return Checked


def _text_encoder(component: Component, made: TextEncoder) -> type[TextEncoderContract]:
    class Checked(TextEncoderContract):
        def encoder(self) -> TextEncoder:
            return made  # which may take long to load, and keeps nothing of what it has read

    return Checked


def _view(component: Component, made: ViewPair) -> type[ViewContract]:
    class Checked(ViewContract):
        def make(self, samples: SequenceTable, generator: torch.Generator) -> ViewPair:
            spec = SequenceSpec(self.num_items, self.max_length, has_mask=True)
            views: ViewPair = component.made(spec, samples=samples, generator=generator)
            return views

        def test_draws_anew_at_each_call(self) -> None:
            generator, samples = torch.Generator().manual_seed(1), self.samples()
            views = self.make(samples, generator)
            self.has_draws = _moves(generator, lambda: views(self.batch(samples)))
            super().test_draws_anew_at_each_call()

    return Checked


SUITES: dict[str, Callable[[Component, Any], type]] = {
    "augmenter": _augmenter,
    "backbone": _backbone,
    "history_bias": _history_bias,
    "initializer": _initializer,
    "loss": _loss,
    "objective": _objective,
    "retriever": _retriever,
    "sampler": _sampler,
    "similarity": _similarity,
    "synthesizer": _synthesizer,
    "text_encoder": _text_encoder,
    "view": _view,
}
"""Kind -> from a component, and one that is made, to the suite that makes it as the suite's promises need it."""
