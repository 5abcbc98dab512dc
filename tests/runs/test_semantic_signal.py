from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sracl.data.by_time import divided
from sracl.data.datasets import load
from sracl.errors import UsageError
from sracl.recipes.plan import RunPlan, plan
from sracl.runs.semantic_signal import _one_less, signal
from sracl.runs.workshop import Workshop
from sracl.semantics.prompts import item_contexts


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(cache))
    return []


def run(*sets: str, recipe: str = "methods/sracl") -> RunPlan:
    return plan(recipe, sets=sets).runs[0]


def test_texts_of_the_demo_know_what_comes_next(told: list[str]) -> None:
    found = signal(run(), Workshop(torch.device("cpu"), told.append))
    assert found.dataset == "demo"
    assert found.items is not None
    assert found.sequences is not None
    # 34 % is what the docstring of `template` says of lsa on the demo, whose items are made of styles and kinds
    assert found.items.next_item_unseen
    assert found.items.next_item.by_text == pytest.approx(0.34, abs=0.005)
    assert found.items.next_item.by_text > 3 * found.items.next_item.by_popularity
    assert found.items.transitions.adjacent > 1.5 * found.items.transitions.random
    assert found.sequences.neighbours.same_user == 0  # excluded
    assert found.sequences.neighbours.same_target > 3 * found.sequences.neighbours.same_target_by_chance

    told.clear()
    assert signal(run(), Workshop(torch.device("cpu"), told.append)) == found
    assert all("cached" in line or "once more" in line for line in told)


def test_texts_that_have_seen_the_answer_look_better(told: list[str]) -> None:
    shop = Workshop(torch.device("cpu"), told.append)
    honest, flattered = signal(run(), shop), signal(run(), shop, as_they_are=True)
    assert honest.items is not None
    assert flattered.items is not None
    assert flattered.items.next_item.by_text > honest.items.next_item.by_text
    assert not flattered.items.next_item_unseen
    alone = signal(run("semantics.items.contexts=0"), shop, as_they_are=True).items
    assert alone is not None
    assert alone.next_item_unseen  # a text from the item's fields has seen no transition


def test_shuffled_texts_know_nothing(told: list[str]) -> None:
    shuffled = 'semantics.items.text_encoder={ use = "shuffled", encoder = "lsa" }'
    found = signal(run(shuffled), Workshop(torch.device("cpu"), told.append)).items
    assert found is not None
    # chance is 20 of 696 items, 2.9 %; of 600 users that is 17 with a deviation of 4
    assert found.next_item.by_text == pytest.approx(found.next_item.by_chance, abs=4 * 4 / 600)
    assert found.transitions.adjacent == pytest.approx(found.transitions.random, abs=0.03)


def test_one_interaction_less() -> None:
    demo = load("demo")
    less = _one_less(demo)
    np.testing.assert_array_equal(less.trained, demo.trained - 1)
    assert less.training_fingerprint != demo.training_fingerprint
    # texts read what they would if the last interaction of each user were not there
    kept = np.ones(demo.num_interactions, dtype=bool)
    kept[demo.offsets[1:] - 1] = False
    cut = replace(demo, items=demo.items[kept], offsets=demo.offsets - np.arange(demo.num_users + 1))
    shown, due = item_contexts(less, 5), item_contexts(cut, 5)
    np.testing.assert_array_equal(np.diff(shown.offsets), np.diff(due.offsets))
    assert 0 < len(due.prefixes) < len(item_contexts(demo, 5).prefixes)
    reached = less.trained[shown.prefixes.users] - shown.prefixes.visible
    assert reached.min() == 0
    again = _one_less(divided(demo, {"by": "time", "valid": 0.8, "test": 0.9, "target": "last"}))
    assert again.trained.min() == 0
    assert again.training_fingerprint not in (less.training_fingerprint, demo.training_fingerprint)


def test_a_recipe_without_words_is_refused(told: list[str]) -> None:
    with pytest.raises(UsageError, match="puts nothing into words"):
        signal(run(recipe="methods/sasrec"), Workshop(torch.device("cpu"), told.append))
