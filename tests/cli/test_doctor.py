"""The command in fresh processes, where plug-ins are installed as they would be."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.plugins import broken_distribution, plugin_distribution, sracl


def test_a_plug_in_that_cannot_be_imported_is_a_problem_with_the_reason_and_code_9(tmp_path: Path) -> None:
    whole, broken = plugin_distribution(tmp_path / "whole"), broken_distribution(tmp_path / "broken")
    done = sracl(["doctor"], [whole, broken])
    assert done.returncode == 9, done.stderr
    assert "ok      plug-in: sracl.backbones 'mean_of_items' of my-lab 1.0" in done.stdout
    assert "problem plug-in: sracl.backbones 'broken' of broken-lab 1.0: importing broken_lab_models failed" in done.stdout
    assert "No module named 'a_library_that_nobody_has'" in done.stdout
    assert "pip uninstall broken-lab" in done.stdout


def test_a_plug_in_that_kills_its_process_leaves_the_doctor_alive(tmp_path: Path) -> None:
    text = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n\nclass Crash:\n    '''Crashes.'''\n"
    folder = plugin_distribution(
        tmp_path, modules={"crashing.py": text}, entry_points={"sracl.losses": {"crash": "crashing:Crash"}}, name="crash-lab"
    )
    done = sracl(["doctor", "--json"], [folder])
    assert done.returncode == 9, done.stderr
    answer = json.loads(done.stdout)
    (plugin,) = (check for check in answer["data"] if check["name"] == "plug-in")
    assert "killed its process (signal 11)" in plugin["found"]
    assert answer["errors"] == [plugin["found"]]


def test_the_value_of_a_key_is_told_nowhere(tmp_path: Path) -> None:
    done = sracl(["doctor", "--json"], [tmp_path], OPENAI_API_KEY="canary-5f1e")
    assert done.returncode == 0, done.stdout
    assert "OPENAI_API_KEY is set" in done.stdout
    assert "canary" not in done.stdout + done.stderr
    assert "OPENAI_API_KEY is not set" in sracl(["doctor"], [tmp_path], OPENAI_API_KEY="").stdout


def test_a_damaged_store_gives_code_8(tmp_path: Path) -> None:
    (tmp_path / ".sracl").mkdir()
    (tmp_path / ".sracl" / "store.db").write_bytes(b"no database" * 200)
    done = sracl(["doctor"], [tmp_path])
    assert done.returncode == 8
    assert "problem store: " in done.stdout
    assert "Traceback" not in done.stderr
