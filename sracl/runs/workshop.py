"""What several runs of a recipe share: data sets, and tables of neighbours, each made once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.data import datasets
from sracl.data.interactions import LEAVE_ONE_OUT
from sracl.errors import DataError
from sracl.llm_providers.allowance import Allowance
from sracl.registry import parameters
from sracl.registry.catalog import catalog
from sracl.registry.find_prompt import find_prompt
from sracl.runs import stages
from sracl.runs.artifacts import Artifact, Artifacts

if TYPE_CHECKING:
    import torch

    from sracl.data.interactions import Interactions
    from sracl.recipes.plan import RunPlan

Report = Callable[[str], None]


class Workshop:
    """Makes the parts of runs, and keeps what several runs of one recipe share.

    Args:
        device: Where tensors live.
        report: Is told, in a line each, what the stages before training do.
        allowance: What may be spent on texts; by default as much as the recipe says.
    """

    def __init__(self, device: torch.device, report: Report, allowance: Allowance | None = None) -> None:
        self.device = device
        self.report = report
        self.allowance = allowance or Allowance()
        self.artifacts = Artifacts(paths.cache())
        self._data: dict[str, Interactions] = {}
        self._neighbours: dict[str, tuple[Any, list[Artifact]]] = {}

    def demand_data(self, runs: Iterable[RunPlan]) -> None:
        """Refuse to begin while a data set is absent, or cannot be divided as a run asks.

        Raises:
            DataError: With the folders searched and how to import, or with what is wrong.
        """
        for run in runs:
            if run.data_fingerprint is None or run.values["evaluation"]["split"] != LEAVE_ONE_OUT:
                self.interactions(run)

    def interactions(self, run: RunPlan) -> Interactions:
        """The run's data set, as it was when the plan was made.

        Raises:
            DataError: It is absent, malformed, or has changed since.
        """
        key = json.dumps([run.values["data"], run.values["evaluation"]["split"]], sort_keys=True)
        if key not in self._data:
            data = datasets.of_run(run.values)
            for note in data.notes:
                self.report(f"{data.name}: {note}")
            self._data[key] = data
        data = self._data[key]
        if run.data_fingerprint and data.fingerprint != run.data_fingerprint:
            raise DataError(f"the data set '{data.name}' has changed since the recipe was resolved; run the command again.")
        return data

    def neighbours(self, kind: str, run: RunPlan, data: Interactions) -> tuple[Any, list[Artifact]]:
        """Neighbour tables of `items` or `sequences`, made once for all runs that ask for the same.

        Raises:
            DataError: The words that texts are asked for with have changed since the plan was made.
        """
        table, max_length = run.values["semantics"][kind], run.values["data"]["max_length"]
        key = json.dumps([kind, table, max_length, data.training_fingerprint], sort_keys=True)
        if key not in self._neighbours:
            _demand_words(kind, run)
            shared: dict[str, Any] = {"artifacts": self.artifacts, "assemble": self.component, "report": self.report}
            if kind == "items":
                self._neighbours[key] = stages.item_neighbours(data, table, **shared)
            else:
                self._neighbours[key] = stages.sequence_neighbours(data, table, max_length=max_length, **shared)
            self._count(self._neighbours[key][1])
        return self._neighbours[key]

    def texts(self, kind: str, run: RunPlan, data: Interactions) -> Artifact:
        """The texts of `items` or `sequences` alone.

        Raises:
            DataError: The words that they are asked for with have changed since the plan was made.
        """
        _demand_words(kind, run)
        table, max_length = run.values["semantics"][kind], run.values["data"]["max_length"]
        made = stages.write_texts(
            kind, data, table, max_length=max_length, artifacts=self.artifacts, assemble=self.component, report=self.report
        )
        self._count([made])
        return made

    def _count(self, made: Iterable[Artifact]) -> None:
        """Have texts that are here already count towards the ceiling: it is what they may cost altogether, however often one begins."""
        for artifact in made:
            if artifact.stage == "describe":
                told = artifact.facts.get("llm", {}) if artifact.was_cached else {}
                self.allowance.ceiling.count_texts(artifact.digest, told.get("dollars", 0.0) + told.get("dollars_in_doubt", 0.0))

    def component(self, kind: str, table: Mapping[str, Any], path: str) -> Any:
        """A provider, encoder or retriever; one that may choose its device is given the run's."""

        def given(name: str, _: str) -> Any:
            raise KeyError(f"a {kind} is not given '{name}'")

        component = parameters.build(catalog(), kind, self._placed(table), given, path)
        if hasattr(component, "allowance"):
            component.allowance = self.allowance
        if hasattr(component, "offline"):
            component.offline = self.allowance.offline
        return component

    def _placed(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """The table, and those within it, with the run's device where they leave it open."""
        placed = {name: self._placed(value) if isinstance(value, Mapping) else value for name, value in table.items()}
        return {**placed, "device": self.device.type} if placed.get("device") == "auto" else placed


def _demand_words(kind: str, run: RunPlan) -> None:
    """Refuse a prompt that is not that of the plan, by which the run is known: its file may have been edited since."""
    prompt = run.values["semantics"][kind]["prompt"]
    planned = run.words.get(kind)
    if planned and find_prompt(catalog(), prompt).fingerprint != planned:
        raise DataError(f"the prompt '{prompt}' has changed since the recipe was resolved; run the command again.")
