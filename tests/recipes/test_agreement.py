"""What does not go together is refused where the recipe is read, with all else that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sracl.recipes.plan import plan

Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

PAIRWISE = 'objective.next={ use = "pairwise_ranking" }'
CLOZE = 'objective.next={ use = "cloze", loss = "cross_entropy" }'
UNTRAINED = (
    "--set: history_bias: None of the objectives (next) trains it. next_item and cloze do; leave [history_bias] out, or use one of them."
)


def test_a_bias_that_nothing_trains_is_said_with_what_else_is_wrong(complaints: Complaints) -> None:
    found = complaints("", "history_bias=repeat", "backbone=lrd", PAIRWISE, "train.epochs=0")
    assert found == ["--set: train.epochs: Should be an integer of at least 1, got 0.", UNTRAINED]


def test_a_bias_is_not_trained_by_an_objective_of_weight_0(complaints: Complaints, child: Callable[[str], str]) -> None:
    off = child('[[objective]]\nid = "fill"\nuse = "cloze"\nloss = "cross_entropy"\nweight = 0\n')
    assert complaints(off, "history_bias=repeat", PAIRWISE) == [UNTRAINED]


def test_a_bias_is_learned_by_a_loss_that_takes_one(complaints: Complaints, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("plain_loss.py", "def hinge(states, item_table, targets):\n    ...\n")
    monkeypatch.syspath_prepend(Path.cwd())
    (found,) = complaints("", "history_bias=repeat", 'objective.next.loss={ use = "plain_loss:hinge" }')
    assert found.startswith("--set: objective.next.loss: plain_loss:hinge takes no bias, so that [history_bias] would be")
    for loss in ("cross_entropy", "sampled_softmax", "binary_cross_entropy"):
        assert plan("small.toml", sets=["history_bias=repeat", f"objective.next.loss={loss}"]).runs


def test_what_is_asked_in_ranking_is_trained(complaints: Complaints) -> None:
    (found,) = complaints("", CLOZE)
    assert found.startswith(
        "--set: objective.next: Items are ranked by the state of the latest item with the backbone sasrec, which no objective trains: "
        "next predicts from another. Use next_item"
    )
    (found,) = complaints("", "backbone=bert4rec")
    assert "Items are ranked by a MASK behind the history with the backbone bert4rec" in found
    assert plan("small.toml", sets=[CLOZE, "backbone=bert4rec"]).runs


def test_where_the_source_does_not_tell_nothing_is_said(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        "own.py",
        "class Own:\n"
        "    def __init__(self):\n        self.predicts = 'next'\n        self.trains_bias = True\n"
        "    def term(self, batch):\n        ...\n",
    )
    monkeypatch.syspath_prepend(Path.cwd())
    assert plan("small.toml", sets=["history_bias=repeat", "backbone=bert4rec", 'objective.next={ use = "own:Own" }']).runs
