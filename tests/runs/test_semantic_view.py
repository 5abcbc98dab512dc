from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sracl.data.interactions import Interactions
from sracl.errors import UsageError
from sracl.recipes.plan import RunPlan, plan
from sracl.runs.semantic_view import item_view, user_view
from sracl.runs.workshop import Workshop


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(cache))
    return Workshop(torch.device("cpu"), lambda line: None)


def run(*sets: str) -> RunPlan:
    return plan("methods/sracl", sets=sets).runs[0]


def number(data: Interactions, name: str) -> int:
    return data.item_ids.index(name) + 1


def test_an_item_with_its_text_and_the_nearest_others(shop: Workshop) -> None:
    chosen = run("semantics.items.k=3")
    view = item_view(chosen, shop, "item-0007")
    data = shop.interactions(chosen)
    assert view.row.name == "item-0007"
    assert view.row.title == data.text(number(data, "item-0007")).title
    assert view.row.text.startswith(view.row.title)
    assert view.read == ()
    vectors = shop.neighbours("items", chosen, data)[0].vectors
    unit = vectors[1:] / np.linalg.norm(vectors[1:], axis=1, keepdims=True)
    cosines = unit @ unit[number(data, "item-0007") - 1]
    nearest = np.argsort(-cosines)[1:4]
    assert [neighbour.name for neighbour in view.neighbours] == [data.item_ids[place] for place in nearest]
    assert [neighbour.similarity for neighbour in view.neighbours] == pytest.approx(cosines[nearest].tolist(), abs=1e-5)
    assert all(neighbour.text.startswith(neighbour.title) for neighbour in view.neighbours)


@pytest.mark.parametrize("unit", ["prefix", "user"])
def test_a_user_by_the_longest_sequence_that_trains(shop: Workshop, unit: str) -> None:
    chosen = run(f"semantics.sequences.unit={unit}")
    view = user_view(chosen, shop, "user-0003")
    data = shop.interactions(chosen)
    user = data.users.index("user-0003")
    training = data.sequence(user)[: data.lengths[user] - 3]
    assert view.row.name == f"user-0003 up to {len(training)}"
    assert view.read == tuple(data.text(int(item)).title for item in training[-20:])
    assert view.row.title == view.read[-1]
    assert view.row.title in view.row.text
    assert len(view.neighbours) == 10
    similarities = [neighbour.similarity for neighbour in view.neighbours if neighbour.similarity is not None]
    assert similarities == sorted(similarities, reverse=True)
    assert not any(neighbour.name.startswith("user-0003 ") for neighbour in view.neighbours)
    assert all(neighbour.title in neighbour.text for neighbour in view.neighbours)


def test_what_is_not_there_is_refused_with_the_nearest_name(shop: Workshop) -> None:
    with pytest.raises(UsageError, match=r"the data set 'demo' has no item 'item-00071'\. Did you mean 'item-0071'"):
        item_view(run(), shop, "item-00071")
    with pytest.raises(UsageError, match="the data set 'demo' has no user 'nobody'"):
        user_view(run(), shop, "nobody")
    with pytest.raises(UsageError, match=r"puts no items into words: it has no \[semantics\.items\]"):
        item_view(plan("methods/sasrec").runs[0], shop, "item-0007")
