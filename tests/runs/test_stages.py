from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sracl import paths
from sracl.data.datasets import fingerprint, load
from sracl.data.interactions import Interactions
from sracl.data.splits import training_prefixes
from sracl.errors import DataError, ResourceError
from sracl.interfaces import ItemText, Prompt
from sracl.runs import stages
from sracl.runs.artifacts import Artifacts
from tests.support.stages import ITEMS, PARTS, SEQUENCES, Runner, assemble


@pytest.fixture(scope="module")
def demo() -> Interactions:
    return load("demo")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A cache that tests share, since they do not damage it."""
    return Runner(tmp_path_factory.mktemp("cache"))


def test_item_neighbours_are_items_and_never_the_item_itself(shared: Runner, demo: Interactions) -> None:
    table, made = shared.items(demo)
    assert table.shape == (demo.num_items + 1, 10)
    assert not table[0].any()
    assert table[1:].min() >= 1
    assert table.max() <= demo.num_items
    assert not bool((table[1:] == np.arange(1, demo.num_items + 1)[:, None]).any())
    assert [artifact.stage for artifact in made] == ["describe", "embed", "retrieve"]


def test_sequence_neighbours_are_training_samples_of_other_users(shared: Runner, demo: Interactions) -> None:
    tables, made = shared.sequences(demo)
    samples = training_prefixes(demo, 20)
    assert tables.ids.shape == (len(samples), 10)
    np.testing.assert_array_equal(tables.rows, np.arange(len(samples)))
    np.testing.assert_array_equal(tables.pool.stops, samples.stops)
    assert tables.ids.min() >= 0
    assert not bool((samples.users[tables.ids] == samples.users[:, None]).any())
    assert tables.vectors.shape == (len(samples), 128)
    assert tables.vectors.dtype == np.float32
    for artifact in made:
        assert artifact.facts["reads"] == "train"
        assert artifact.facts["furthest"] == -1  # the longest sample ends one before x_{n-2}, its target


def test_neighbours_share_the_latest_kind_of_item_far_more_than_chance(shared: Runner, demo: Interactions) -> None:
    tables, _ = shared.sequences(demo)
    category = np.array([hash(text.categories) for text in demo.texts])[demo.items[tables.pool.stops - 1] - 1]
    of_neighbours = float((category[tables.ids] == category[:, None]).mean())
    of_anyone = float((category[np.random.default_rng(0).permutation(tables.ids)] == category[:, None]).mean())
    assert of_neighbours > 0.7
    assert of_anyone < 0.2


def test_same_row_lets_the_users_own_samples_in(shared: Runner, demo: Interactions) -> None:
    tables, _ = shared.sequences(demo, exclude="same_row")
    own = tables.pool.users[tables.ids] == tables.pool.users[:, None]
    assert bool(own.any())
    assert not bool((tables.ids == tables.rows[:, None]).any())


def test_one_row_per_user(shared: Runner, demo: Interactions) -> None:
    tables, _ = shared.sequences(demo, unit="user")
    samples = training_prefixes(demo, 20)
    assert len(tables.pool) == len(np.unique(samples.users))
    np.testing.assert_array_equal(tables.pool.users[tables.rows], samples.users)
    same_user = samples.users[1:] == samples.users[:-1]
    np.testing.assert_array_equal(tables.ids[1:][same_user], tables.ids[:-1][same_user])
    assert not bool((tables.ids == tables.rows[:, None]).any())


def test_the_leaky_pool_says_so(shared: Runner, demo: Interactions) -> None:
    tables, made = shared.sequences(demo, pool="all", exclude="same_row")
    # Σ (n - 1) rows; the samples are found among them, and rows that end in x_{n-1} are found by somebody
    assert len(tables.pool) == demo.num_interactions - demo.num_users
    beyond = tables.pool.visible > demo.lengths[tables.pool.users] - 2
    assert bool(beyond[tables.ids].any())
    assert not bool(beyond[tables.rows].any())
    for artifact in made:
        assert (artifact.facts["reads"], artifact.facts["furthest"]) == ("validation", 1)


def test_neighbours_stay_the_same_whatever_validates_and_tests(tmp_path: Path, demo: Interactions) -> None:
    items = demo.items.copy()
    for back in (1, 2):
        items[demo.offsets[1:] - back] = items[demo.offsets[1:] - back] % demo.num_items + 1
    changed = dataclasses.replace(demo, items=items, fingerprint="changed")
    runner = Runner(tmp_path)
    before, after = runner.sequences(demo)[0], runner.sequences(changed)[0]
    np.testing.assert_array_equal(before.ids, after.ids)
    np.testing.assert_array_equal(before.vectors, after.vectors)
    np.testing.assert_array_equal(runner.items(demo)[0], runner.items(changed)[0])
    assert not any("cached" in line for line in runner.told)


def test_everything_is_shared_that_can_be(tmp_path: Path, demo: Interactions) -> None:
    runner = Runner(tmp_path)
    runner.items(demo)
    assert not any("cached" in line for line in runner.told)
    runner.told.clear()
    runner.items(demo, k=5)
    assert [line for line in runner.told if "cached" in line] == ["describe items with template: cached", "embed items with lsa: cached"]
    runner.told.clear()
    runner.items(demo)
    assert len(runner.told) == 3
    assert all(line.endswith(": cached") for line in runner.told)


OF_DEMO = {"data": {"name": "demo", "max_length": 20}, "evaluation": {"split": "leave-one-out"}}


def test_planned_knows_every_key_before_anything_is_made(tmp_path: Path, demo: Interactions) -> None:
    values = {**OF_DEMO, "semantics": {"items": ITEMS, "sequences": SEQUENCES}}
    planned = stages.planned(values, fingerprint("demo"))
    runner = Runner(tmp_path)
    assert [label for label, _, _ in planned] == [
        "describe items with template",
        "embed items with lsa",
        "retrieve items with exact",
        "describe sequences with template",
        "embed sequences with lsa",
        "retrieve sequences with exact",
    ]
    assert not any(runner.artifacts.has(stage, key) for _, stage, key in planned)
    made = runner.items(demo)[1] + runner.sequences(demo)[1]
    assert [runner.artifacts.folder(stage, key) for _, stage, key in planned] == [artifact.folder for artifact in made]
    assert json.dumps([key for _, _, key in planned])
    assert stages.planned(OF_DEMO, "x") == []


@pytest.mark.parametrize(
    ("changes", "anew"),
    [
        ({"k": 9}, {"retrieve"}),
        ({"exclude": "same_row"}, {"retrieve"}),
        ({"text_encoder": {**PARTS["text_encoder"], "dimensions": 64}}, {"embed", "retrieve"}),
        ({"llm": {**PARTS["llm"], "words": 3}}, {"describe", "embed", "retrieve"}),
        ({"pool": "all"}, {"describe", "embed", "retrieve"}),
        ({"unit": "user"}, {"describe", "embed", "retrieve"}),
        ({"prompt": "visits"}, {"describe", "embed", "retrieve"}),
    ],
)
def test_a_change_costs_the_stages_after_it(changes: dict[str, Any], anew: set[str]) -> None:
    def keys(table: dict[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
        values = {**OF_DEMO, "semantics": {"sequences": table}}
        return [(stage, key) for _, stage, key in stages.planned(values, "x")]

    changed = zip(keys(SEQUENCES), keys({**SEQUENCES, **changes}), strict=True)
    assert {stage for (stage, before), (_, after) in changed if before != after} == anew


def test_texts_are_kept_under_the_words_and_not_under_where_these_lie(tmp_path: Path, demo: Interactions) -> None:
    shipped = paths.shipped("registry") / "prompts" / "products.toml"
    mine = tmp_path / "words.toml"
    mine.write_text(shipped.read_text("utf-8"), "utf-8")
    runner = Runner(tmp_path / "cache")
    (described, *_) = runner.items(demo)[1]
    assert described.facts["prompt"] == {"name": "products", "version": 1}
    assert all(artifact.was_cached for artifact in runner.items(demo, prompt=str(mine))[1])
    mine.write_text(shipped.read_text("utf-8").replace("version = 1", "version = 2"), "utf-8")
    (described, *_) = runner.items(demo, prompt=str(mine))[1]
    assert (described.was_cached, described.facts["prompt"]["version"]) == (False, 2)


def test_k_larger_than_the_pool_costs_nothing(tmp_path: Path, demo: Interactions) -> None:
    runner = Runner(tmp_path)
    with pytest.raises(DataError, match=rf"semantics\.items: k = {demo.num_items} .* {demo.num_items - 1} others"):
        runner.items(demo, k=demo.num_items)
    with pytest.raises(DataError, match=r"semantics\.sequences: k = 99999 "):
        runner.sequences(demo, k=99_999)
    assert runner.told == []
    assert not any(tmp_path.iterdir())


def test_an_item_without_text_has_no_neighbours_and_is_nobodys(tmp_path: Path, demo: Interactions) -> None:
    silent = dataclasses.replace(demo, texts=(ItemText(), *demo.texts[1:]), fingerprint="silent")
    table, made = Runner(tmp_path).items(silent)
    assert not table[1].any()
    assert not bool((table == 1).any())
    assert made[0].facts["empty"] == 1
    assert made[1].facts["zero_rows"] == 1
    assert made[2].facts["rows_without"] == 1


def test_a_data_set_without_texts_is_refused(tmp_path: Path, demo: Interactions) -> None:
    mute = dataclasses.replace(demo, texts=(ItemText(),) * demo.num_items, fingerprint="mute")
    with pytest.raises(DataError, match=rf"semantics\.items: nothing is known in words of any of the {demo.num_items} items.*items\.jsonl"):
        Runner(tmp_path).items(mute)


def test_damaged_vectors_are_made_anew(tmp_path: Path, demo: Interactions) -> None:
    runner = Runner(tmp_path)
    before, made = runner.items(demo)
    vectors = made[1].folder / "vectors.npy"
    vectors.write_bytes(vectors.read_bytes()[:-8])
    runner.told.clear()
    after, _ = runner.items(demo)
    np.testing.assert_array_equal(before, after)
    assert any("vectors.npy" in line and "making it anew" in line for line in runner.told)
    assert "retrieve items with exact: cached" in runner.told  # the vectors came out the same


def test_no_description_is_written_before_the_encoder_is_there(tmp_path: Path, demo: Interactions) -> None:
    described: list[Prompt] = []

    def no_encoder(kind: str, table: Mapping[str, Any], path: str) -> Any:
        if kind == "text_encoder":
            raise ResourceError(f"{path}: no model")
        return (lambda prompts: described.extend(prompts)) if kind == "llm_provider" else assemble(kind, table, path)

    with pytest.raises(ResourceError, match=r"semantics\.items\.text_encoder: no model"):
        stages.item_neighbours(demo, ITEMS, artifacts=Artifacts(tmp_path), assemble=no_encoder, report=lambda line: None)
    assert described == []


def test_equal_sequences_are_described_once(tmp_path: Path, demo: Interactions) -> None:
    asked: list[Prompt] = []

    def counting(kind: str, table: Mapping[str, Any], path: str) -> Any:
        part = assemble(kind, table, path)
        if kind != "llm_provider":
            return part

        def provider(prompts: Sequence[Prompt]) -> list[str]:
            asked.extend(prompts)
            texts: list[str] = part(prompts)
            return texts

        return provider

    tables, _ = stages.sequence_neighbours(
        demo, SEQUENCES, max_length=20, artifacts=Artifacts(tmp_path), assemble=counting, report=lambda line: None
    )
    contents = {demo.items[start:stop].tobytes() for start, stop in zip(tables.pool.starts, tables.pool.stops, strict=True)}
    assert len(asked) == len(contents) < len(tables.pool)


def test_a_retriever_that_breaks_its_contract_is_refused(tmp_path: Path, demo: Interactions) -> None:
    class Careless:
        def __call__(
            self, vectors: NDArray[np.float32], k: int, *, queries: NDArray[np.int64], groups: NDArray[np.int64]
        ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
            return np.tile(np.arange(k), (len(queries), 1)), np.ones((len(queries), k), dtype=np.float32)

    def careless(kind: str, table: Mapping[str, Any], path: str) -> Any:
        return Careless() if kind == "retriever" else assemble(kind, table, path)

    with pytest.raises(DataError, match="Careless gave neighbours of the asking row's own group"):
        stages.item_neighbours(demo, ITEMS, artifacts=Artifacts(tmp_path), assemble=careless, report=lambda line: None)
