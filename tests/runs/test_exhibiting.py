from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sracl.recipes.plan import RunPlan, plan
from sracl.runs import exhibiting
from sracl.runs.assembly import assemble
from sracl.runs.exhibit import Exhibit
from sracl.runs.exhibiting import exhibit
from sracl.runs.parts import Parts
from sracl.runs.semantic_view import item_view, user_view
from sracl.runs.workshop import Workshop
from tests.support.recipes import sracl_recipe

USERS = 60


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))


def assembled(folder: Path, *sets: str) -> tuple[RunPlan, Workshop, Parts]:
    (run,) = plan(str(sracl_recipe(folder, users=USERS)), sets=sets).runs
    shop = Workshop(torch.device("cpu"), report=lambda line: None)
    return run, shop, assemble(run, shop)


def shown(folder: Path, *sets: str) -> Exhibit:
    file = exhibit(*assembled(folder, *sets), folder)
    assert file is not None
    return Exhibit.open(file)


def test_it_agrees_with_the_tables_that_the_run_trains_on(tmp_path: Path) -> None:
    run, shop, parts = assembled(tmp_path)
    file = exhibit(run, shop, parts, tmp_path)
    assert file is not None
    found = Exhibit.open(file)
    assert found.facts["users"] == USERS
    assert found.facts["items"] == 40
    assert found.facts["substitution"] == {"ratio": 0.2, "count": "bernoulli"}
    assert found.facts["weighed_by"] == "attention"
    for item in found.find_items(limit=5):
        whole = found.items([item.id])[item.id]
        view = item_view(run, shop, item.name)
        others = found.items([other for other, _ in whole.neighbours or ()])
        assert [others[other].name for other, _ in whole.neighbours or ()] == [row.name for row in view.neighbours]
        assert [cosine for _, cosine in whole.neighbours or ()] == pytest.approx([row.similarity for row in view.neighbours], abs=1e-4)
    for row in found.find_sequences(limit=5):
        sequence = found.sequence(row.id)
        theirs = user_view(run, shop, row.name)
        titles = found.items(sequence.items)
        assert [titles[item].title for item in sequence.items] == list(theirs.read)
        assert [near.name for near in sequence.neighbours or ()] == [near.name for near in theirs.neighbours]
        # x_{n-2}, the target of the last training sample, is not among them: of ten, seven are read
        assert sequence.items == tuple(parts.data.sequence(sequence.id)[:7].tolist())


def test_weights_are_those_of_the_synthesizer_without_dropout(tmp_path: Path) -> None:
    found = shown(tmp_path)
    for row in found.find_sequences():
        weights = [near.weight or 0.0 for near in found.sequence(row.id).neighbours or ()]
        assert len(weights) == 5
        assert sum(weights) == pytest.approx(1, abs=1e-3)
    ours = shown(tmp_path, "objective.cross.synthesizer=mean")
    assert {near.weight for row in ours.find_sequences() for near in ours.sequence(row.id).neighbours or ()} == {0.2}


@pytest.mark.parametrize("synthesizer", ["attention", "random"])
def test_no_stream_and_no_mode_changes(synthesizer: str, tmp_path: Path) -> None:
    run, shop, parts = assembled(tmp_path, f"objective.cross.synthesizer={synthesizer}")
    before = parts.streams.state()
    exhibit(run, shop, parts, tmp_path)
    after = parts.streams.state()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    modules = [module for each in parts.objectives if isinstance(each.objective, torch.nn.Module) for module in each.objective.modules()]
    assert all(module.training for module in modules)


def test_one_seed_shows_the_same_users_and_few_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhibiting, "USERS", 7)
    first, again = shown(tmp_path), shown(tmp_path)
    names = [row.name for row in first.find_sequences()]
    assert len(names) == 7
    assert names == [row.name for row in again.find_sequences()]
    assert names != [row.name for row in shown(tmp_path, "seeds=[2]").find_sequences()]
    # whatever is named has a title
    named = {item for row in first.find_sequences() for near in first.sequence(row.id).neighbours or () for item in near.items}
    assert first.items(named).keys() == named


def test_without_one_of_the_objectives_its_half_is_missing(tmp_path: Path) -> None:
    without_cross = shown(tmp_path, "objective.cross.weight=0.0")
    assert (without_cross.facts["has_sequences"], without_cross.facts["weighed_by"]) == (False, None)
    assert without_cross.sequence(without_cross.find_sequences()[0].id).neighbours is None
    without_intra = shown(tmp_path, "objective.intra.weight=0.0")
    assert (without_intra.facts["has_items"], without_intra.facts["substitution"]) == (False, None)
    assert without_intra.find_items() == []


def test_a_run_without_texts_has_none(tmp_path: Path) -> None:
    assert exhibit(*assembled(tmp_path, "objective.cross.weight=0.0", "objective.intra.weight=0.0"), tmp_path) is None
    assert not (tmp_path / "exhibit.db").exists()
