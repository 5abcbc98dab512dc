"""From a run's plan to its parts: data, semantics, backbone, objectives, sampler, optimizer."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sracl import paths
from sracl.data import datasets, splits
from sracl.data.samples import SequenceNeighbours, SequenceTable
from sracl.engine.seeding import Streams
from sracl.engine.step import Weighted
from sracl.errors import DataError
from sracl.interfaces import SequenceSpec
from sracl.registry import parameters
from sracl.registry.catalog import catalog
from sracl.runs import stages
from sracl.runs.artifacts import Artifact, Artifacts

if TYPE_CHECKING:
    from sracl.backbones.base import Backbone
    from sracl.data.interactions import Interactions
    from sracl.interfaces import Sampler
    from sracl.recipes.plan import RunPlan

Report = Callable[[str], None]


class Workshop:
    """Makes the parts of runs, and keeps what several runs of one recipe share.

    Args:
        device: Where tensors live.
        report: Is told, in a line each, what the stages before training do.
    """

    def __init__(self, device: torch.device, report: Report) -> None:
        self.device = device
        self.report = report
        self.artifacts = Artifacts(paths.cache())
        self._data: dict[str, Interactions] = {}
        self._neighbours: dict[str, tuple[Any, list[Artifact]]] = {}

    def demand_data(self, runs: Iterable[RunPlan]) -> None:
        """Refuse to begin while a data set is absent.

        Raises:
            DataError: With the folders searched and how to import.
        """
        for run in runs:
            if run.data_fingerprint is None:
                self.interactions(run)

    def interactions(self, run: RunPlan) -> Interactions:
        """The run's data set, as it was when the plan was made.

        Raises:
            DataError: It is absent, malformed, or has changed since.
        """
        table = dict(run.values["data"])
        key = json.dumps(table, sort_keys=True)
        if key not in self._data:
            name = table.pop("name")
            table.pop("max_length")
            data = datasets.load(name, table)
            for note in data.notes:
                self.report(f"{name}: {note}")
            self._data[key] = data
        data = self._data[key]
        if run.data_fingerprint and data.fingerprint != run.data_fingerprint:
            raise DataError(f"the data set '{data.name}' has changed since the recipe was resolved; run the command again.")
        return data

    def neighbours(self, kind: str, run: RunPlan, data: Interactions) -> tuple[Any, list[Artifact]]:
        """Neighbour tables of `items` or `sequences`, made once for all runs that ask for the same."""
        table, max_length = run.values["semantics"][kind], run.values["data"]["max_length"]
        key = json.dumps([kind, table, max_length, data.fingerprint], sort_keys=True)
        if key not in self._neighbours:
            shared: dict[str, Any] = {"artifacts": self.artifacts, "assemble": self._stage_component, "report": self.report}
            if kind == "items":
                self._neighbours[key] = stages.item_neighbours(data, table, **shared)
            else:
                self._neighbours[key] = stages.sequence_neighbours(data, table, max_length=max_length, **shared)
        return self._neighbours[key]

    def _stage_component(self, kind: str, table: Mapping[str, Any], path: str) -> Any:
        """A provider, encoder or retriever; one that may choose its device is given the run's."""

        def given(name: str, _: str) -> Any:
            raise KeyError(f"a {kind} is not given '{name}'")

        if table.get("device") == "auto":
            table = {**table, "device": self.device.type}
        return parameters.build(catalog(), kind, table, given, path)


@dataclass
class Parts:
    """What one run trains with and is judged by."""

    data: Interactions
    samples: SequenceTable
    valid: SequenceTable
    test: SequenceTable
    seen_valid: Tensor
    """Distinct items of each user's history before the validation item, int64 [U, S], 0 where there are fewer."""
    seen_test: Tensor
    streams: Streams
    backbone: Backbone
    objectives: list[Weighted]
    sampler: Sampler
    optimizer: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]
    artifacts: dict[str, Artifact]
    """What the stages before training made, as `describe.items`."""


def assemble(run: RunPlan, shop: Workshop) -> Parts:
    """Build every part of a run.

    Raises:
        DataError: The data set is absent, malformed, or has nothing to train on.
        PluginError: A component could not be imported or built.
    """
    values, device = run.values, shop.device
    data = shop.interactions(run)
    max_length = values["data"]["max_length"]
    training = splits.training_prefixes(data, max_length)
    if len(training.targets) == 0:
        raise DataError(f"the data set '{data.name}' has no training sample: no user has 4 or more interactions.")
    samples = SequenceTable.of(data, training, max_length, device)
    spec = SequenceSpec(data.num_items, max_length, has_mask=_asks_for_mask(values))
    streams = Streams(run.seed, device)
    artifacts: dict[str, Artifact] = {}

    @functools.cache
    def item_neighbours() -> Tensor:
        table, made = shop.neighbours("items", run, data)
        artifacts.update({f"{artifact.stage}.items": artifact for artifact in made})
        return torch.from_numpy(np.ascontiguousarray(table)).to(device)

    @functools.cache
    def sequence_neighbours() -> SequenceNeighbours:
        tables, made = shop.neighbours("sequences", run, data)
        artifacts.update({f"{artifact.stage}.sequences": artifact for artifact in made})
        return SequenceNeighbours(
            ids=torch.from_numpy(tables.ids).to(device, torch.int64),
            rows=torch.from_numpy(tables.rows).to(device, torch.int64),
            pool=SequenceTable.of(data, tables.pool, max_length, device),
            vectors=torch.from_numpy(tables.vectors).to(device),
        )

    def given(name: str, path: str) -> Any:
        if name == "generator":
            return streams.named(path)
        makers: dict[str, Callable[[], Any]] = {
            "spec": lambda: spec,
            "mask_item": lambda: spec.num_items + 1,
            "samples": lambda: samples,
            "item_neighbours": item_neighbours,
            "sequence_neighbours": sequence_neighbours,
        }
        return makers[name]()

    def build(kind: str, table: Mapping[str, Any], path: str) -> Any:
        with streams.initialising(path):
            part = parameters.build(catalog(), kind, table, given, path)
        return part.to(device) if isinstance(part, torch.nn.Module) else part

    backbone = build("backbone", values["backbone"], "backbone")
    objectives = []
    for table in values["objective"]:
        component = {name: value for name, value in table.items() if name not in ("id", "weight")}
        objectives.append(Weighted(table["id"], table["weight"], build("objective", component, f"objective.{table['id']}")))
    evaluated = {split: splits.evaluation_prefixes(data, split, max_length) for split in ("valid", "test")}
    return Parts(
        data=data,
        samples=samples,
        valid=SequenceTable.of(data, evaluated["valid"], max_length, device),
        test=SequenceTable.of(data, evaluated["test"], max_length, device),
        seen_valid=_seen(data, evaluated["valid"]).to(device),
        seen_test=_seen(data, evaluated["test"]).to(device),
        streams=streams,
        backbone=backbone,
        objectives=objectives,
        sampler=build("sampler", values["samples"], "samples"),
        optimizer=build("optimizer", values["train"]["optimizer"], "train.optimizer"),
        artifacts=artifacts,
    )


def _asks_for_mask(values: Mapping[str, Any]) -> bool:
    """Whether any component of a run takes `mask_item`."""
    components = [
        ("backbone", values["backbone"]),
        ("sampler", values["samples"]),
        ("optimizer", values["train"]["optimizer"]),
        *(("objective", table) for table in values["objective"]),
    ]
    return any("mask_item" in parameters.needs(catalog(), kind, table) for kind, table in components)


def _seen(data: Interactions, prefixes: splits.Prefixes) -> Tensor:
    """Distinct items of each row's whole history, also beyond the window the model sees."""
    histories = [np.unique(data.sequence(int(user))[:visible]) for user, visible in zip(prefixes.users, prefixes.visible, strict=True)]
    table = np.zeros((len(histories), max(len(history) for history in histories)), dtype=np.int64)
    for row, history in enumerate(histories):
        table[row, : len(history)] = history
    return torch.from_numpy(table)
