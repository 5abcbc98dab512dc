"""What is told of metrics is told of all that are computed, and of nothing else."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

from sracl.errors import UsageError
from sracl.evaluation.catalogue import Shown
from sracl.evaluation.definitions import ALL, OF_RANKS, Definition, defined
from sracl.evaluation.metrics import metrics


def test_every_metric_that_is_computed_is_defined() -> None:
    shown = Shown(3, [2])
    shown.add(torch.tensor([[1, 3]]))
    of_ranks, of_lists = metrics(np.array([1]), [2]), shown.metrics(np.array([5, 1, 2]))
    assert list(of_ranks) == [f"{name}@2" for name in OF_RANKS]
    assert [*of_ranks, *of_lists] == [f"{each.name}@2" for each in ALL]


@pytest.mark.parametrize("definition", ALL, ids=lambda definition: definition.name)
def test_a_definition_says_where_its_metric_is_computed(definition: Definition) -> None:
    module, _, names = definition.entry.partition(":")
    found = import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    assert callable(found)


def test_a_metric_is_meant_with_or_without_a_cutoff_by_any_of_its_names() -> None:
    by_name = {each.name: each for each in ALL}
    assert defined("ndcg") == (by_name["ndcg"], None)
    assert defined("Recall@5") == defined("test.hr@5") == (by_name["hr"], 5)
    assert defined("map@20") == (by_name["mrr"], 20)
    assert defined("methods/sracl") is defined("@last") is defined("@best:ndcg@10") is None
    with pytest.raises(UsageError, match="as in mrr@10"):
        defined("mrr@-1")
