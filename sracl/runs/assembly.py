"""From a run's plan to its parts: data, semantics, backbone, objectives, sampler, optimizer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sracl.backbones.base import lacking
from sracl.data import splits
from sracl.data.attributes import item_attributes
from sracl.data.samples import SequenceNeighbours, SequenceTable
from sracl.engine.seeding import Streams
from sracl.engine.step import Weighted
from sracl.errors import DataError, PluginError
from sracl.interfaces import BATCH, VIEW, EpochHook, SequenceSpec
from sracl.recipes.schema import OPTIONAL
from sracl.registry import parameters
from sracl.registry.catalog import catalog
from sracl.runs.agreement import demand_bias, demand_prediction, demand_targets, demand_training_only
from sracl.runs.parts import Parts, Training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sracl.backbones.base import Backbone
    from sracl.data.attributes import ItemAttributes
    from sracl.data.interactions import Interactions
    from sracl.interfaces import Batch, Request, Sampler, ViewPair
    from sracl.recipes.plan import RunPlan
    from sracl.runs.artifacts import Artifact
    from sracl.runs.stages import ItemTables
    from sracl.runs.workshop import Workshop


def assemble(run: RunPlan, shop: Workshop) -> Parts:
    """Build every part of a run.

    Raises:
        DataError: The data set is absent, malformed, or has nothing to train on.
        PluginError: A component could not be imported or built, or does not go with the others.
    """
    data = shop.interactions(run)
    assembly = _Assembly(run, shop, data)
    backbone = assembly.backbone()
    if "initializer" in run.values:
        assembly.initialise(backbone, run.values["initializer"])
    stages = [(stage["id"], stage, f"stage.{stage['id']}.") for stage in run.values["stage"]]
    trainings = [assembly.training(backbone, *stage) for stage in [*stages, ("", run.values, "")]]
    demand_prediction(backbone, trainings[-1].objectives)
    if "history_bias" in run.values:
        demand_bias(trainings[-1].objectives)
    max_length, device = run.values["data"]["max_length"], shop.device
    evaluated = {split: splits.evaluation_prefixes(data, split, max_length) for split in ("valid", "test")}
    return Parts(
        data=data,
        valid=SequenceTable.of(data, evaluated["valid"], max_length, device),
        test=SequenceTable.of(data, evaluated["test"], max_length, device),
        seen_valid=torch.from_numpy(splits.seen(data, evaluated["valid"])).to(device),
        seen_test=torch.from_numpy(splits.seen(data, evaluated["test"])).to(device),
        streams=assembly.streams,
        backbone=backbone,
        trainings=trainings,
        artifacts=assembly.artifacts,
    )


def assemble_backbone(run: RunPlan, shop: Workshop, data: Interactions, saved: Mapping[str, Any]) -> Backbone:
    """The backbone of a run alone, as it is before it is trained: all that recommending takes, once it has its weights.

    Args:
        run: Its plan.
        shop: Makes what the backbone asks for.
        data: The run's data set.
        saved: What it need not make, such as `item_vectors`, by name.

    Raises:
        PluginError: It could not be imported or built.
    """
    return _Assembly(run, shop, data, saved).backbone()


class _Assembly:
    """Builds the components of one run, and gives each what it asks for; what is saved of that is not made again."""

    def __init__(self, run: RunPlan, shop: Workshop, data: Interactions, saved: Mapping[str, Any] | None = None) -> None:
        self.run = run
        self.shop = shop
        self.data = data
        self.saved = saved or {}
        self.max_length = run.values["data"]["max_length"]
        self.spec = SequenceSpec(data.num_items, self.max_length, has_mask=_asks_for_mask(run.values), num_users=data.num_users)
        self.streams = Streams(run.seed, shop.device)
        self.artifacts: dict[str, Artifact] = {}
        self.hooks: list[EpochHook] = []
        """Of the backbone, then of the stage being built too."""
        self.samples: SequenceTable | None = None
        """Of the stage being built."""
        self.views: dict[str, ViewPair] = {}
        """Declared pairs that the stage being built has named, by `view.ID`."""
        self.similarities: dict[str, Any] = {}
        """Of the stage being built, by their tables."""

    def backbone(self) -> Backbone:
        """What is trained, with the bias that the recipe gives its scores."""
        backbone: Backbone = self.build("backbone", self.run.values["backbone"], "backbone")
        if absent := lacking(backbone):
            raise PluginError(
                f"backbone '{self.run.values['backbone']['use']}': {type(backbone).__name__} has no {', '.join(absent)}. "
                "A subclass of sracl.backbones.base.Backbone has all of it but encode, which it writes."
            )
        if "history_bias" in self.run.values:
            backbone.history_bias = self.build("history_bias", self.run.values["history_bias"], "history_bias")
        return backbone

    def initialise(self, backbone: Backbone, table: Mapping[str, Any]) -> None:
        """Give the backbone the weights that the recipe has it begin from."""
        try:
            self.build("initializer", table, "initializer")(backbone)
        except ValueError as error:
            raise PluginError(f"initializer: '{table['use']}' cannot begin a {type(backbone).__name__}: {error}") from error

    def training(self, backbone: Backbone, name: str, values: Mapping[str, Any], prefix: str) -> Training:
        """Everything of one stage; `prefix` begins the paths of its tables."""
        outer, self.hooks, self.views, self.similarities = self.hooks, [*self.hooks], {}, {}
        sampler: Sampler = self.build("sampler", values["samples"], f"{prefix}samples")
        rows = sampler.rows(self.data, self.max_length)
        if len(rows) == 0:
            raise DataError(f"the data set '{self.data.name}' has no training sample: two interactions of a user or more have to train.")
        demand_training_only(self.data, rows, f"{prefix}samples")
        self.samples = samples = SequenceTable.of(self.data, rows, self.max_length, self.shop.device)
        objectives = []
        for table in values["objective"]:
            component = {key: value for key, value in table.items() if key not in ("id", "weight")}
            path = f"{prefix}objective.{table['id']}"
            objectives.append(Weighted(table["id"], table["weight"], self.build("objective", component, path)))
        demand_targets(values, backbone, samples, objectives, at=prefix)
        optimizer = self.build("optimizer", values["train"]["optimizer"], f"{prefix}train.optimizer")
        hooks, self.hooks = self.hooks, outer
        return Training(name, samples, sampler, objectives, optimizer, hooks, values["train"])

    def build(self, kind: str, table: Mapping[str, Any], path: str) -> Any:
        """A component, on the run's device."""
        with self.streams.initialising(path):
            part = parameters.build(catalog(), kind, table, self._given, path, self._note, self.similarities)
        return part.to(self.shop.device) if isinstance(part, torch.nn.Module) else part

    def _note(self, component: Any) -> None:
        if isinstance(component, EpochHook):
            self.hooks.append(component)

    def _given(self, name: str, path: str) -> Any:
        if name in self.saved:
            return self.saved[name]
        if name == "generator":
            return self.streams.named(path)
        if name.startswith(VIEW):
            return self._view(name)
        return getattr(self, f"_{name}")()

    def _view(self, name: str) -> ViewPair:
        """A declared pair: one for all objectives of a stage."""
        if name not in self.views:
            table = next(entry for entry in self.run.values["view"] if entry["id"] == name.removeprefix(VIEW))
            component = {key: value for key, value in table.items() if key != "id"}
            made = partial(self._note_of_view, name)
            self.views[name] = _SharedPair(name, parameters.build(catalog(), "view", component, self._given, name, made, self.similarities))
        return self.views[name]

    def _note_of_view(self, name: str, component: Any) -> None:
        """Refuse what a declared view would have to learn, since no objective holds it."""
        if isinstance(component, torch.nn.Module):
            if any(True for _ in component.parameters()):
                raise PluginError(
                    f"{name}: {type(component).__name__} has parameters, which a declared view neither trains nor saves. "
                    "Write its table into the objective instead, as views = { use = … }."
                )
            component.to(self.shop.device)
        self._note(component)

    def _spec(self) -> SequenceSpec:
        return self.spec

    def _mask_item(self) -> int:
        return self.spec.num_items + 1

    def _samples(self) -> SequenceTable:
        if self.samples is None:
            raise PluginError("training samples are there for what stands in a stage, not for a backbone")
        return self.samples

    def _histories(self) -> SequenceTable:
        rows = splits.histories(self.data)
        return SequenceTable.of(self.data, rows, int((rows.stops - rows.starts).max()), self.shop.device)

    def _item_attributes(self) -> ItemAttributes:
        return item_attributes(self.data)

    def _item_neighbours(self) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self._item_tables().neighbours)).to(self.shop.device)

    def _item_vectors(self) -> Tensor:
        return torch.from_numpy(self._item_tables().vectors).to(self.shop.device)

    def _item_tables(self) -> ItemTables:
        tables, made = self.shop.neighbours("items", self.run, self.data)
        self.artifacts.update({f"{artifact.stage}.items": artifact for artifact in made})
        found: ItemTables = tables
        return found

    def _sequence_neighbours(self) -> SequenceNeighbours:
        samples, device = self._samples(), self.shop.device
        self._demand_prefixes(samples)  # before texts are written, which may take hours and money
        tables, made = self.shop.neighbours("sequences", self.run, self.data)
        self.artifacts.update({f"{artifact.stage}.sequences": artifact for artifact in made})
        return SequenceNeighbours(
            ids=torch.from_numpy(tables.ids).to(device, torch.int64),
            rows=torch.from_numpy(tables.rows).to(device, torch.int64),
            pool=SequenceTable.of(self.data, tables.pool, self.max_length, device),
            vectors=torch.from_numpy(tables.vectors).to(device),
        )

    def _demand_prefixes(self, samples: SequenceTable) -> None:
        """Refuse samples other than the training prefixes, each of which has neighbours."""
        prefixes = splits.training_prefixes(self.data, self.max_length)
        if len(prefixes) != len(samples):
            raise PluginError(
                f'{len(prefixes):,} sequences have neighbours, but there are {len(samples):,} samples; they take samples = "prefix".'
            )
        if not all(
            np.array_equal(ours.cpu(), theirs) for ours, theirs in ((samples.users, prefixes.users), (samples.stops, prefixes.stops))
        ):
            raise PluginError(
                'neighbours are those of training prefixes, and the samples are others, if as many; they take samples = "prefix".'
            )


class _SharedPair:
    """Declared views: drawn once a step, and encoded once for all objectives that name them."""

    def __init__(self, name: str, views: ViewPair) -> None:
        self._name = name
        self._views = views
        self._drawn: tuple[Batch, tuple[Request, Request]] | None = None

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        if self._drawn is None or self._drawn[0] is not batch:
            first, second = self._views(batch)
            self._drawn = batch, (self._shared(first), self._shared(second))
        return self._drawn[1]

    def _shared(self, request: Request) -> Request:
        return request if request.key == BATCH else replace(request, key=f"{self._name}.{request.key}")


def _asks_for_mask(values: Mapping[str, Any]) -> bool:
    """Whether any component of a run takes `mask_item`."""
    stages = (values, *values["stage"])
    components = [
        ("backbone", values["backbone"]),
        *((name, values[name]) for name in OPTIONAL if name in values),
        *(("view", table) for table in values["view"]),
        *(("sampler", stage["samples"]) for stage in stages),
        *(("objective", table) for stage in stages for table in stage["objective"]),
    ]
    return any("mask_item" in parameters.needs(catalog(), kind, table) for kind, table in components)
