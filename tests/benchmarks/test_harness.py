"""Measuring, writing and refusing, with a benchmark made for the test."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import harness, machine
from benchmarks.harness import BenchmarkError, Case, Options


def case(**changes: object) -> Case:
    """A case of one side, with some settings changed."""
    settings: dict[str, object] = {"name": "small", "what": "small", "unit": "ms", "module": "growth", "sides": ("ours",)}
    return Case(**{**settings, **changes})  # type: ignore[arg-type]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Children that take 2, 4, 6 … ms in the order in which they are started; their sides."""
    started: list[str] = []

    def child(case: Case, function: str, options: Options, folder: str) -> dict[str, float]:
        started.append(function)
        return {"value": 2.0 * len(started), "more": 1.0}

    monkeypatch.setattr(harness, "_child", child)
    return started


def test_sides_take_turns_and_medians_are_compared(counting: list[str]) -> None:
    result = harness.measure(case(sides=("ours", "peer", "floor"), prepare="prepare"), Options(repeats=3))
    assert counting == ["prepare", *["ours", "peer", "floor"] * 3]
    # values by turn: ours 4 10 16, peer 6 12 18, floor 8 14 20
    assert (result["ours"], result["peer"], result["floor"]) == (10, 12, 14)
    assert result["ratio"] == 12 / 10
    assert result["over_floor"] == 10 / 14
    assert result["repeats"]["peer"] == [6, 12, 18]
    assert result["min"]["ours"] == 4
    assert result["details"]["ours"] == {"more": 1.0}


def test_a_result_says_what_it_depends_on(counting: list[str]) -> None:
    result = harness.measure(case(environment=harness.NEVER_UNMAP), Options(threads=1, repeats=1))
    assert result["threads"] == 1
    assert result["malloc"]["MALLOC_MMAP_MAX_"] == "0"
    assert result["versions"]["torch"]
    assert {"cpu", "avx512_bf16", "amx_bf16"} <= result["machine"].keys()
    assert {"before", "during", "others"} == result["load"].keys()
    assert result["ratio"] is None
    json.dumps(result)


def test_a_side_runs_in_a_process_and_reports() -> None:
    result = harness.measure(case(module="startup", arguments={"command": ["--help"]}), Options(repeats=1))
    assert 0 < result["min"]["ours"] < 60


def test_a_failing_side_is_reported_with_its_words() -> None:
    with pytest.raises(BenchmarkError, match="(?s)small: ours failed.*unknown_argument"):
        harness.measure(case(arguments={"unknown_argument": 1}), Options(repeats=1))


def test_an_absent_data_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRACL_DATA", raising=False)
    absent = case(module="evaluation", arguments={"data": "no_such_shop"}, prepare="prepare")
    with pytest.raises(BenchmarkError, match="(?s)There is no data set 'no_such_shop'"):
        harness.measure(absent, Options(repeats=1))


def test_without_recbole_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "versions_of", lambda python: {"recbole": None})
    with pytest.raises(BenchmarkError, match=r"small: the peer is RecBole.*\[bench\].*--peer-python"):
        harness.check([case(recbole=True)], Options())
    harness.check([case()], Options())


def test_write_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    path = tmp_path / "results" / "one.json"
    harness.write(path, [{"name": "one"}])
    assert json.loads(path.read_text()) == {"name": "one"}
    with pytest.raises(TypeError):
        harness.write(path, [{"name": object()}])
    assert json.loads(path.read_text()) == {"name": "one"}
    harness.write(path, [{"name": "one"}, {"name": "two"}])
    assert [entry["name"] for entry in json.loads(path.read_text())] == ["one", "two"]
    assert list(path.parent.iterdir()) == [path]


def test_every_side_exists() -> None:
    import importlib

    known = command.everything(Options())
    assert {"sracl_step", "sracl_step_malloc_neutral", "sasrec_step", "sasrec_epoch", "evaluation", "retrieval"} <= known.keys()
    for cases in known.values():
        for found in cases:
            module = importlib.import_module(f"benchmarks.{found.module}")
            functions = [*found.sides, *([found.prepare] if found.prepare else [])]
            assert all(callable(getattr(module, name)) for name in functions)


def test_listing_loads_no_tensor_library() -> None:
    import subprocess

    code = "import sys; from benchmarks.__main__ import main; main(['--list']); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=machine.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "sracl_step" in done.stdout


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BenchmarkError, match="no benchmark is called sracl_stp.*sracl_step"):
        command.main(["sracl_stp"])
