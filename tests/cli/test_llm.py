"""`sracl llm` as it is typed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sracl import paths
from sracl.cli.app import main
from sracl.cli.llm import app
from sracl.jobs.enqueue import enqueue
from sracl.recipes.plan import plan
from sracl.tracking import jobs
from sracl.tracking.store import Store
from tests.support.openai_server import CANARY, OpenAIServer, failing

runner = CliRunner()


def test_plan_prints_counts_and_a_price_for_every_model() -> None:
    shown = runner.invoke(app, ["plan", "methods/sracl"])
    assert shown.exit_code == 0
    assert shown.stdout.startswith("demo: what a language model would be asked\n")
    lines = {line.split("  ")[0]: line for line in shown.stdout.splitlines()}
    (told,) = json.loads(runner.invoke(app, ["plan", "methods/sracl", "--json"]).stdout)["data"]
    for each in told["granularities"]:
        assert f"{each['rows']:,}" in lines[each["name"]]
        assert f"{each['tokens_in']:,}" in lines[each["name"]]
        assert lines[each["name"]].endswith("yes") == each["chosen"]
    assert lines["items"].split()[1] == "697"
    priced = {price["llm"] + (", in batches" if price["batch"] else ""): price for price in told["prices"]}
    assert {"deepseek-chat", "gpt-4o-mini", "gpt-4o-mini, in batches"} <= set(priced)
    for name, price in priced.items():
        assert lines[name].split()[-1] == f"{price['total']:,.2f}"
        assert price["price_date"] in lines[name]


def test_plan_shows_requests_word_for_word() -> None:
    (told,) = json.loads(runner.invoke(app, ["plan", "methods/sracl", "--json"]).stdout)["data"]
    shown = runner.invoke(app, ["plan", "methods/sracl", "--example"]).stdout
    for each in told["granularities"]:
        assert f"--- {each['name']}: system\n{each['example']['system']}\n" in shown
        assert f"--- {each['name']}: user\n{each['example']['user']}\n" in shown
        assert each["example"]["user"]
    assert "--- items" not in runner.invoke(app, ["plan", "methods/sracl"]).stdout


def test_plan_takes_what_is_set() -> None:
    shown = runner.invoke(app, ["plan", "methods/sracl", "--set", "semantics.sequences.unit=user", "--json"])
    assert [each["chosen"] for each in json.loads(shown.stdout)["data"][0]["granularities"]] == [False, True, True]


ITEMS = 150
"""Of a small demo."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    for name in ("SRACL_HOME", "SRACL_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("DEEPSEEK_API_KEY", CANARY)
    monkeypatch.delenv("SRACL_DB", raising=False)
    with OpenAIServer() as running:
        running.reply = lambda user: json.dumps({"description": f"text of {len(user)}", "buyers": "many"})
        yield running


def of_items(server: OpenAIServer, **more: Any) -> list[str]:
    """A recipe whose texts of items are asked for, by its values."""
    values = {"use": "openai", "llm": "deepseek-chat", "base_url": server.url, "concurrency": 20, **more}
    table = ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    small = ["--set", "data.num_users=150", "--set", "data.num_items=150"]
    return ["methods/sracl", *small, "--set", f"semantics.items.llm={{{table}}}"]


def test_run_writes_texts_and_the_other_commands_tell_of_them(server: OpenAIServer, tmp_path: Path) -> None:
    assert main(["llm", "run", *of_items(server), "--offline"]) == 4
    shown = runner.invoke(app, ["run", *of_items(server)])
    assert shown.exit_code == 0, shown.output
    assert f"demo: items: {ITEMS} texts" in shown.stdout
    assert "demo: sequences: " in shown.stdout
    asked = len(server.requests)
    assert f"{ITEMS} requests asked, 0 known" in shown.stderr
    assert main(["llm", "run", *of_items(server, concurrency=3), "--offline"]) == 0
    assert len(server.requests) == asked == ITEMS
    (row,) = json.loads(runner.invoke(app, ["status", *of_items(server), "--json"]).stdout)["data"]["answers"]
    assert (row["dataset"], row["texts"], row["requests"], row["answered"], row["missing"]) == ("demo", "items", ITEMS, ITEMS, 0)
    (account,) = json.loads(runner.invoke(app, ["cost", "--json"]).stdout)["data"]
    assert account["tokens_in"] == 100 * ITEMS
    assert account["dollars"] == pytest.approx(ITEMS * (60 * 0.56 + 40 * 0.07 + 20 * 1.68) / 1e6, rel=1e-12)
    assert f"{account['dollars']:,.6f} dollars altogether" in runner.invoke(app, ["cost"]).stdout
    assert str(ITEMS) in runner.invoke(app, ["status"]).stdout


def test_answers_are_passed_on(server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runner.invoke(app, ["run", *of_items(server)]).exit_code == 0
    bundle = str(tmp_path / "paper.jsonl.gz")
    assert runner.invoke(app, ["export", bundle, *of_items(server)]).stdout == f"{ITEMS} answers\n"
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.delenv("DEEPSEEK_API_KEY")
    assert runner.invoke(app, ["import", bundle]).stdout == f"{ITEMS} new answers; 0 were known\n"
    assert runner.invoke(app, ["run", *of_items(server), "--offline"]).exit_code == 0
    assert len(server.requests) == ITEMS
    assert CANARY.encode() not in gzip.decompress(Path(bundle).read_bytes())


def test_a_file_that_is_damaged_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    packed = gzip.compress(b"words " * 100)
    (tmp_path / "paper.jsonl.gz").write_bytes(packed[:10] + b"\xff" * 4 + packed[14:])
    assert main(["llm", "import", str(tmp_path / "paper.jsonl.gz")]) == 4
    assert "paper.jsonl.gz cannot be read" in capsys.readouterr().err


def test_an_export_that_fails_leaves_the_file_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "paper.jsonl"
    bundle.write_text("answers that are nowhere else")
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path))
    (tmp_path / "answers.db").write_text("damaged, damaged")
    assert main(["llm", "export", str(bundle)]) == 4
    assert bundle.read_text() == "answers that are nowhere else"
    assert main(["llm", "export", str(tmp_path / "absent" / "paper.jsonl")]) == 2


def test_a_ceiling_ends_a_run_and_what_was_paid_is_kept(server: OpenAIServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["llm", "run", *of_items(server), "--max-cost", "0.008"]) == 5
    told = capsys.readouterr().err
    assert "the ceiling of 0.008 dollars leaves no room for another request" in told
    bought = len(server.answered)
    assert 60 < bought < ITEMS
    (row,) = json.loads(runner.invoke(app, ["status", *of_items(server), "--json"]).stdout)["data"]["answers"]
    assert row["answered"] == bought
    assert row["dollars_spent"] <= 0.008
    assert main(["llm", "run", *of_items(server), "--max-cost", "1"]) == 0
    assert len(server.answered) == ITEMS


@pytest.mark.parametrize("command", [("llm", "run"), ("run", "--seeds", "1", "--device", "cpu", "--quiet")])
def test_the_environment_says_what_is_allowed_where_the_command_does_not(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SRACL_OFFLINE", "1")
    assert main([*command, *of_items(server)]) == 4
    assert "nobody may be asked" in capsys.readouterr().err
    assert not server.requests
    monkeypatch.setenv("SRACL_OFFLINE", "0")
    monkeypatch.setenv("SRACL_MAX_COST", "0.008")
    assert main([*command, *of_items(server)]) == 5
    assert "the ceiling of 0.008 dollars" in capsys.readouterr().err
    assert len(server.answered) < ITEMS
    assert main(["llm", "run", *of_items(server), "--max-cost", "1"]) == 0
    assert len(server.answered) == ITEMS


def test_a_job_of_the_queue_is_allowed_what_the_environment_said_when_it_was_queued(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SRACL_OFFLINE", "1")
    with Store.open(paths.store_file()) as store:
        (entry,) = enqueue(store, plan("methods/sracl", sets=of_items(server)[2::2], seeds=[1]), device="cpu")
        (job,) = jobs.jobs(store)
    monkeypatch.delenv("SRACL_OFFLINE")
    for name, value in job.environment.items():
        monkeypatch.setenv(name, value)
    assert job.command[-4:] == ("carry-out", str(paths.run_folder(entry.run_id) / "queued.json"), "--device", "cpu")
    assert main(job.command[-4:]) == 4
    assert "nobody may be asked" in capsys.readouterr().err
    assert not server.requests


def test_a_ceiling_is_a_number(server: OpenAIServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["llm", "run", *of_items(server), "--max-cost", "inf"]) == 2
    assert "a ceiling of inf dollars is none" in capsys.readouterr().err
    assert not server.requests


def test_a_ceiling_counts_texts_that_are_here_already(server: OpenAIServer) -> None:
    assert main(["llm", "run", *of_items(server)]) == 0  # 150 answers, 0.0105 dollars
    provider = f'{{use = "openai", llm = "deepseek-chat", base_url = "{server.url}"}}'
    both = [*of_items(server), "--set", f"semantics.sequences.llm={provider}", "--set", "semantics.sequences.unit=user"]
    assert main(["llm", "run", *both, "--max-cost", "0.0105"]) == 5
    assert len(server.answered) == ITEMS


def test_failures_are_told_and_asked_again_on_request(server: OpenAIServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.reply = lambda user: "no object" if len(user) % 5 == 0 else '{"description": "d", "buyers": "b"}'
    assert main(["llm", "run", *of_items(server, attempts=1)]) == 4
    assert "requests have no answer: the reply has no JSON object in it" in capsys.readouterr().err
    failed = json.loads(runner.invoke(app, ["status", "--json"]).stdout)["data"]["failures"]["has no JSON object in it"]
    reason = f"{failed:,} have no answer: the reply has no JSON object in it\n"
    assert reason in runner.invoke(app, ["status", *of_items(server)]).stdout
    assert "have no answer" not in runner.invoke(app, ["status", *of_items(server, sample=1)]).stdout
    assert json.loads(runner.invoke(app, ["status", *of_items(server, sample=1), "--json"]).stdout)["data"]["failures"] == {}
    server.reply = lambda user: '{"description": "d", "buyers": "b"}'
    assert runner.invoke(app, ["retry", *of_items(server)]).stdout == f"{failed:,} requests will be asked again by the next run.\n"
    assert main(["llm", "run", *of_items(server)]) == 0
    assert len(server.requests) == ITEMS + failed


@pytest.mark.parametrize("all_of_them", [False, True])
def test_texts_that_were_left_empty_are_asked_again_on_request(all_of_them: bool, server: OpenAIServer) -> None:
    recipe = of_items(server, attempts=1, max_failed=ITEMS)
    server.reply = lambda user: "no object" if len(user) % 5 == 0 else '{"description": "d", "buyers": "b"}'
    shown = runner.invoke(app, ["run", *recipe])
    failed = ITEMS - int(json.loads(runner.invoke(app, ["status", *recipe, "--json"]).stdout)["data"]["answers"][0]["answered"])
    assert f"{failed} empty" in shown.stdout
    server.reply = lambda user: '{"description": "d", "buyers": "b"}'
    assert runner.invoke(app, ["retry", *of_items(server, sample=1, max_failed=ITEMS)]).exit_code == 0  # another's stay
    assert "describe items with openai: cached" in runner.invoke(app, ["run", *recipe]).stderr
    assert runner.invoke(app, ["retry", *([] if all_of_them else recipe)]).exit_code == 0
    shown = runner.invoke(app, ["run", *recipe])
    assert f"demo: items: {ITEMS} texts, 1 different, 0 empty" in shown.stdout
    assert "describe sequences with template: cached" in shown.stderr
    assert len(server.requests) == ITEMS + failed


def test_a_recipe_that_stores_no_answers_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["llm", "retry", "methods/sracl"]) == 2
    assert "none of the LLM providers of sracl stores answers" in capsys.readouterr().err


def test_a_key_in_an_address_reaches_nothing(server: OpenAIServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ({"base_url": f"http://me:{CANARY}@127.0.0.1/v1"}, {"api_key_env": CANARY}, {"extra": json.dumps({"key": CANARY})}):
        assert main(["run", *of_items(server, **more)]) == 3
    server.trouble = failing(401)
    assert main(["run", *of_items(server)]) != 0
    told = capsys.readouterr()
    assert "refuses the key in DEEPSEEK_API_KEY" in told.err
    assert CANARY not in told.err + told.out
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file
