"""Weight 0 equals absent, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from sracl.recipes.plan import plan
from sracl.runs.execute import execute
from sracl.runs.screen import Screen
from sracl.tracking import artifacts
from sracl.tracking.store import Store
from tests.support.recipes import sracl_recipe


def test_weight_zero_equals_a_recipe_without_the_objective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    text = sracl_recipe(tmp_path, epochs=2).read_text()
    without = tmp_path / "without.toml"
    head, _, rest = text.partition('[[objective]]\nid = "cross"')
    _, _, tail = rest.partition("[train]")
    semantics, _, backbone = head.partition("[backbone]")
    without.write_text(semantics.partition("[semantics.items]")[0] + "[backbone]" + backbone + "[train]" + tail)
    weights = []
    for name, recipe, sets in (
        ("zero", tmp_path / "small.toml", ["objective.cross.weight=0.0", "objective.intra.weight=0.0"]),
        ("absent", without, []),
    ):
        monkeypatch.setenv("SRACL_HOME", str(tmp_path / name))  # a store of its own, or the second would find the first's run
        resolved = plan(str(recipe), sets=sets)
        with Store.open(tmp_path / f"{name}.db") as store, Screen(quiet=True) as screen:
            (result,) = execute(resolved, store, screen, device="cpu")
        assert result.status == "trained", result.reason
        weights.append(load_file(tmp_path / name / "runs" / result.run_id / "best.safetensors"))
        with Store.open(tmp_path / f"{name}.db") as store:
            saved = {file.name: file.facts for file in artifacts.of_run(store, result.run_id) if not file.digest}
        parameters = sum(weight.numel() for weight in weights[-1].values())  # it has no buffers
        assert saved["best"]["parameters"] == saved["ranks"]["parameters"] == parameters
    assert weights[0].keys() == weights[1].keys()
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
