"""What does not go together is refused where the recipe is read, with all else that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sracl.recipes.plan import plan
from sracl.registry.catalog import catalog
from sracl.registry.sayings import said
from sracl.registry.signatures import signature

Complaints: TypeAlias = Callable[..., list[str]]
Write: TypeAlias = Callable[[str, str], str]

PAIRWISE = 'objective.next={ use = "pairwise_ranking" }'
CLOZE = 'objective.next={ use = "cloze", loss = "cross_entropy" }'
STAGE = """\
[[stage]]
id = "pre"
[[stage.objective]]
id = "fill"
use = "cloze"
loss = "cross_entropy"
[stage.train]
batch_size = 8
epochs = 1
"""
VIEWS = """\
[[objective]]
id = "views"
use = "view_contrast"
views = { use = "same_target" }
loss = "nt_xent"
"""
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


def test_no_states_of_a_backbone_without_are_compared(complaints: Complaints, child: Callable[[str], str], write: Write) -> None:
    why = "compares states, and the backbone lrd has none: it scores candidates against a history. Take objectives that ask for scores"
    (only,) = complaints("", "backbone=lrd")
    assert only.startswith(f"small.toml:13: objective.next: next_item {why}")
    found = complaints(child(STAGE + VIEWS), "backbone=lrd", PAIRWISE)
    assert [problem.split(": ")[1] for problem in found] == ["stage.pre.objective.fill", "objective.views"]
    write("mine.toml", child(VIEWS))
    assert plan("mine.toml", sets=["backbone=lrd", PAIRWISE, "objective.views.weight=0"]).runs  # which is not built


def test_objectives_say_truly_whether_they_compare_states() -> None:
    for card in catalog().cards("objective"):
        source = Path(signature(card).path).read_text("utf-8")
        assert bool(said(card, "compares_states")) == bool(re.search(r"encoded\[|read\(encoded", source)), card.name
