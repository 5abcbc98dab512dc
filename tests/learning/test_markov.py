"""Methods on data whose answer is known: near the ceiling where transitions are sharp, at chance where they are uniform.

The ceiling catches what does not learn; chance catches what learns from where it must not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sracl.data.synthetic import markov_ceiling
from sracl.recipes.plan import plan
from sracl.runs.execute import execute
from sracl.runs.screen import Screen
from sracl.tracking import queries
from sracl.tracking.store import Store

NUM_ITEMS, NUM_USERS = 50, 300

SHARED = [
    "data.name=markov",
    f"data.num_items={NUM_ITEMS}",
    "data.max_length=10",
    "backbone.hidden_size=32",
    "backbone.inner_size=64",
    "backbone.dropout=0.1",
    "evaluation.cutoffs=[1, 10]",
]
OWN = {
    "methods/lrd": ["backbone.hidden_size=32", "backbone.num_layers=1"],  # in place of all that is said of backbones above
    "methods/lrd_aux": ["objective.latent.hidden_size=32"],
    "methods/mclrec": ["objective.meta.hidden_size=32"],
    "methods/s3rec": ["vars.hidden_size=32", "stage.pretrain.train.epochs=2"],
}
"""What these settings call for in some recipes."""

ROW_PER_USER = {"methods/bert4rec", "methods/sasrec_original"}
"""Recipes whose batches hold users, not prefixes, which are seven times as many: 32 users are steps as many as of prefixes."""


def hit_rates(
    recipe: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, sharpness: float, users: int, epochs: int, batch_size: int = 256
) -> dict[str, float]:
    """Test figures of one training, seen items kept."""
    monkeypatch.setenv("SRACL_HOME", str(folder))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(folder / "cache"))
    shared = [setting for setting in SHARED if not (recipe == "methods/lrd" and setting.startswith("backbone."))]
    batch, rate = (32, 5e-3) if recipe in ROW_PER_USER else (batch_size, 1e-2)
    sets = [*shared, *OWN.get(recipe, []), f"train.optimizer.lr={rate}", f"train.batch_size={batch}", f"train.epochs={epochs}"]
    sets += [f"data.num_users={users}", f"data.sharpness={sharpness}"]
    with Store.open(folder / "store.db") as store, Screen(quiet=True) as screen:
        (result,) = execute(plan(recipe, sets=sets, seeds=[1]), store, screen, device="cpu")
        assert result.status == "trained", result.reason
        protocols = queries.protocols(store)
        rows = queries.final_metrics(store, [result.run_id], split="test")
    kept = {row.name: row.value for row in rows if row.group == "all" and protocols[row.protocol]["seen_items"] == "keep"}
    assert set(kept) == {f"{name}@{cutoff}" for name in ("hr", "ndcg", "mrr", "coverage", "novelty") for cutoff in (1, 10)}
    return kept


@pytest.mark.parametrize(
    ("recipe", "epochs"),
    [
        ("methods/sasrec", 2),
        ("methods/sasrec_repeat", 3),
        ("methods/sasrec_original", 30),
        ("methods/gru4rec", 2),
        ("methods/bert4rec", 70),
        ("methods/bsarec", 2),
        ("methods/cl4srec", 5),
        ("methods/coserec", 3),
        ("methods/duorec", 2),
        ("methods/iclrec", 2),
        ("methods/icsrec", 3),
        ("methods/mclrec", 2),
        ("methods/s3rec", 3),
        ("methods/llm_esr", 4),
        ("methods/lrd_aux", 3),
        ("methods/sracl", 4),
    ],
)
def test_approaches_the_ceiling_of_a_sharp_source(recipe: str, epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = hit_rates(recipe, tmp_path, monkeypatch, sharpness=0.9, users=NUM_USERS, epochs=epochs, batch_size=64)["hr@1"]
    ceiling = markov_ceiling(0.9, NUM_ITEMS)  # .902
    # 300 users: standard deviation of the ceiling itself (.902 · .098 / 300)^½ = .017
    assert ceiling - 0.1 < reached < ceiling + 4 * 0.017


def test_a_scorer_that_sees_a_set_learns_what_a_set_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The order of a history, which says what follows here, is not known to lrd: what it can learn is which items follow any of
    # the ten it holds. Those ten have about ten followers, most of them in the history already, which rank high too.
    reached = hit_rates("methods/lrd", tmp_path, monkeypatch, sharpness=0.9, users=NUM_USERS, epochs=4, batch_size=64)
    assert 0.4 < reached["hr@10"] < 0.95  # chance .2
    assert reached["hr@1"] < 0.2  # ten candidates as likely as each other


@pytest.mark.parametrize(
    "recipe",
    [
        "methods/sasrec",
        "methods/sasrec_repeat",
        "methods/sasrec_original",
        "methods/gru4rec",
        "methods/bert4rec",
        "methods/bsarec",
        "methods/cl4srec",
        "methods/coserec",
        "methods/duorec",
        "methods/iclrec",
        "methods/icsrec",
        "methods/mclrec",
        "methods/s3rec",
        "methods/llm_esr",
        "methods/lrd",
        "methods/lrd_aux",
        "methods/sracl",
    ],
)
def test_stays_at_chance_on_a_uniform_source(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # these four, shown the item to be predicted, reach .68 to 1 after two epochs already
    epochs = 2 if recipe in {"methods/llm_esr", "methods/lrd", "methods/lrd_aux", "methods/sracl"} else 4
    reached = hit_rates(recipe, tmp_path, monkeypatch, sharpness=0.0, users=NUM_USERS, epochs=epochs)["hr@10"]
    # chance: 10 of 50; standard deviation over 300 users (.2 · .8 / 300)^½ = .023
    assert abs(reached - 0.2) < 4 * 0.023


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    ["methods/sasrec", "methods/sasrec_original", "methods/gru4rec", "methods/bsarec", "methods/sracl", "methods/sracl_official"],
)
@pytest.mark.parametrize("sharpness", [0.0, 0.5, 0.9, 1.0])
def test_ceiling_and_chance_in_full(recipe: str, sharpness: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = 2000
    reached = hit_rates(recipe, tmp_path, monkeypatch, sharpness=sharpness, users=users, epochs=20)["hr@1"]
    ceiling = markov_ceiling(sharpness, NUM_ITEMS)
    spread = (ceiling * (1 - ceiling) / users) ** 0.5
    assert ceiling - 0.03 - 4 * spread < reached < ceiling + 4 * spread + 1e-9
