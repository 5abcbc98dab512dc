"""What leaves a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from sracl import paths
from sracl.sharing.discreet import discreet
from sracl.sharing.export import export
from tests.sharing.conftest import project, train
from tests.support.openai_server import CANARY


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{project}/recipes/a.toml:7", "recipes/a.toml:7"),
        ("small · model={project}/models/x · seed 1", "small · model=models/x · seed 1"),
        ("w/o CL", "w/o CL"),
        ("https://host.example/v1", "https://host.example/v1"),
        ("https://me:pass@host.example/v1", "https://***@host.example/v1"),
        ("https://host.example/v1?api_key=abc&x=1", "https://host.example/v1?api_key=***&x=1"),
        ({"api_key": "abc", "api_key_env": "OPENAI_API_KEY"}, {"api_key": "***", "api_key_env": "OPENAI_API_KEY"}),
        (["my_lab.models:Mine", 3, None, True], ["my_lab.models:Mine", 3, None, True]),
    ],
)
def test_places_and_secrets_stay(tmp_path: Path, given: object, told: object) -> None:
    value = given.replace("{project}", str(tmp_path)) if isinstance(given, str) else given
    assert discreet(tmp_path)(value) == told


def test_places_elsewhere_keep_their_names_and_stay_apart(tmp_path: Path) -> None:
    clean = discreet(tmp_path)
    one, other = clean("/models/a b/checkpoint"), clean("/models/c/checkpoint")
    assert one.endswith("/checkpoint") and other.endswith("/checkpoint")
    assert one != other
    assert "models" not in one + other + clean("model=/models/c/checkpoint seed 1")


def test_a_key_reaches_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", CANARY)
    values = {
        "llm": {"base_url": f"http://me:{CANARY}@127.0.0.1/v1", "extra": f'{{"key": "{CANARY}"}}', "token": "another-canary"},
        "list": [f"http://127.0.0.1/v1?key={CANARY}"],
    }
    with project(tmp_path / "first") as store:
        train(store, values=values, origins={"llm.extra": f"--set {CANARY}"}, label=CANARY, environment={"device": CANARY})
        store.artifact("r1", name="describe.items", path="/x", digest="bb", size=1, facts={"said": CANARY})
        export(store, tmp_path / "bundle.jsonl", project=paths.project())
    told = (tmp_path / "bundle.jsonl").read_text("utf-8")
    assert "canary" not in told
    assert str(tmp_path) not in told
