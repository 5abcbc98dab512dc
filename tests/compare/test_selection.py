"""Which run is meant where one with weights is asked for."""

from __future__ import annotations

import pytest

from sracl.compare.selection import one_trained
from sracl.errors import UsageError
from sracl.tracking.store import Store
from tests.compare.conftest import Add

FIGURES = {"hr@10": 0.2}
ELSEWHERE = {"environment": {"imported": {"file": "server.jsonl"}}}


def test_a_recipe_means_its_only_completed_run_that_was_trained_here(store: Store, add: Add) -> None:
    add("a", 1, FIGURES, state="failed")
    add("a", 2, FIGURES, **ELSEWHERE)
    here = add("a", 3, FIGURES)
    add("a", 4, FIGURES, recipe="another")
    assert one_trained(store, "ablation").id == here
    assert one_trained(store, here).id == here
    assert one_trained(store, "@last").id == "r4"


def test_of_several_runs_none_is_taken_by_chance(store: Store, add: Add) -> None:
    add("a", 1, FIGURES)
    add("b", 1, FIGURES)
    with pytest.raises(UsageError) as told:
        one_trained(store, "ablation")
    assert str(told.value).splitlines() == [
        "'ablation' has 2 completed runs. Name one of them by its id, or by how that begins:",
        "  r1  a",
        "  r2  b",
    ]


def test_runs_without_weights_here_are_refused_in_words(store: Store, add: Add) -> None:
    add("a", 1, FIGURES, state="failed")
    with pytest.raises(UsageError, match="No run of 'ablation' is completed; they are failed"):
        one_trained(store, "ablation")
    with pytest.raises(UsageError, match=r"Run 'r1' \(a\) is failed, and only completed runs have weights"):
        one_trained(store, "r1")
    add("a", 2, FIGURES, **ELSEWHERE)
    for meant in ("ablation", "r2"):
        with pytest.raises(UsageError, match=r"Run 'r2' \(a\) was imported from server.jsonl"):
            one_trained(store, meant)
    with pytest.raises(UsageError, match=r"neither a recipe with runs here nor .* Did you mean 'ablation'\?"):
        one_trained(store, "ablatoin")
