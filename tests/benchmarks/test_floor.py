"""The arithmetic of a step, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import floor, recipe
from tests.support.recipes import sracl_recipe

BACKBONE = {"hidden_size": 4, "inner_size": 8, "num_layers": 2}


def test_products_of_two_layers() -> None:
    # ten tokens of three sequences, in multiply-adds. First layer: 10 · 4 · 12 + 10 · 4 · 4 + 2 · 10 · 4 · 8 = 480 + 160 + 640.
    # Last layer: keys and values 10 · 4 · 8 = 320; for the three last tokens query and output 2 · 3 · 16, feed-forward 2 · 3 · 32.
    multiply_adds = 480 + 160 + 640 + 320 + 96 + 192
    assert sum(product.gflop for product in floor.linear_products(10, 3, BACKBONE)) == pytest.approx(3 * 2 * multiply_adds / 1e9)


def test_attention_counts_pairs_that_are_seen() -> None:
    # lengths 1 and 3: first layer 1 + 6 pairs, last layer 1 + 3; a pair costs 4 multiply-adds to score and 4 to mix
    assert floor.attention_gflop(torch.tensor([1, 3]), BACKBONE) == pytest.approx(3 * 2 * 2 * 4 * (7 + 4) / 1e9)


def test_sequences_are_those_that_the_objectives_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    setup = recipe.setup(str(sracl_recipe(tmp_path)))
    (rows,) = setup.steps(1)
    batch = setup.parts.samples.batch(rows)
    # 64 rows four times (batch, anchor, two views) and their 5 neighbours each, of which dropout takes half
    assert len(floor.encoded_lengths(setup, batch, training=False)) == 64 * 4 + 64 * 5
    assert 64 * 4 < len(floor.encoded_lengths(setup, batch, training=True)) < 64 * 4 + 64 * 4
    measured = floor.measure(setup, [rows])
    assert measured["value"] > 0
    assert measured["gflop"] < measured["without_dropout"]["gflop"]
