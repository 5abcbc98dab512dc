"""A completed run, brought back from what the store and its folder keep of it; whatever is in the way is told at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl.data import datasets, search
from sracl.engine import checkpoint
from sracl.errors import DataError, SraclError, UsageError, did_you_mean
from sracl.llm_providers.allowance import Allowance
from sracl.recipes.plan import RunPlan
from sracl.runs.assembly import assemble_backbone
from sracl.runs.recommending import Recommender, typed_items
from sracl.runs.workshop import Workshop
from sracl.tracking import artifacts, queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from sracl.data.interactions import Interactions
    from sracl.runs.workshop import Report
    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader

WEIGHTS = "best"
"""What the file of a run's weights is called among its artifacts."""

_SHOWN = 10
"""Unknown names that are told one by one."""


def recommender(
    store: Reader, run: RunRow, *, users: Sequence[str] = (), history: Sequence[str] = (), device: torch.device, report: Report
) -> Recommender:
    """A run with its data set and its weights, to be asked for recommendations.

    Args:
        store: Knows the run.
        run: Completed, and trained here.
        users: Names that will be asked for.
        history: Items that will be asked for, as `typed_items` takes them.
        device: Where it is to live.
        report: Told what has to be made for it: nothing, where all that the backbone knows was saved with its weights.

    Raises:
        DataError: The data set is absent or has changed, or the weights are gone, damaged or another backbone's.
        UsageError: Only users or items are not there.
        PluginError: The backbone could not be imported or built.
    """
    file = next((Path(artifact.path) for artifact in artifacts.of_run(store, run.id) if artifact.name == WEIGHTS), None)
    lost: list[str] = []
    data = _data(run, _fingerprint(store, run), lost)
    weights = _weights(run, file, str(device), lost)
    unknown: list[str] = []
    if data is not None:
        items = typed_items(history, data.item_ids)
        unknown = [*_unknown("user", users, data.users, data.name), *_unknown("item", items, data.item_ids, data.name)]
    if lost or unknown:
        kind = DataError if lost else UsageError
        raise kind(_in_words(run, [*lost, *unknown]))
    assert data is not None and weights is not None
    saved = {"item_vectors": weights["item_vectors"][: data.num_items + 1]} if "item_vectors" in weights else {}
    # texts may not be asked of anybody for this: what they cost was spent when the run was trained
    shop = Workshop(device, report, Allowance(offline=True))
    backbone = assemble_backbone(_plan(run, data.fingerprint), shop, data, saved)
    try:
        backbone.load_state_dict(weights)
    except RuntimeError as error:
        raise DataError(f"{file} does not fit the backbone '{run.values['backbone']['use']}' as it is built now: {error}") from error
    return Recommender(run.values, data, backbone, device)


def _fingerprint(store: Reader, run: RunRow) -> str | None:
    """Of the data that the run was judged on; None where it has no figures."""
    facts = queries.protocols(store)
    return next((str(facts[row.protocol]["data"]) for row in queries.final_metrics(store, [run.id], split=None)), None)


def _data(run: RunRow, fingerprint: str | None, problems: list[str]) -> Interactions | None:
    """The data set as it is now; None, and a problem, where it is absent or cannot be read."""
    try:
        data = datasets.of_run(run.values)
    except SraclError as error:
        problems.append(str(error))
        return None
    if data.fingerprint != fingerprint:
        where = search.where(run.dataset)
        how = f"The files in {where} are" if where else "What is generated now is"
        problems.append(
            f"The data set '{run.dataset}' has changed since the run was trained, so that its weights may mean other items. "
            f"{how} not the data of then: bring those back, or run the recipe again."
        )
    return data


def _weights(run: RunRow, file: Path | None, device: str, problems: list[str]) -> dict[str, Tensor] | None:
    """The weights of the best epoch; None, and a problem, where they are gone or damaged."""
    again = f"`sracl rm {run.id} --yes` and the recipe once more train it again."
    if file is None or not file.is_file():
        problems.append(f"Its weights are gone: {file or run.folder} is not there. {again}")
        return None
    try:
        return checkpoint.read(file, device)[0]
    except DataError as error:
        problems.append(f"Its weights cannot be read: {file} is damaged ({error.__cause__}). {again}")
        return None


def _unknown(what: str, names: Sequence[str], known: Sequence[str], dataset: str) -> list[str]:
    """A line for each name that is not known, or for the first of many."""
    there = set(known)
    lost = [name for name in dict.fromkeys(names) if name not in there]
    told = [f"The data set '{dataset}' has no {what} '{name}'.{did_you_mean(name, known)}" for name in lost[:_SHOWN]]
    return [*told, f"Nor has it {len(lost) - _SHOWN:,} more that were named."] if lost[_SHOWN:] else told


def _in_words(run: RunRow, problems: Sequence[str]) -> str:
    subject = f"Run '{run.id}' ({run.label})"
    if len(problems) == 1:
        return f"{subject} cannot be asked. {problems[0]}"
    return "\n".join([f"{subject} cannot be asked, for {len(problems)} reasons:", *(f"  {problem}" for problem in problems)])


def _plan(run: RunRow, fingerprint: str) -> RunPlan:
    """The run's plan, as the store keeps it."""
    place = run.entries[0]
    cell: dict[str, Any] = json.loads(place.cell)
    return RunPlan(place.recipe, place.variant, cell, run.seed, run.values, run.origins, run.digest, run.leaky, fingerprint)
