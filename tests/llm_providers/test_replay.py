from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from sracl.errors import DataError
from sracl.interfaces import AnswerForm, ItemText, Prompt
from sracl.llm_providers.replay import Replay
from sracl.registry.catalog import catalog
from sracl.semantics.versions import component_version


def prompt(user: str) -> Prompt:
    return Prompt("item", (ItemText(title=user),), system="Describe.", user=user)


def row(user: str, reply: str) -> str:
    return json.dumps({"system": "Describe.", "user": user, "reply": reply, "model": "small"}) + "\n"


@pytest.mark.parametrize("name", ["answers.jsonl", "answers.jsonl.gz"])
def test_answers_in_the_order_of_the_prompts(tmp_path: Path, name: str) -> None:
    text = (row("pen", "Writes.") + row("pad", "Is written on.")).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    provider = Replay(file=str(tmp_path / name))
    assert provider([prompt("pad"), prompt("pen"), prompt("pad")]) == ["Is written on.", "Writes.", "Is written on."]


def test_replies_are_read_as_their_prompt_asks(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(row("pen", '```json\n{"description": "Writes."}\n```') + row("pad", "Is written on."))
    asked = [replace(prompt(user), answer=AnswerForm(fields={"description": 5})) for user in ("pen", "pad")]
    assert Replay(file=str(file))(asked[:1]) == ["Writes."]
    with pytest.raises(DataError, match=r"the reply to the prompt that begins 'pad' has no JSON object in it"):
        Replay(file=str(file))(asked)


def test_counts_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(row("pen", "Writes."))
    with pytest.raises(DataError, match=r"no answer to 2 of 3 prompts, the first of which begins 'pad'"):
        Replay(file=str(file))([prompt("pen"), prompt("pad"), prompt("ink")])


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("no JSON\n", ":2: should be a JSON object"),
        ("[1]\n", ":2: should be a JSON object"),
        ('{"system": "Describe.", "user": "ink"}\n', ":2: should be a JSON object"),
        ('{"system": "Describe.", "user": "ink", "reply": 3}\n', ":2: system, user and reply should be strings"),
        (row("pen", "Draws."), ":2: this prompt was answered differently"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, second: str, said: str) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(row("pen", "Writes.") + second)
    with pytest.raises(DataError, match=said):
        Replay(file=str(file))([prompt("pen")])


def test_a_cut_file_is_an_error_and_an_absent_one_is_noticed_at_once(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl.gz"
    file.write_bytes(gzip.compress(row("pen", "Writes.").encode())[:-12])
    with pytest.raises(DataError, match="cannot be read"):
        Replay(file=str(file))([prompt("pen")])
    with pytest.raises(DataError, match="has no file"):
        Replay(file=str(tmp_path / "absent.jsonl"))


def test_a_file_with_other_answers_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = {"use": "replay", "file": "answers.jsonl"}
    Path("answers.jsonl").write_text(row("pen", "Writes."))
    before = component_version(catalog(), "llm_provider", table)
    Path("answers.jsonl").write_text(row("pen", "Writes, and draws."))
    assert component_version(catalog(), "llm_provider", table) != before
