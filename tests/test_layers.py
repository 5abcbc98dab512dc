"""Imports go down only, and what needs no tensor library never loads one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

HEAVY = ("torch", "transformers", "openai", "sklearn", "textual")

PROBE = """
import json, sys
from sracl.cli.app import main
code = main(json.loads(sys.argv[1]))
print(json.dumps({"code": code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def loaded_by(arguments: list[str], home: Path) -> tuple[int, set[str], str]:
    """Exit code, top-level modules and stdout of one command line in a fresh process with an empty project."""
    environment = {**os.environ, "SRACL_HOME": str(home), "SRACL_CACHE_DIR": str(home / "cache"), "PYTHONPATH": str(ROOT)}
    environment.pop("SRACL_DB", None)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stderr.splitlines()[-1])
    return report["code"], {name.partition(".")[0] for name in report["modules"]}, done.stdout


def test_every_import_contract_of_the_project_holds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_the_layer_contract_names_every_package() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["type"] == "layers")
    placed = {name for layer in layers["layers"] for name in layer.replace("|", " ").replace(":", " ").split()}
    packages = {path.parent.name for path in (ROOT / "sracl").glob("*/__init__.py")}
    assert packages <= placed
    assert layers["exhaustive"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["recommend", "--help"],
        ["check", "--help"],
        ["list"],
        ["list", "backbone"],
        ["list", "--json"],
        ["show", "backbones/sasrec"],
        ["show", "nt_xent"],
        ["schema"],
        ["data", "list"],
        ["doctor"],
        ["run", "ablation_unlearnable", "--dry-run"],
        ["llm", "plan", "methods/sracl"],
    ],
    ids=" ".join,
)
def test_a_command_that_only_looks_loads_no_tensor_library(arguments: list[str], tmp_path: Path) -> None:
    code, modules, stdout = loaded_by(arguments, tmp_path)
    assert code == 0
    assert stdout.strip()
    assert not modules & set(HEAVY)


@pytest.mark.parametrize("arguments", [["runs"], ["compare"], ["show", "r1"]], ids=" ".join)
def test_reading_a_store_loads_none_of_what_writes_it(arguments: list[str], tmp_path: Path) -> None:
    from sracl.tracking.store import Store

    with Store.open(tmp_path / ".sracl" / "store.db") as store:
        store.register(
            run_id="r1",
            digest="d",
            recipe="ablation",
            variant="full",
            cell={},
            seed=1,
            label="",
            dataset="demo",
            values={},
            origins={},
            leaky=(),
            folder="",
            environment={},
        )
        store.metrics("r1", split="test", protocol={"seen_items": "keep"}, group="all", values={"hr@10": 0.25})
        store.finish("r1", "completed")
    code, modules, stdout = loaded_by(arguments, tmp_path)
    assert code == 0
    assert "full" in stdout if arguments[0] != "show" else "run r1" in stdout
    assert not modules & {*HEAVY, "sqlmodel", "sqlalchemy"}


def test_comparing_loads_the_library_of_tests_only_where_tests_are_asked_for(tmp_path: Path) -> None:
    from sracl.tracking.store import Store

    with Store.open(tmp_path / ".sracl" / "store.db"):
        pass
    _, plain, _ = loaded_by(["compare"], tmp_path)
    _, testing, _ = loaded_by(["compare", "--significance"], tmp_path)
    assert not plain & {"scipy", "numpy"}
    assert not testing & set(HEAVY)


@pytest.mark.parametrize("arguments", [["runs"], ["compare"]], ids=" ".join)
def test_reading_an_empty_store_loads_no_tensor_library(arguments: list[str], tmp_path: Path) -> None:
    code, modules, _ = loaded_by(arguments, tmp_path)
    assert code in (0, 2)
    assert not modules & set(HEAVY)
