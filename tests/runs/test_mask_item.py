"""MASK from the recipe to the figures: it has a vector where a component asks for it, and is never an item."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sracl.evaluation.ranking import rank
from sracl.interfaces import SequenceSpec
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.execute import execute
from sracl.runs.parts import Parts
from sracl.runs.screen import Screen
from sracl.runs.workshop import Workshop
from sracl.tracking.store import Store
from tests.support.recipes import sracl_recipe

NUM_ITEMS = 40
PLAIN = ["objective.cross.weight=0.0", "objective.intra.weight=0.0"]
VIEWS = """
[[objective]]
id = "views"
use = "view_contrast"
weight = 0.1
views = { use = "distinct", augmenters = ["crop", { use = "mask", ratio = 0.5 }, "reorder"] }
loss = { use = "nt_xent" }
"""

DECLARED = """
[[view]]
id = "pair"
use = "distinct"
augmenters = ["crop", { use = "mask", ratio = 0.5 }, "reorder"]

[[objective]]
id = "views"
use = "view_contrast"
weight = 0.1
views = "view.pair"
loss = { use = "nt_xent" }
"""


def assembled(recipe: Path, *sets: str) -> Parts:
    (run,) = plan(str(recipe), sets=[*PLAIN, *sets]).runs
    return assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    return sracl_recipe(tmp_path, epochs=2, extra=VIEWS)


def test_a_table_has_a_row_for_padding_one_per_item_and_one_for_mask() -> None:
    assert SequenceSpec(NUM_ITEMS, 8).table_rows == 41
    assert SequenceSpec(NUM_ITEMS, 8, has_mask=True).table_rows == 42


def test_mask_has_a_row_where_a_component_asks_for_it(recipe: Path) -> None:
    backbone = assembled(recipe).backbone
    assert backbone.spec.has_mask
    assert len(backbone.item_embedding.weight) == NUM_ITEMS + 2
    for objection in ("objective.views.weight=0.0", 'objective.views.views.augmenters=["crop", "reorder"]'):
        without = assembled(recipe, objection).backbone
        assert not without.spec.has_mask
        assert len(without.item_embedding.weight) == NUM_ITEMS + 1


def test_a_declared_view_asks_for_mask_like_one_within_an_objective(recipe: Path, tmp_path: Path) -> None:
    assert assembled(sracl_recipe(tmp_path, name="declared", extra=DECLARED)).backbone.spec.has_mask
    assert not assembled(tmp_path / "declared.toml", "objective.views.weight=0.0").backbone.spec.has_mask


def test_mask_is_no_class_and_is_never_ranked(recipe: Path) -> None:
    parts = assembled(recipe)
    assert len(parts.backbone.item_table()) == NUM_ITEMS + 1
    before = rank(parts.backbone, parts.test, parts.seen_test)
    with torch.no_grad():
        parts.backbone.item_embedding.weight[NUM_ITEMS + 1] = 1e3  # would stand before every item, or after all
    after = rank(parts.backbone, parts.test, parts.seen_test)
    assert torch.equal(before.keep, after.keep)
    assert torch.equal(before.exclude, after.exclude)
    states = parts.backbone.encode(*parts.backbone.prepare(*parts.test.gather(torch.arange(3))))
    assert parts.backbone.score(states).shape == (3, NUM_ITEMS)


def test_a_run_trains_mask_and_ranks_items_only(recipe: Path, tmp_path: Path) -> None:
    untrained = assembled(recipe).backbone.item_embedding.weight.detach()
    with Store.open(tmp_path / "store.db") as store, Screen(quiet=True) as screen:
        (result,) = execute(plan(str(recipe), sets=PLAIN), store, screen, device="cpu")
    assert result.status == "trained", result.reason
    folder = tmp_path / "runs" / result.run_id
    trained = load_file(folder / "best.safetensors")["item_embedding.weight"]
    assert trained.shape == untrained.shape == (NUM_ITEMS + 2, 16)
    assert not torch.equal(trained[NUM_ITEMS + 1], untrained[NUM_ITEMS + 1])
    ranks = np.load(folder / "ranks.npz")
    assert 1 <= ranks["test.keep"].min() <= ranks["test.keep"].max() <= NUM_ITEMS
