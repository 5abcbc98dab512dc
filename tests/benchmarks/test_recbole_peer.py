"""RecBole is given the same task: the same weights rank every test item alike on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import recbole_peer, recipe
from sracl.evaluation.metrics import metrics
from sracl.evaluation.ranking import rank

pytest.importorskip("recbole", reason="needs the extra bench")


def renamed(ours: dict[str, Tensor], order: Tensor) -> dict[str, Tensor]:
    """Weights of our SASRec under RecBole's names, items in its order; positions, which the two count differently, are 0."""
    d = ours["norm.weight"].shape[0]
    found = {
        "item_embedding.weight": ours["item_embedding.weight"][order],
        "position_embedding.weight": torch.zeros(20, d),
        "LayerNorm.weight": ours["norm.weight"],
        "LayerNorm.bias": ours["norm.bias"],
    }
    for depth in range(2):
        attention, feed_forward, layer = f"encoder.attention.{depth}", f"encoder.feed_forward.{depth}", f"trm_encoder.layer.{depth}"
        for kind in ("weight", "bias"):
            key, value = ours[f"{attention}.key_value.{kind}"].chunk(2)
            theirs = {
                "multi_head_attention.query": ours[f"{attention}.query.{kind}"],
                "multi_head_attention.key": key,
                "multi_head_attention.value": value,
                "multi_head_attention.dense": ours[f"{attention}.output.{kind}"],
                "multi_head_attention.LayerNorm": ours[f"{attention}.norm.{kind}"],
                "feed_forward.dense_1": ours[f"{feed_forward}.inner.{kind}"],
                "feed_forward.dense_2": ours[f"{feed_forward}.outer.{kind}"],
                "feed_forward.LayerNorm": ours[f"{feed_forward}.norm.{kind}"],
            }
            found |= {f"{layer}.{name}.{kind}": tensor for name, tensor in theirs.items()}
    return found


def test_both_sides_rank_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # RecBole writes logs where it stands
    monkeypatch.setattr(torch, "load", torch.load)  # given back after the test, see `recbole_peer.revive`
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    setup = recipe.setup("methods/sasrec", ["data.name=demo"])
    recbole_peer.write_interactions(data="demo", folder=str(tmp_path))
    # 15 decimals instead of 4
    config, model, train, _, test = recbole_peer.load(data="demo", folder=str(tmp_path), anomaly=False, metric_decimal_place=15)
    parts = setup.parts
    assert len(train._dataset) == len(parts.samples)

    torch.nn.init.normal_(parts.backbone.item_embedding.weight[1:].detach(), std=0.5)
    with torch.no_grad():
        parts.backbone.get_parameter("position_embedding.weight").zero_()
    tokens = train._dataset.field2id_token["item_id"]
    order = torch.tensor([0, *(int(token) for token in tokens[1:])])
    model.load_state_dict(renamed(dict(parts.backbone.state_dict()), order))
    result = recbole_peer.trainer(config, model).evaluate(test, load_best_model=False)

    ours = metrics(rank(parts.backbone, parts.test, parts.seen_test).keep.numpy(), [5, 10, 20])
    # one user whose target changes places with a neighbour would move a metric by at most 1 / users
    for name, value in ours.items():
        assert float(result[name.replace("hr@", "hit@")]) == pytest.approx(value, abs=1.5 / len(parts.test)), name
    assert ours["hr@20"] > 0
