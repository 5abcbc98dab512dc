"""Runs of a plan become jobs: each once, with all that decides them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sracl import paths
from sracl.cli import carry_out
from sracl.errors import DataError
from sracl.jobs.enqueue import Entered, enqueue
from sracl.recipes import digest
from sracl.recipes.plan import Plan, plan
from sracl.tracking import jobs, queries
from sracl.tracking.queue import Queue
from sracl.tracking.store import Store
from tests.support.jobs import store_file, surroundings
from tests.support.recipes import sracl_recipe

VARIANTS = """
[[variant]]
name = "both"
[[variant]]
name = "w/o cross"
set = { "objective.cross.weight" = 0.0 }
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    with Store.open(store_file(tmp_path)) as opened:
        yield opened


def test_two_that_enter_the_same_runs_at_once_enter_each_once(store: Store, tmp_path: Path) -> None:
    wanted = plan(str(sracl_recipe(tmp_path, extra=VARIANTS)))
    told: list[list[Entered]] = []
    barrier = threading.Barrier(4)

    def enter() -> None:
        barrier.wait()
        told.append(enqueue(store, wanted))

    crew = [threading.Thread(target=enter) for _ in range(4)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert [row.label for row in jobs.jobs(store)] == ["small · both · seed 1", "small · w/o cross · seed 1"]
    assert sorted(entry.status for entries in told for entry in entries) == ["queued"] * 2 + ["waiting already"] * 6


def test_a_job_that_is_paused_is_said_to_be(store: Store, tmp_path: Path) -> None:
    wanted = plan(str(sracl_recipe(tmp_path)))
    (entry,) = enqueue(store, wanted)
    assert entry.job is not None
    Queue(store).pause(entry.job)
    assert [again.status for again in enqueue(store, wanted)] == ["paused"]


def test_a_run_whose_data_are_not_there_is_refused(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRACL_DATA", raising=False)
    recipe = sracl_recipe(tmp_path)
    generated = 'name = "markov"\nmax_length = 8\nnum_items = 40\nnum_users = 120\nlength = 10'
    recipe.write_text(recipe.read_text().replace(generated, 'name = "beauty"\nmax_length = 8'))
    with pytest.raises(DataError, match="There is no data set 'beauty'"):
        enqueue(store, plan(str(recipe)))
    assert jobs.jobs(store) == []


def test_a_run_whose_data_cannot_be_divided_is_refused(store: Store, tmp_path: Path) -> None:
    by_time = 'evaluation.split={by="time", valid=0.8, test=0.9}'
    with pytest.raises(DataError, match="'markov' does not say when anything was chosen"):
        enqueue(store, plan(str(sracl_recipe(tmp_path)), sets=[by_time]))
    assert jobs.jobs(store) == []


def test_a_prompt_that_is_edited_later_is_asked_as_it_was(store: Store, tmp_path: Path) -> None:
    prompt = tmp_path / "mine.toml"
    prompt.write_text((paths.shipped("registry") / "prompts" / "products.toml").read_text())
    before = prompt.read_text()
    recipe = sracl_recipe(tmp_path)
    recipe.write_text(recipe.read_text().replace("contexts = 2", 'contexts = 2\nprompt = "mine.toml"'))
    wanted = plan(str(recipe))
    (entry,) = enqueue(store, wanted)
    prompt.write_text("nonsense")
    kept: Any = json.loads((paths.run_folder(entry.run_id) / "queued.json").read_text())
    (run,) = Plan.of_json(kept).runs
    assert Path(run.values["semantics"]["items"]["prompt"]).read_text() == before
    assert run.digest == wanted.runs[0].digest


def test_a_price_that_is_edited_later_is_the_one_that_was_queued(store: Store, tmp_path: Path) -> None:
    card = tmp_path / "mine.toml"
    card.write_text((paths.shipped("registry") / "llms" / "gpt-4o-mini.toml").read_text())
    before = card.read_text()
    recipe = sracl_recipe(tmp_path)
    recipe.write_text(recipe.read_text().replace('llm = { use = "template" }', 'llm = { use = "openai", llm = "mine.toml" }', 1))
    wanted = plan(str(recipe))
    (entry,) = enqueue(store, wanted)
    card.write_text("nonsense")
    kept: Any = json.loads((paths.run_folder(entry.run_id) / "queued.json").read_text())
    (run,) = Plan.of_json(kept).runs
    assert Path(run.values["semantics"]["items"]["llm"]["llm"]).read_text() == before
    assert run.digest == wanted.runs[0].digest


def test_a_run_that_waits_is_not_carried_out_by_another_version(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = enqueue(store, plan(str(sracl_recipe(tmp_path))))
    monkeypatch.setattr(digest, "installed", {"sracl": "99.1"}.get)
    order = paths.run_folder(entry.run_id) / "queued.json"
    with pytest.raises(DataError, match=r"queued with sracl \S+, and it is 99.1 now, .* queue retry` goes on with this one"):
        carry_out.command(order, device="cpu")
    assert queries.run(store, entry.run_id).state == "planned"
    kept: Any = json.loads(order.read_text())
    del kept["runs"][0]["code"]  # as earlier versions wrote it
    assert digest.replaced(Plan.of_json(kept).runs[0].code) == {}
    assert digest.replaced({"sracl": "99.1"}) == {}
