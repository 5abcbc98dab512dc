"""Runs of one project in another."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sracl import paths
from sracl.compare.diff import diff
from sracl.compare.leaderboard import leaderboard
from sracl.compare.render import as_json
from sracl.compare.wording import origin_in_words, place
from sracl.errors import DataError, ResourceError, UsageError
from sracl.sharing.export import export
from sracl.sharing.staging import staging
from sracl.sharing.take_in import take_in
from sracl.tracking import artifacts, identity, pages, queries, tagging
from sracl.tracking.store import Store
from tests.sharing.conftest import RANKS, project, train


def changed(bundle: Path, number: int, **parts: Any) -> Path:
    """A copy whose line has other contents under a seal that fits."""
    lines = bundle.read_text("utf-8").splitlines()
    ((sort, content),) = ((sort, content) for sort, content in json.loads(lines[number - 1]).items() if sort != "seal")
    rest = f'"{sort}":{json.dumps({**content, **parts}, separators=(",", ":"))}}}'
    lines[number - 1] = f'{{"seal":"{hashlib.sha256(rest.encode()).hexdigest()[:16]}",{rest}'
    other = bundle.with_name("changed.jsonl")
    other.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return other


def line_of(bundle: Path, sort: str) -> int:
    """Number of the first line of a sort."""
    return next(number for number, line in enumerate(bundle.read_text("utf-8").splitlines(), start=1) if f'","{sort}":' in line)


def test_all_that_is_read_of_a_run_comes_over(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "first") as store:
        board = as_json(leaderboard(store))
        theirs = queries.run(store, "r1")
    with project(tmp_path / "second") as store:
        done = take_in(store, bundle)
        assert (done.new, done.known, done.finished) == (2, 0, 0)
        assert as_json(leaderboard(store)) == board
        run = queries.run(store, "r1")
        assert run.values == theirs.values
        assert run.origins == {"train.epochs": "recipes/ablation.toml:7"}
        assert (run.created, run.started, run.finished, run.host) == (theirs.created, theirs.started, theirs.finished, theirs.host)
        assert identity.owner(run) is None
        series = queries.series(store, "r1")
        assert series["valid.mrr@10"] == [(1, 0.25), (2, 0.125)]
        assert series["loss"][0] == (1, math.inf)
        assert math.isnan(series["loss"][1][1])
        files = {file.name: file for file in artifacts.of_run(store, "r1")}
        assert (files["embed.items"].digest, files["embed.items"].path) == ("aa", "")
        assert files["embed.items"].facts == {"rows": 3}
        with np.load(files["ranks"].path) as ranks:
            assert {name: ranks[name].tolist() for name in ranks} == RANKS
        assert Path(files["ranks"].path) == tmp_path / "second" / "runs" / "r1" / "ranks.npz"
        assert not (tmp_path / "second" / ".sracl" / "importing").exists()
        assert diff(store, ["r1", "r2"]).runs


def test_an_imported_run_says_so(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        take_in(store, bundle)
        train(store, "own", seed=3)
        run = queries.run(store, "r1")
        assert place(run) == "ablation/full [imported]"
        assert origin_in_words(run) == f"imported from bundle.jsonl, trained on {run.host}: figures, no weights"
        listed = {line.id: place(line) for line in pages.page(store, size=9).lines}
        assert listed == {"r1": "ablation/full [imported]", "r2": "ablation/full [imported]", "own": "ablation/full"}
        assert origin_in_words(queries.run(store, "own")) == ""


def test_tags_and_notes_come_over_and_leave_those_that_are_here(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "first") as store:
        tagging.tag(store, ["r1", "r2"], add=["server", "final"])
        tagging.note(store, "r1", f"from {tmp_path}/first/a")
        tagging.note(store, "r2", "theirs")
        export(store, bundle, project=paths.project())
    with project(tmp_path / "second") as store:
        train(store, "r2", seed=2, hit=0.5)
        tagging.tag(store, ["r2"], add=["ours", "final"])
        tagging.note(store, "r2", "ours")
        for _ in range(2):
            take_in(store, bundle)
            told = {run.id: (run.tags, run.note) for run in queries.runs(store)}
            assert told == {"r1": (("final", "server"), "from a"), "r2": (("final", "ours", "server"), "ours")}


@pytest.mark.parametrize("name", ["again.jsonl", "again.jsonl.gz"])
def test_the_same_runs_make_the_same_file(bundle: Path, tmp_path: Path, name: str) -> None:
    with project(tmp_path / "second") as store:
        take_in(store, bundle)
        export(store, tmp_path / name, project=paths.project())
        export(store, tmp_path / f"2-{name}", project=paths.project())
    written = (tmp_path / name).read_bytes()
    assert written == (tmp_path / f"2-{name}").read_bytes()
    assert (gzip.decompress(written) if name.endswith(".gz") else written) == bundle.read_bytes()
    with project(tmp_path / "third") as store:
        assert take_in(store, tmp_path / name).new == 2


PATCH = """diff --git a/new.py b/new.py
new file mode 100644
--- /dev/null
+++ b/new.py
@@ -0,0 +1,4 @@
+import os
+x = open("{project}/data/x")
+/home/me/place
+KEY = "{key}"
"""


def explain(store: Store, run_id: str, name: str, file: str, text: str) -> None:
    """Keep a text as a training does."""
    path = paths.run_folder(run_id) / file
    path.write_text(text)
    store.artifact(run_id, name=name, path=str(path), digest="", size=len(text), facts={})


@pytest.fixture
def explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs with the same packages, one of them with uncommitted changes."""
    monkeypatch.setenv("MY_API_KEY", "canary-0123456789")
    with project(tmp_path / "first") as store:
        for seed, run_id in enumerate(("r1", "r2")):
            train(store, run_id, seed=seed)
            explain(store, run_id, "packages", "packages-0a1b2c3d.txt", "numpy==2.4\n")
        text = PATCH.format(project=paths.project(), key="canary-0123456789")
        explain(store, "r1", "project.patch", "project-0a1b2c3d.patch", text)
        export(store, tmp_path / "explained.jsonl", project=paths.project(), patches=True)
        export(store, tmp_path / "without.jsonl", project=paths.project())
    return tmp_path / "explained.jsonl"


def test_uncommitted_changes_stay_unless_they_are_asked_for(explained: Path) -> None:
    told = explained.with_name("without.jsonl").read_text()
    assert "numpy==2.4" in told
    assert "diff --git" not in told
    assert "diff --git" in explained.read_text()


def test_what_explains_runs_travels_once_and_without_places_and_keys(explained: Path, tmp_path: Path) -> None:
    assert explained.read_text().count("numpy==2.4") == 1
    with project(tmp_path / "second") as store:
        take_in(store, explained)
        files = {(run, row.name): Path(row.path) for run in ("r1", "r2") for row in artifacts.of_run(store, run) if row.path}
        export(store, tmp_path / "again.jsonl", project=paths.project(), patches=True)
    assert files["r2", "packages"].read_text() == "numpy==2.4\n"
    patch = files["r1", "project.patch"].read_text()
    assert "canary" not in patch and str(tmp_path) not in patch and "/home/me" not in patch
    subprocess.run(["git", "apply", str(files["r1", "project.patch"])], cwd=tmp_path, check=True)
    assert (tmp_path / "new.py").read_text().splitlines()[:2] == ["import os", 'x = open("data/x")']
    assert (tmp_path / "again.jsonl").read_bytes() == explained.read_bytes()


def test_an_import_that_is_refused_leaves_no_text(explained: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        train(store, "r2", seed=1, hit=0.9)
        with pytest.raises(DataError, match="other figures here"):
            take_in(store, explained)
        assert not paths.run_folder("r1").exists()
        assert not (tmp_path / "second" / ".sracl" / "importing").exists()


def test_a_text_that_lacks_or_leads_elsewhere_is_refused(explained: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        with pytest.raises(DataError, match="rests on packages-ffffffff.txt, which no line before holds"):
            take_in(store, changed(explained, line_of(explained, "run"), kept={"packages": "packages-ffffffff.txt"}))
        with pytest.raises(DataError, match="text.name"):
            take_in(store, changed(explained, line_of(explained, "text"), name="../packages-0a1b2c3d.txt"))
        with pytest.raises(DataError, match="run.kept"):
            take_in(store, changed(explained, line_of(explained, "run"), kept={"packages": "../store.db"}))
        assert queries.runs(store) == []


def test_a_file_of_the_first_format_is_read(bundle: Path, tmp_path: Path) -> None:
    text = bundle.read_text().replace('"format":2', '"format":1').replace('"texts":0,', "")
    for number in [number for number, line in enumerate(text.splitlines(), start=1) if '","run":' in line]:
        lines = text.splitlines()
        content = json.loads(lines[number - 1])["run"]
        del content["kept"]
        rest = f'"run":{json.dumps(content, separators=(",", ":"))}}}'
        lines[number - 1] = f'{{"seal":"{hashlib.sha256(rest.encode()).hexdigest()[:16]}",{rest}'
        text = "".join(f"{line}\n" for line in lines)
    (tmp_path / "old.jsonl").write_text(text)
    with project(tmp_path / "second") as store:
        assert take_in(store, tmp_path / "old.jsonl").new == 2


def test_seeds_of_two_projects_make_one_row(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        train(store, "r3", seed=3, hit=0.75)
        assert take_in(store, bundle).new == 2
        assert take_in(store, bundle).known == 2  # a second time nothing changes
        (row,) = leaderboard(store).blocks[0].rows
        assert row.seeds == (1, 2, 3)
        assert (row.figures["hr@10"].mean, row.figures["hr@10"].n) == (0.5, 3)


def test_files_in_the_project_are_the_same_values_wherever_the_project_lies(tmp_path: Path) -> None:
    def own_prompt() -> dict[str, Any]:
        return {"values": {"semantics": {"items": {"prompt": f"{paths.project()}/prompts/short.toml"}}}}

    with project(tmp_path / "first") as store:
        train(store, **own_prompt())
        export(store, tmp_path / "one.jsonl", project=paths.project())
    with project(tmp_path / "second") as store:
        train(store, "r2", seed=2, **own_prompt())
        take_in(store, tmp_path / "one.jsonl")
        (row,) = leaderboard(store).blocks[0].rows
        assert row.seeds == (1, 2)


def test_what_was_begun_here_is_completed(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        train(store, "r1", state="planned")
        train(store, "r2", seed=2, hit=0.9, state="interrupted", ranks=False)
        done = take_in(store, bundle)
        assert (done.new, done.finished) == (2, 2)
        assert {run.state for run in queries.runs(store)} == {"completed"}
        assert queries.best_watched(store, queries.runs(store, ids=["r2"])) == {"r2": ("valid.mrr@10", 0.5)}


def test_a_run_that_trains_now_is_left_alone(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        train(store, "r1", state="planned")
        store.start("r1", identity.current())
        with pytest.raises(DataError, match="run 'r1' is running here; let it end, or cancel it"):
            take_in(store, bundle)


def test_other_figures_are_a_conflict_and_nothing_is_kept(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        train(store, "r2", seed=2, hit=0.75)
        before = dict(queries.run(store, "r2").environment)
        with pytest.raises(DataError) as refused:
            take_in(store, bundle)
        assert f"{bundle}:7: run 'r2' (ablation · full) has other figures here: test.hr@10" in str(refused.value)
        assert "is 0.75 here and 0.5 there" in str(refused.value)
        assert [run.id for run in queries.runs(store)] == ["r2"]
        assert not (tmp_path / "second" / "runs" / "r1").exists()
        done = take_in(store, bundle, keep_ours=True)
        assert (done.new, done.kept) == (1, 1)
        assert queries.run(store, "r2").environment == before


def test_a_metric_that_another_version_measures_besides_is_no_conflict(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        train(store, "r2", seed=2, hit=0.5)
        one, *_ = before = queries.final_metrics(store, ["r2"])
        facts = queries.protocols(store)[one.protocol]
        group = (one.split, one.protocol, one.group)
        values = {row.name: row.value for row in before if (row.split, row.protocol, row.group) == group} | {"coverage@10": 0.75}
        store.metrics("r2", split=one.split, protocol=facts, group=one.group, values=values, count=one.count)
        assert take_in(store, bundle).new == 1
        names = [row.name for row in queries.final_metrics(store, ["r2"])]
        assert sorted(names) == sorted(["coverage@10", *(row.name for row in before)])


def test_another_run_under_the_same_id_is_a_conflict(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        train(store, "r1", digest="another", values={"backbone": {"use": "gru4rec", "num_layers": 1}, "train": {"epochs": 2}})
        with pytest.raises(DataError, match="'r1' is another one here: backbone.use is gru4rec here and sasrec there"):
            take_in(store, bundle)


def refusals(bundle: Path) -> dict[str, tuple[bytes, str]]:
    whole = bundle.read_bytes()
    lines = whole.splitlines(keepends=True)
    run = line_of(bundle, "run")
    return {
        "empty": (b"", "is empty; a file of `sracl export` was expected"),
        "foreign": (b"\x89PNG\r\n\x1a\n\x00", ":1: should be the first line of a file of `sracl export`"),
        "answers": (b'{"kind": "sracl answers", "format": 1}\n', "`sracl llm import` takes it"),
        "newer": (whole.replace(b'"format":2', b'"format":3', 1), ":1: is of format 3, and this version of sracl reads format 2. Upgrade"),
        "cut within a line": (whole[:-40], f":{len(lines)}: is not a whole line"),
        "cut between lines": (b"".join(lines[:-1]), f":{len(lines) - 1}: is the last line, and 2 ranks were expected and 1 are there"),
        "a changed figure": (whole.replace(b"0.25", b"0.26", 1), f":{run}: was changed after it was written"),
        "a line twice": (b"".join([*lines[:run], lines[run - 1], *lines[run:]]), f":{run + 1}: run 'r1' stands at"),
    }


@pytest.mark.parametrize(
    "what", ["empty", "foreign", "answers", "newer", "cut within a line", "cut between lines", "a changed figure", "a line twice"]
)
def test_a_file_that_is_not_sound_is_refused_where_it_is_not(bundle: Path, tmp_path: Path, what: str) -> None:
    contents, told = refusals(bundle)[what]
    (tmp_path / "bad.jsonl").write_bytes(contents)
    with project(tmp_path / "second") as store:
        with pytest.raises(DataError) as refused:
            take_in(store, tmp_path / "bad.jsonl")
        assert str(tmp_path / "bad.jsonl") in str(refused.value)
        assert told in str(refused.value)
        assert queries.runs(store) == []
    assert not (tmp_path / "second" / "runs").exists()


def test_a_truncated_gzip_is_refused(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl.gz").write_bytes(gzip.compress(bundle.read_bytes())[:-20])
    with project(tmp_path / "second") as store, pytest.raises(DataError, match="bad.jsonl.gz:.*cannot be read"):
        take_in(store, tmp_path / "bad.jsonl.gz")


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"seed": "first"}, "run.seed: Input should be a valid integer"),
        ({"state": "running"}, "run.state: Input should be 'completed'"),
        ({"id": "../../escaped"}, "run.id: String should match pattern"),
        ({"more": 1}, "run.more: Extra inputs are not permitted"),
    ],
)
def test_a_line_of_another_shape_is_refused_with_what_was_expected(bundle: Path, tmp_path: Path, parts: dict[str, Any], told: str) -> None:
    number = line_of(bundle, "run")
    with project(tmp_path / "second") as store, pytest.raises(DataError) as refused:
        take_in(store, changed(bundle, number, **parts))
    assert f"changed.jsonl:{number}: {told}" in str(refused.value)


def test_facts_that_are_not_those_of_their_fingerprint_are_refused(bundle: Path, tmp_path: Path) -> None:
    number = line_of(bundle, "protocol")
    with project(tmp_path / "second") as store, pytest.raises(DataError, match=f":{number}: the fingerprint of these facts is"):
        take_in(store, changed(bundle, number, facts={"seen_items": "keep"}))


KILLED = """
import os, signal, sys
from pathlib import Path
from sracl import paths
from sracl.sharing.take_in import take_in
from sracl.tracking.intake import Intake
from sracl.tracking.store import Store

write = Intake.flush
def die(self):
    write(self)
    os.kill(os.getpid(), signal.SIGKILL)  # all is written and moved, and nothing committed
Intake.flush = die
take_in(Store.open(paths.store_file()), Path(sys.argv[1]))
"""


def test_an_import_that_is_killed_leaves_nothing_and_may_be_repeated(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        done = subprocess.run([sys.executable, "-c", KILLED, str(bundle)], check=False, timeout=60)
        assert done.returncode == -signal.SIGKILL
        assert queries.runs(store) == []
        assert queries.recipes(store) == {}
        with staging(store):
            pass
        assert not (tmp_path / "second" / ".sracl" / "importing").exists()
        assert list((tmp_path / "second" / "runs").iterdir()) == []
        assert take_in(store, bundle).new == 2


def test_what_a_killed_import_has_begun_costs_no_run_that_trains_since_its_ranks(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store:
        subprocess.run([sys.executable, "-c", KILLED, str(bundle)], check=False, timeout=60)
        train(store, state="planned")
        store.start("r1", identity.current())
        own = paths.run_folder("r1") / "ranks.npz"
        own.write_bytes(b"of its training here, which is about to be completed")
        with staging(store):
            pass
        assert own.exists()


def test_runs_may_lie_on_another_disk_than_the_store(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def within_a_disk(self: Path, target: Path) -> Path:
        if ".sracl" in self.parts and ".sracl" not in target.parts:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", within_a_disk)
    with project(tmp_path / "second") as store:
        assert take_in(store, bundle).new == 2
        kept = next(row for row in artifacts.of_run(store, "r1") if row.name == "ranks")
        assert np.load(kept.path)["test.keep"].tolist() == RANKS["test.keep"]
        assert not (tmp_path / "second" / ".sracl" / "importing").exists()


def test_a_run_whose_folder_cannot_be_made_is_named(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "runs").touch()
    with project(tmp_path / "second") as store:
        with pytest.raises(ResourceError, match=r"the run's folder \S+/second/runs/r1 cannot be written to \(Not a directory\)"):
            take_in(store, bundle)
        assert queries.runs(store) == []


def test_one_import_at_a_time(bundle: Path, tmp_path: Path) -> None:
    with project(tmp_path / "second") as store, staging(store), pytest.raises(ResourceError, match="another process imports"):
        take_in(store, bundle)


def test_selectors_are_recipes_and_runs(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    with project(tmp_path / "first") as store:
        train(store, "r1")
        train(store, "r2", seed=2, recipe="other")
        train(store, "r3", seed=3, state="interrupted", ranks=False)
        root = paths.project()
        assert (export(store, file, project=root).runs, export(store, file, project=root).unfinished) == (2, 1)
        assert export(store, file, ["other"], project=root).runs == 1
        assert export(store, file, ["ablation", "r2"], project=root).runs == 2
        with pytest.raises(UsageError, match="Run 'r3' is interrupted; only completed runs can be exported"):
            export(store, file, ["r3"], project=root)
        with pytest.raises(UsageError, match="'ablatoin' is neither a recipe.* Did you mean 'ablation'"):
            export(store, file, ["ablatoin"], project=root)
        with pytest.raises(UsageError, match="'r' may be any of"):
            export(store, file, ["r"], project=root)


@pytest.mark.parametrize("left", [None, b"", b"PK"], ids=["gone", "empty", "cut"])
def test_a_run_whose_ranks_cannot_be_read_is_exported_without(tmp_path: Path, left: bytes | None) -> None:
    with project(tmp_path / "first") as store:
        train(store)
        if left is None:
            (paths.run_folder("r1") / "ranks.npz").unlink()
        else:
            (paths.run_folder("r1") / "ranks.npz").write_bytes(left)
        assert export(store, tmp_path / "some.jsonl", project=paths.project()).without_ranks == ("r1",)
    with project(tmp_path / "second") as store:
        assert take_in(store, tmp_path / "some.jsonl").new == 1
        assert [file.name for file in artifacts.of_run(store, "r1")] == ["embed.items"]
