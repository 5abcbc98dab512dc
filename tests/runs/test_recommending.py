"""Lists of trained runs against the ranks that their evaluation stored, for backbones that score in different ways."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from sracl.errors import DataError, UsageError
from sracl.evaluation import rank_file
from sracl.recipes.plan import plan
from sracl.runs.execute import execute
from sracl.runs.recommending import Recommender
from sracl.runs.screen import Screen
from sracl.runs.trained import recommender
from sracl.runs.workshop import Workshop
from sracl.tracking import queries
from sracl.tracking.queries import RunRow
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store

DATA = 'data={name="markov", max_length=8, num_items=40, num_users=150, length=10}'  # three blocks of scores; users repeat items
SMALL = {
    "sasrec": ["train.epochs=2", "backbone.hidden_size=16"],
    "sasrec_original": ["train.epochs=2", "backbone.hidden_size=16"],
    "gru4rec": ["train.epochs=2", "backbone.hidden_size=16"],
    "bert4rec": ["train.epochs=2", "backbone.hidden_size=16"],  # asks by MASK
    "lrd": ["train.epochs=1", "backbone.hidden_size=8", "backbone.num_layers=1"],  # scores with the user, and has no states
    "llm_esr": ["train.epochs=1", "backbone.hidden_size=8"],  # items are vectors of texts, too
    "s3rec": ["train.epochs=1", "vars.hidden_size=8", "stage.pretrain.train.epochs=1"],  # two stages; MASK in sequences
    "sracl": ["train.epochs=1", "backbone.hidden_size=16"],
    "sasrec_repeat": ["train.epochs=2", "backbone.hidden_size=16"],  # scores with the items of the history
}


@dataclass(frozen=True)
class Trained:
    """A project with one run."""

    home: Path
    run: RunRow

    def opened(self, **asked: list[str]) -> Recommender:
        with Reader.open(self.home / "store.db") as store:
            return recommender(store, self.run, device=torch.device("cpu"), report=pytest.fail, **asked)


@pytest.fixture(scope="module")
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def sasrec(tmp_path: Path) -> Trained:
    return train("sasrec", tmp_path)


def train(method: str, home: Path) -> Trained:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRACL_HOME", str(home))
        patch.setenv("SRACL_CACHE_DIR", str(home / "cache"))
        resolved = plan(f"methods/{method}", sets=[DATA, *SMALL[method]], seeds=[1])
        with Store.open(home / "store.db") as store, Screen(quiet=True) as screen:
            (result,) = execute(resolved, store, screen, device="cpu")
            assert result.status == "trained", result.reason
            return Trained(home, queries.run(store, result.run_id))


@pytest.fixture(autouse=True)
def _no_semantics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recommending makes no texts, vectors or neighbours."""
    monkeypatch.setattr(Workshop, "neighbours", lambda *_: pytest.fail("texts were asked for"))


@pytest.mark.parametrize("trained", SMALL, indirect=True)
def test_every_target_stands_where_its_stored_rank_says(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained.opened()
    ranks = rank_file.read(Path(trained.run.folder) / "ranks.npz")
    num_items, users = model.data.num_items, model.data.users
    assert ranks["items"].tolist() == [num_items]
    for split in ("valid", "test"):
        for seen_items in ("keep", "exclude"):
            lists = list(model.to_users(count=10, split=split, seen_items=seen_items))
            stored = ranks[f"{split}.{seen_items}"]
            assert [each.user for each in lists] == [users[user] for user in ranks[f"{split}.users"]]
            assert len(lists) == 150
            for each, rank in zip(lists, stored.tolist(), strict=True):
                assert each.target is not None
                assert each.target.rank == (rank if rank <= num_items else None)
                listed = [item.item for item in each.items]
                stands = 1 + listed.index(each.target.item) if each.target.item in listed else None
                assert stands == (rank if rank <= 10 else None)
                assert [item.score for item in each.items] == sorted((item.score for item in each.items), reverse=True)
            # users tested where they stand, targets are those of the data, and the ranks are no constant
            number = {item: i for i, item in enumerate(model.data.item_ids, start=1)}
            last = {"valid": -2, "test": -1}[split]
            assert [number[each.target.item] for each in lists if each.target] == [model.data.sequence(u)[last] for u in range(150)]
            assert len(np.unique(stored)) > 5


@pytest.mark.parametrize("trained", SMALL, indirect=True)
def test_nobodys_list_depends_on_who_else_is_asked_for(trained: Trained) -> None:
    model = trained.opened(users=["user-0149", "user-0002"])
    every = {each.user: each for each in model.to_users(count=5)}
    some = list(model.to_users(["user-0149", "user-0002"], count=5))
    assert [each.user for each in some] == ["user-0002", "user-0149"]
    assert all(each == every[each.user] for each in some)


@pytest.mark.parametrize("trained", SMALL, indirect=True)
def test_all_of_a_history_is_read_unless_a_split_is_named_and_seen_items_are_left_out(trained: Trained) -> None:
    model = trained.opened()
    for each in model.to_users(count=40, seen_items="exclude"):
        history = [model.data.item_ids[item - 1] for item in model.data.sequence(model.data.users.index(each.user))]
        assert (each.known, each.target) == (10, None)
        assert [item.item for item in each.latest] == history[-3:]
        assert {item.item for item in each.items} == set(model.data.item_ids) - set(history)


@pytest.mark.parametrize("trained", [name for name in SMALL if name != "lrd"], indirect=True)
def test_a_history_that_is_typed_gets_what_its_user_gets(trained: Trained) -> None:
    model = trained.opened()
    (user,) = model.to_users(["user-0007"], count=10, seen_items="exclude")
    history = [model.data.item_ids[item - 1] for item in model.data.sequence(6)]
    typed = model.after(history, count=10, seen_items="exclude")
    assert [item.item for item in typed.items] == [item.item for item in user.items]
    assert [item.score for item in typed.items] == pytest.approx([item.score for item in user.items], abs=1e-4)
    assert (typed.user, typed.known, typed.latest) == ("", 10, user.latest)


@pytest.mark.parametrize("trained", ["lrd"], indirect=True)
def test_a_history_that_is_nobodys_is_scored_without_a_user(trained: Trained) -> None:
    model = trained.opened()
    assert len(model.after(["item-0001"], count=10).items) == 10


@pytest.mark.parametrize("trained", ["llm_esr"], indirect=True)
def test_no_text_is_needed_where_vectors_are_saved_with_the_weights(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(trained.home / "another"))
    assert next(trained.opened().to_users(count=3)).items
    assert not (trained.home / "another").exists()


def test_what_is_in_the_way_is_told_at_once(sasrec: Trained) -> None:
    weights = Path(sasrec.run.folder) / "best.safetensors"
    kept = weights.with_name("kept")
    shutil.move(weights, kept)
    with pytest.raises(DataError) as told:
        sasrec.opened(users=["user-0001", "usr-0002"])
    assert str(told.value).splitlines() == [
        f"Run '{sasrec.run.id}' ({sasrec.run.label}) cannot be asked, for 2 reasons:",
        f"  Its weights are gone: {weights} is not there. `sracl rm {sasrec.run.id} --yes` and the recipe once more train it again.",
        "  The data set 'markov' has no user 'usr-0002'. Did you mean 'user-0002'?",
    ]
    weights.write_bytes(kept.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"Its weights cannot be read: .*best\.safetensors is damaged"):
        sasrec.opened()
    shutil.move(kept, weights)
    assert sasrec.opened()


def test_names_that_are_not_there_are_told_with_the_nearest(sasrec: Trained) -> None:
    with pytest.raises(UsageError, match=r"no item 'item-001'\. Did you mean 'item-0\d*1\d*'\?"):
        sasrec.opened(history=["item-0001", "item-001"])
    with pytest.raises(UsageError) as told:
        sasrec.opened(users=[f"nobody {number}" for number in range(25)])
    assert len(str(told.value).splitlines()) == 12
    assert str(told.value).endswith("15 more that were named.")


def test_other_data_than_the_run_was_trained_on_are_refused(sasrec: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sracl.data.synthetic.VERSION", 99)
    with pytest.raises(DataError, match="The data set 'markov' has changed since the run was trained"):
        sasrec.opened()


def test_weights_of_another_backbone_are_refused(sasrec: Trained, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = train("gru4rec", tmp_path / "other")
    shutil.copy(Path(other.run.folder) / "best.safetensors", Path(sasrec.run.folder) / "best.safetensors")
    with pytest.raises(DataError, match="does not fit the backbone 'sasrec' as it is built now"):
        sasrec.opened()
