"""Nothing that validates or tests is read: by (user, position), and by what happens when it is changed."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pytest

from sracl import paths
from sracl.data.datasets import load
from sracl.data.interactions import Interactions
from sracl.data.splits import Prefixes
from sracl.llm_providers.template import Template
from sracl.registry.catalog import catalog
from sracl.registry.find_prompt import find_prompt
from sracl.semantics import descriptions, neighbours, prompts, requests
from sracl.semantics.requests import Requests


def here(name: str) -> bool:
    return any((folder / name).is_dir() for folder in paths.data_folders())


DATASETS = [
    "demo",
    *(pytest.param(name, marks=pytest.mark.skipif(not here(name), reason=f"{name} is not in SRACL_DATA")) for name in ("office", "beauty")),
]


def assert_training_only(interactions: Interactions, prefixes: Prefixes) -> None:
    """Every index that a row reads belongs to its user, at a position of at most n - 2."""
    begins, ends = interactions.offsets[:-1], interactions.offsets[1:]
    assert bool((prefixes.starts >= begins[prefixes.users]).all())
    assert bool((prefixes.stops <= ends[prefixes.users] - 2).all())
    assert bool((prefixes.stops > prefixes.starts).all())


def other_endings(interactions: Interactions) -> Interactions:
    """The same training part, with every user's last two interactions replaced by other items."""
    items = interactions.items.copy()
    for back in (1, 2):
        last = interactions.offsets[1:] - back
        items[last] = items[last] % interactions.num_items + 1
    return dataclasses.replace(interactions, items=items)


def first_users(interactions: Interactions, count: int) -> Interactions:
    offsets = interactions.offsets[: count + 1]
    return dataclasses.replace(interactions, items=interactions.items[: offsets[-1]], offsets=offsets, users=interactions.users[:count])


@pytest.mark.parametrize("name", DATASETS)
def test_no_validation_or_test_interaction_is_in_the_pool_or_a_context(name: str) -> None:
    interactions = load(name)
    for unit in ("prefix", "user"):
        pool = neighbours.sequence_pool(interactions, 20, unit=unit, pool="train")
        assert_training_only(interactions, pool.prefixes)
        # Σ (n - 3) samples, each of them a row of its own user
        assert len(pool.rows) == int(np.maximum(interactions.lengths - 3, 0).sum())
    contexts = prompts.item_contexts(interactions, 5)
    assert len(contexts.prefixes) > interactions.num_items
    assert_training_only(interactions, contexts.prefixes)
    leaky = neighbours.sequence_pool(interactions, 20, unit="prefix", pool="all").prefixes
    assert int((leaky.stops > interactions.offsets[1:][leaky.users] - 2).sum()) == interactions.num_users


@pytest.mark.parametrize("name", DATASETS)
def test_descriptions_stay_the_same_whatever_validates_and_tests(name: str) -> None:
    interactions = first_users(load(name), 400)
    changed = other_endings(interactions)
    assert bool((interactions.items != changed.items).sum() == 2 * interactions.num_users)

    def asked(data: Interactions, pool: Literal["train", "all"]) -> list[Requests]:
        rows = neighbours.sequence_pool(data, 20, unit="prefix", pool=pool).prefixes
        words = {name: find_prompt(catalog(), name) for name in ("products", "purchases")}
        of_items = requests.of_items(data, contexts=5, template=words["products"], domain="x")
        return [of_items, requests.of_sequences(data, rows, template=words["purchases"], domain="x")]

    def told(data: Interactions, pool: Literal["train", "all"]) -> list[list[str]]:
        """Every request that a language model would be sent, and every text that is written from the fields alone."""
        made = asked(data, pool)
        sent = [[prompt.user for prompt in each.prompts()] for each in made]
        return [*sent, *(descriptions.describe(Template(), each.prompts()) for each in made)]

    assert told(interactions, "train") == told(changed, "train")
    assert told(interactions, "all") != told(changed, "all")
