"""What a trained run is worth: ranks, metrics and groups on both splits, under both protocols for seen items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sracl.data import by_time
from sracl.data.splits import training_counts
from sracl.evaluation.catalogue import Shown
from sracl.evaluation.groups import head_begins, history_groups, target_groups
from sracl.evaluation.metrics import metrics
from sracl.evaluation.ranking import TIE_RULE, Ranks, rank
from sracl.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from sracl.data.samples import SequenceTable
    from sracl.recipes.plan import RunPlan
    from sracl.runs.parts import Parts
    from sracl.tracking.store import Store


def judge(key: str, run: RunPlan, store: Store, parts: Parts, folder: Path) -> None:
    """Rank every user's target on both splits, seen items kept and excluded, and store ranks, metrics and groups.

    Of all users besides what their lists show of the catalogue.
    """
    cutoffs, batch_size = run.values["evaluation"]["cutoffs"], run.values["evaluation"]["batch_size"]
    lengths = np.diff(parts.data.offsets)
    counts, num_items = training_counts(parts.data), parts.data.num_items
    head = head_begins(counts)
    kept = {"items": np.asarray([num_items], np.int32), "head": np.asarray([head], np.int32)}
    splits: dict[str, tuple[SequenceTable, Tensor]] = {
        "valid": (parts.valid, parts.seen_valid),
        "test": (parts.test, parts.seen_test),
    }
    for split, (histories, seen) in splits.items():
        shown = {seen_items: Shown(num_items, cutoffs, histories.users.device) for seen_items in ("keep", "exclude")}
        ranks: Ranks = rank(parts.backbone, histories, seen, batch_size=batch_size, shown=shown)
        users = histories.users.cpu().numpy()
        popularity = counts[histories.targets.cpu().numpy() - 1]
        groups = {"all": np.ones(len(users), dtype=bool), **history_groups(lengths[users]), **target_groups(popularity, head)}
        for seen_items, counted in shown.items():
            found = getattr(ranks, seen_items).cpu().numpy()
            kept[f"{split}.{seen_items}"] = found.astype(np.int32)
            for group, members in groups.items():
                if members.any():
                    values = metrics(found[members], cutoffs, num_items=num_items)
                    store.metrics(
                        key,
                        split=split,
                        protocol=protocol(run, parts, seen_items),
                        group=group,
                        values={**values, **counted.metrics(counts)} if group == "all" else values,
                        count=int(members.sum()),
                    )
        kept[f"{split}.users"] = users.astype(np.int32)
        kept[f"{split}.lengths"] = lengths[users].astype(np.int32)
        kept[f"{split}.seen"] = (seen > 0).sum(1).cpu().numpy().astype(np.int32)
        kept[f"{split}.popularity"] = popularity.astype(np.int32)
    # durable, as the state is that follows: a completed run is not judged again
    write_whole(folder / "ranks.npz", lambda part: np.savez_compressed(part, **kept), durable=True)  # type: ignore[arg-type]


def protocol(run: RunPlan, parts: Parts, seen_items: str) -> dict[str, Any]:
    """Everything that must agree before two figures may be compared."""
    return {
        "dataset": parts.data.name,
        "data": parts.data.fingerprint,
        "split": by_time.label(run.values["evaluation"]["split"]),
        "candidates": run.values["evaluation"]["candidates"],
        "seen_items": seen_items,
        "ties": TIE_RULE,
    }
