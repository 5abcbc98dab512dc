"""Runs on data that are divided by time: what is judged, what texts read, and what is recommended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sracl.data import datasets
from sracl.data.splits import evaluation_prefixes
from sracl.errors import DataError, UsageError
from sracl.evaluation import rank_file
from sracl.recipes.plan import plan
from sracl.runs import stages
from sracl.runs.artifacts import digest_of
from sracl.runs.execute import execute
from sracl.runs.guard import REACH
from sracl.runs.screen import Screen
from sracl.runs.trained import recommender
from sracl.tracking import queries
from sracl.tracking.queries import RunRow
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store

SETS = ["data.num_users=200", "train.epochs=1", "backbone.hidden_size=8", "seeds=[1]"]
TIME = 'evaluation.split={by="time", valid=0.7, test=0.85}'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with SRA-CL trained on data divided by time, and another run of it with one left out."""
    home = tmp_path_factory.mktemp("by_time")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRACL_HOME", str(home))
        patch.setenv("SRACL_CACHE_DIR", str(home / "cache"))
        with Store.open(home / "store.db") as store, Screen(quiet=True) as screen:
            for split in ([TIME], []):
                (result,) = execute(plan("methods/sracl", sets=[*SETS, *split]), store, screen, device="cpu")
                assert result.status == "trained", result.reason
    return home


def of_split(home: Path, word: str) -> tuple[RunRow, set[str]]:
    """The run of a split, and what its protocols call that."""
    with Reader.open(home / "store.db") as store:
        facts = queries.protocols(store)
        for run in queries.runs(store):
            splits = {str(facts[figure.protocol]["split"]) for figure in queries.final_metrics(store, [run.id], split=None)}
            if any(word in split for split in splits):
                return run, splits
    raise AssertionError(word)


def test_users_are_judged_by_their_last_item_of_each_part(home: Path) -> None:
    run, splits = of_split(home, "time")
    assert splits == {"by time 0.7/0.85 (last item)"}
    data = datasets.of_run(run.values)
    ranks = rank_file.read(Path(run.folder) / "ranks.npz")
    for split in ("valid", "test"):
        rows = evaluation_prefixes(data, split, 20)
        assert 10 < len(rows) < data.num_users
        assert ranks[f"{split}.users"].tolist() == rows.users.tolist()
        assert len(np.unique(ranks[f"{split}.keep"])) > 5


def test_texts_and_neighbours_are_of_what_trains_and_not_those_of_another_split(home: Path) -> None:
    (by_time, _), (one_out, _) = of_split(home, "time"), of_split(home, "leave-one-out")
    data = datasets.of_run(by_time.values)
    planned = {run.id: stages.planned(run.values, data.fingerprint) for run in (by_time, one_out)}
    digests = {name: {digest_of(stage, key) for _, stage, key in made} for name, made in planned.items()}
    assert not digests[by_time.id] & digests[one_out.id]
    reached = [np.load(file) for file in (home / "cache").rglob(REACH) if file.parent.name[:10] in {d[:10] for d in digests[by_time.id]}]
    assert reached
    for highest in reached:
        assert (highest <= data.trained).all()
        assert highest.max() > 2


def test_lists_are_those_that_were_evaluated_and_users_without_a_target_are_named(home: Path) -> None:
    run, _ = of_split(home, "time")
    ranks = rank_file.read(Path(run.folder) / "ranks.npz")
    with Reader.open(home / "store.db") as store:
        model = recommender(store, run, device=torch.device("cpu"), report=pytest.fail)
    told = list(model.to_users(count=5, split="test", seen_items="keep"))
    assert [model.data.users.index(each.user) for each in told] == ranks["test.users"].tolist()
    assert [each.target.rank for each in told if each.target] == ranks["test.keep"].tolist()
    (one,) = model.to_users([told[3].user], count=5, split="test", seen_items="keep")
    assert one == told[3]
    untested = next(user for user in model.data.users if user not in {each.user for each in told})
    with pytest.raises(UsageError, match=f"nothing tests of '{untested}': the run's split is by time"):
        list(model.to_users([untested], count=5, split="test"))
    assert len(list(model.to_users([untested], count=5))) == 1


def test_data_without_times_are_refused_before_anything_is_done(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(home))
    resolved = plan("methods/sasrec", sets=["data={name='markov', max_length=8}", TIME], seeds=[1])
    with (
        Store.open(home / "store.db") as store,
        Screen(quiet=True) as screen,
        pytest.raises(DataError, match="'markov' does not say when anything was chosen"),
    ):
        execute(resolved, store, screen, device="cpu")
