"""`sracl cache`: what is shown, what goes, and what never does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from sracl.llm_providers.answers import Answers
from sracl.runs.artifacts import FACTS, Artifact, Artifacts
from sracl.tracking import identity, queries
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from tests.support.recipes import HELD, called, let_train, project, sracl_recipe, start


def said(home: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = called("cache", *arguments, environment=project(home))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def kept(home: Path, stage: str, dataset: str, *, days: int = 0, use: str = "") -> Artifact:
    """An artifact that was last used so many days ago."""

    def build(folder: Path) -> dict[str, str]:
        (folder / "file").write_bytes(b"x" * 500)
        return {"dataset": dataset}

    slot, made_with = {"describe": ("llm", "template"), "embed": ("text_encoder", "lsa")}[stage]
    artifact = Artifacts(home / "cache").make(stage, {"data": dataset, "unit": "item", slot: {"use": use or made_with}}, build)
    then = time.time() - days * 86400
    os.utime(artifact.folder / FACTS, (then, then))
    return artifact


def register(home: Path, run_id: str, artifact: Artifact, *, completed: bool) -> None:
    with Store.open(home / ".sracl" / "store.db") as store:
        store.register(
            run_id=run_id, digest=run_id, recipe="small", variant="", cell={}, seed=1, label=run_id, dataset="demo", values={}, origins={},
            leaky=(), folder="", environment={},
        )  # fmt: skip
        store.start(run_id, identity.current())
        store.artifact(run_id, name="texts", path=str(artifact.folder), digest=artifact.digest, size=500, facts={})
        store.finish(run_id, "completed" if completed else "interrupted")


def pay(home: Path) -> Path:
    """An answer in the cache; its file."""
    row = {"provider": "p", "model": "m", "sample": 0, "request": {"x": 1}, "reply": "paid for"}
    answers = Answers(home / "cache" / "answers.db")
    answers.take_in(io.StringIO(f'{{"kind": "sracl answers", "format": 1}}\n{json.dumps(row)}\n'), "answers")
    return answers.file


def test_an_empty_cache_is_no_error(tmp_path: Path) -> None:
    assert said(tmp_path, "ls").stdout == f"0 B of texts, vectors and neighbours in {tmp_path / 'cache'}\n"
    assert "nothing to remove" in said(tmp_path, "gc", "--yes").stderr
    assert not (tmp_path / "cache").exists()


def test_ls_tells_what_is_there_and_who_rests_on_it_and_the_answers_apart(tmp_path: Path) -> None:
    used, other = kept(tmp_path, "describe", "office", days=3), kept(tmp_path, "embed", "beauty", days=40)
    register(tmp_path, "r1", used, completed=True)
    pay(tmp_path)
    (tmp_path / "cache" / "downloads").mkdir()
    (tmp_path / "cache" / "downloads" / "raw.gz").write_bytes(b"x" * 2_500)
    lines = said(tmp_path, "ls").stdout.splitlines()
    assert lines[1].split()[:5] == ["describe", "items", used.digest[:10], "template", "office"]
    assert f"{500 + (used.folder / FACTS).stat().st_size} B  3 d ago    1 of small" in lines[1]
    assert lines[2].split()[:4] == ["embed", "items", other.digest[:10], "lsa"]
    assert lines[2].endswith("40 d ago")
    assert any("answers.db, which is never removed: 1 answer, 0.000000 dollars" in line for line in lines)
    assert lines[-1] == f"2.5 kB of downloaded data sets in {tmp_path / 'cache' / 'downloads'}"
    data = json.loads(said(tmp_path, "ls", "--json").stdout)["data"]
    told = [(row["digest"], row["runs"], row["dataset"]) for row in data["artifacts"]]
    assert told == [(used.digest, ["r1"], "office"), (other.digest, [], "beauty")]
    assert [(Path(row["file"]).name, row["answers"], row["dollars"]) for row in data["paid"]] == [("answers.db", 1, 0.0)]
    assert data["downloads"]["bytes"] == 2_500


def test_gc_removes_what_was_not_used_for_long_and_nothing_before_it_is_told_to(tmp_path: Path) -> None:
    new, old = kept(tmp_path, "describe", "office", days=3), kept(tmp_path, "embed", "beauty", days=40)
    needed, done = kept(tmp_path, "describe", "yelp", days=40), kept(tmp_path, "describe", "sports", days=40)
    register(tmp_path, "r1", needed, completed=False)
    register(tmp_path, "r2", done, completed=True)
    answers = pay(tmp_path)
    (tmp_path / "cache" / "paid-vectors.db").write_bytes(b"paid for")
    looked = said(tmp_path, "gc")
    assert {line.split()[2] for line in looked.stdout.splitlines()[1:]} == {old.digest[:10], done.digest[:10]}
    assert looked.stdout.count("not used for 30d") == 2
    assert "1 more stay: runs that are not completed rest on them (r1)." in looked.stderr
    assert "2 things, " in looked.stderr
    assert "Nothing was removed; the same command with --yes removes them." in looked.stderr
    assert all(each.folder.is_dir() for each in (new, old, needed, done))
    assert "Removed 2 things, " in said(tmp_path, "gc", "--yes").stderr
    assert [each.folder.is_dir() for each in (new, old, needed, done)] == [True, False, True, False]
    gone = json.loads(said(tmp_path, "gc", "--older-than", "0d", "--yes", "--json").stdout)["data"]
    assert [(row["digest"], row["removed"]) for row in gone] == [(new.digest, True)]
    assert needed.folder.is_dir()
    assert [account.answered for account in Answers(answers).accounts()] == [1]
    assert (tmp_path / "cache" / "paid-vectors.db").read_bytes() == b"paid for"


@pytest.mark.parametrize("use", ["my_lab.models:Mine", "theirs"])
def test_texts_by_a_provider_of_others_stay_since_they_may_be_the_only_copy(tmp_path: Path, use: str) -> None:
    ours, theirs = kept(tmp_path, "describe", "office", days=40), kept(tmp_path, "describe", "beauty", days=40, use=use)
    told = said(tmp_path, "gc", "--yes").stderr
    assert f"{theirs.folder} stays: '{use}' is not of sracl, and its answers may be nowhere else." in told
    assert [each.folder.is_dir() for each in (ours, theirs)] == [False, True]


@pytest.mark.parametrize("text", ["soon", "30", "d", "-3d", "1.5d", "9999999d", "30m2h", ""])
def test_a_length_of_time_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    told = said(tmp_path, "gc", f"--older-than={text}", code=2).stderr
    longer_first = "weeks, days, hours, minutes or seconds, the longer first, such as 30d, 12h or 2h30m"
    assert told == f"A length of time is {longer_first}; '{text}' is none.\n"


def test_what_a_training_of_another_project_uses_stays_until_it_ends(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    for folder in (home, other):
        folder.mkdir()
    let_train(home, 1)
    process = start("run", str(sracl_recipe(home, epochs=2, users=60)), *HELD, "--device", "cpu", "--quiet", environment=project(home))
    try:
        until = time.monotonic() + 300
        while not begun(home):
            assert time.monotonic() < until, process.poll()
            time.sleep(0.02)
        environment = {**project(other), "SRACL_CACHE_DIR": str(home / "cache")}
        told = called("cache", "gc", "--older-than", "0d", "--yes", environment=environment)
        assert told.stderr.count(" is in use.") == 6  # texts, vectors and neighbours of items and of sequences
        assert "Removed 0 things, 0 B." in told.stderr
    finally:
        let_train(home)
        process.communicate(timeout=300)
    assert process.returncode == 0
    assert "Removed 6 things, " in said(home, "gc", "--older-than", "0d", "--yes").stderr


def begun(home: Path) -> bool:
    """Whether an epoch has ended."""
    if not (home / ".sracl" / "store.db").exists():
        return False
    with Reader.open(home / ".sracl" / "store.db") as store:
        return any(run.epoch for run in queries.runs(store))
