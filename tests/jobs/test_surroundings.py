"""What a job has of the environment in which it was queued, and of its worker's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sracl.jobs.claims import Claims
from sracl.jobs.surroundings import left_to_the_worker, written_down
from sracl.jobs.worker import Worker
from sracl.jobs.workers import ensure_worker
from sracl.tracking.store import Store
from tests.support.jobs import add, rows, store_file, surroundings, wait_until


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SRACL_API_KEY", "canary"),
        ("sracl_api_key", "canary"),
        ("SRACL_My_Key", "canary"),
        ("HF_TOKEN", "canary"),
        ("SRACL_LLM_PASS", "canary"),
        ("SRACL_BASIC_AUTH", "canary"),
        ("HF_ENDPOINT", "https://me:canary@mirror.example/hf"),
        ("SRACL_LAB", "canary"),
        ("OPENAI_API_KEY", "canary"),
    ],
)
def test_what_may_be_secret_is_left_to_the_worker(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    values = {"semantics": {"items": {"llm": {"use": "openai", "api_key_env": "SRACL_LAB"}}}}
    assert not [kept for kept in written_down(values).values() if "canary" in kept]
    if name != "SRACL_LAB":  # which only this run names
        assert left_to_the_worker()[name] == value


def test_what_decides_a_run_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hf")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    kept = written_down({})
    assert (kept["HF_ENDPOINT"], kept["OPENAI_BASE_URL"], kept["OMP_NUM_THREADS"]) == (
        "https://mirror.example/hf",
        "http://localhost:8000/v1",
        "1",
    )
    assert not {"HF_ENDPOINT", "OPENAI_BASE_URL"} & left_to_the_worker().keys()


def test_folders_are_meant_from_where_the_command_was_given(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "below").mkdir()
    monkeypatch.chdir(home / "below")
    monkeypatch.setenv("SRACL_DATA", f"../data{os.pathsep}/elsewhere")
    monkeypatch.setenv("SRACL_CACHE_DIR", "kept")
    monkeypatch.setenv("PYTHONPATH", f"..{os.pathsep}lib")
    kept = written_down({}, home / "source")
    assert kept["SRACL_DATA"].split(os.pathsep)[:2] == [str(home / "data"), "/elsewhere"]
    assert kept["SRACL_CACHE_DIR"] == str(home / "below" / "kept")
    assert kept["PYTHONPATH"].split(os.pathsep)[:3] == [str(home / "source"), str(home), str(home / "below" / "lib")]


def test_a_job_does_not_get_what_only_its_worker_was_given(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(home, "import os; print(os.environ.get('HF_ENDPOINT'), os.environ.get('SRACL_SLOTS'), os.environ['OPENAI_API_KEY'])")
    monkeypatch.setenv("HF_ENDPOINT", "https://of.the.worker")
    monkeypatch.setenv("OPENAI_API_KEY", "of the worker")
    with Store.open(store_file(home)) as store:
        Worker(store, Claims(home / "claims"), slots=1, report=lambda line: None).work(idle_exit=0)
    assert (home / "job.txt").read_text().splitlines()[-1] == "None None of the worker"


def test_a_worker_does_not_take_modules_of_the_folder_for_those_it_needs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("queue", "select", "typer"):
        (home / f"{name}.py").write_text("raise RuntimeError('a file of the user')\n")
    monkeypatch.chdir(home)
    add(home, "")
    assert ensure_worker()
    wait_until(home, lambda found: found[1].state == "completed")
    assert rows(home)[1].attempt == 1
