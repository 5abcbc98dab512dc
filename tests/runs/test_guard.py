"""What has seen validation items is never trained on, by whatever way it came into the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sracl.data.datasets import load
from sracl.data.interactions import Interactions
from sracl.errors import DataError
from sracl.recipes.plan import plan
from sracl.runs.artifacts import FACTS, Artifact, canonical
from sracl.runs.assembly import assemble
from sracl.runs.guard import REACH
from sracl.runs.workshop import Workshop
from sracl.semantics import embeddings
from sracl.tracking import queries
from sracl.tracking.reader import Reader
from tests.support.recipes import called, project, sracl_recipe
from tests.support.stages import Runner

UNIT = "user"
"""One row a user: tables of both pools have the same shape, so that it gives nothing away."""


@pytest.fixture(scope="module")
def demo() -> Interactions:
    return load("demo")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, demo: Interactions) -> tuple[Path, list[Artifact], list[Artifact]]:
    """A cache with the artifacts of the training pool, and the same of the leaky one."""
    runner = Runner(tmp_path_factory.mktemp("cache"))
    return runner.artifacts.root, runner.sequences(demo, unit=UNIT)[1], runner.sequences(demo, unit=UNIT, pool="all")[1]


@pytest.fixture
def cache(tmp_path: Path, made: tuple[Path, list[Artifact], list[Artifact]]) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "cache"))


def seal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what is noted of an artifact as one would who knows how it is kept."""
    record = json.loads((folder / FACTS).read_text())
    del record["seal"]
    for name in record["files"]:
        content = (folder / name).read_bytes()
        record["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    change(record)
    (folder / FACTS).write_text(json.dumps({**record, "seal": hashlib.sha256(canonical(record).encode()).hexdigest()}))


def test_every_artifact_says_how_far_it_has_read_of_each_user(
    made: tuple[Path, list[Artifact], list[Artifact]], demo: Interactions
) -> None:
    _, train, leaky = made
    for artifacts, last in ((train, demo.lengths - 3), (leaky, demo.lengths - 1)):
        assert [artifact.stage for artifact in artifacts] == ["describe", "embed", "retrieve"]
        for artifact in artifacts:
            np.testing.assert_array_equal(np.load(artifact.folder / REACH), last)
    contexts = np.load(Runner(made[0]).items(demo)[1][0].folder / REACH)
    assert contexts.max() > 1
    assert bool((contexts <= demo.lengths - 2).all())


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_leaky_artifact_in_the_place_of_another_is_made_anew(
    stage: int, cache: Path, made: tuple[Path, list[Artifact], list[Artifact]], demo: Interactions
) -> None:
    _, train, leaky = made
    place = cache / train[stage].stage / train[stage].digest
    shutil.rmtree(place)
    shutil.copytree(leaky[stage].folder, place)
    runner = Runner(cache)
    tables, again = runner.sequences(demo, unit=UNIT)
    assert any(f"{place.name} was made for another key; making it anew" in line for line in runner.told)
    assert [artifact.contents for artifact in again] == [artifact.contents for artifact in train]
    np.testing.assert_array_equal(np.load(train[2].folder / "neighbours.npy"), tables.ids[np.unique(tables.rows, return_index=True)[1]])


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_leaky_artifact_with_forged_papers_is_refused(
    stage: int, cache: Path, made: tuple[Path, list[Artifact], list[Artifact]], demo: Interactions
) -> None:
    _, train, leaky = made
    place = cache / train[stage].stage / train[stage].digest
    true = json.loads((place / FACTS).read_text())
    for file in leaky[stage].folder.iterdir():
        shutil.copy(file, place)
    seal(place, lambda record: record.update({name: true[name] for name in ("key", "inputs", "facts")}))
    # The last interaction that trains is x_(n-2); the training pool reads to x_(n-3), the leaky one to x_(n-1).
    user, n = demo.users[0], demo.lengths[0]
    with pytest.raises(
        DataError, match=rf"of user '{user}' it has read up to position {n - 1}, and due is {n - 3} \(the last .* is {n - 2}\)"
    ):
        Runner(cache).sequences(demo, unit=UNIT)


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_facts_that_were_changed_are_made_anew(
    stage: int, cache: Path, made: tuple[Path, list[Artifact], list[Artifact]], demo: Interactions
) -> None:
    _, train, _ = made
    file = cache / train[stage].stage / train[stage].digest / FACTS
    file.write_text(file.read_text().replace('"furthest": -1', '"furthest": 1'))
    runner = Runner(cache)
    again = runner.sequences(demo, unit=UNIT)[1]
    assert any("facts.json that was changed after it was written; making it anew" in line for line in runner.told)
    assert again[stage].facts == train[stage].facts


def test_facts_that_say_what_the_positions_do_not_are_refused(
    cache: Path, made: tuple[Path, list[Artifact], list[Artifact]], demo: Interactions
) -> None:
    place = cache / "embed" / made[1][1].digest
    seal(place, lambda record: record["facts"].update({"reads": "validation", "furthest": 1}))
    with pytest.raises(DataError, match=r"it says that it read validation data up to 1 beyond what trains, and due is train up to -1"):
        Runner(cache).sequences(demo, unit=UNIT)


def test_an_artifact_that_does_not_say_what_it_has_read_is_refused(
    cache: Path, made: tuple[Path, list[Artifact], list[Artifact]], demo: Interactions
) -> None:
    place = cache / "embed" / made[1][1].digest
    (place / REACH).unlink()
    seal_without = json.loads((place / FACTS).read_text())
    del seal_without["files"][REACH]
    (place / FACTS).write_text(json.dumps(seal_without))
    seal(place, lambda record: None)
    with pytest.raises(DataError, match="it does not say what it has read of each user"):
        Runner(cache).sequences(demo, unit=UNIT)


def test_a_table_of_another_pool_is_refused(cache: Path, made: tuple[Path, list[Artifact], list[Artifact]], demo: Interactions) -> None:
    place = cache / "retrieve" / made[1][2].digest
    ids = np.load(place / "neighbours.npy")
    ids[0, 0] = demo.num_users  # rows of the pool are 0 … U - 1
    embeddings.save(ids, place / "neighbours.npy")
    seal(place, lambda record: None)
    with pytest.raises(DataError, match=rf"{place}.* gave neighbours .*but the pool has rows 0\.\.{demo.num_users - 1}"):
        Runner(cache).sequences(demo, unit=UNIT)


def test_vectors_in_another_order_are_refused(cache: Path, made: tuple[Path, list[Artifact], list[Artifact]], demo: Interactions) -> None:
    place = cache / "embed" / made[1][1].digest
    seal(place, lambda record: record["facts"].update({"names": embeddings.facts(np.zeros((2, 1), dtype=np.float32), ["b", "a"])["names"]}))
    with pytest.raises(DataError, match="of other things than the .* that are asked for, or in another order"):
        Runner(cache).sequences(demo, unit=UNIT)


def test_a_run_is_refused_what_leaks_and_one_that_asks_for_it_is_stamped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, environment = sracl_recipe(tmp_path, epochs=1), project(tmp_path)
    for name in ("SRACL_HOME", "SRACL_CACHE_DIR"):
        monkeypatch.setenv(name, environment[name])
    unit = f"semantics.sequences.unit={UNIT}"
    for pool in ("train", "all"):
        (run,) = plan(str(recipe), sets=[unit, f"semantics.sequences.pool={pool}"]).runs
        parts = assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))
        if pool == "train":
            train = parts.artifacts["embed.sequences"]
    leaky = parts.artifacts["embed.sequences"]
    true = json.loads((train.folder / FACTS).read_text())
    for file in leaky.folder.iterdir():
        shutil.copy(file, train.folder)
    seal(train.folder, lambda record: record.update({name: true[name] for name in ("key", "inputs", "facts")}))

    refused = called("run", str(recipe), "--set", unit, "--device", "cpu", environment=environment)
    assert refused.returncode == 4
    assert f"{train.folder} is refused: of user" in refused.stderr
    assert 'pool = "all" under [semantics.sequences]' in refused.stderr
    assert "Traceback" not in refused.stderr
    asked = called("run", str(recipe), "--set", unit, "--set", "semantics.sequences.pool=all", "--device", "cpu", environment=environment)
    assert asked.returncode == 0, asked.stderr
    assert "[leaky]" in asked.stdout
    with Reader.open(tmp_path / ".sracl" / "store.db") as store:
        stamps = {run.state: run.leaky for run in queries.runs(store)}
    assert stamps == {"failed": (), "completed": ('semantics.sequences.pool = "all"',)}
