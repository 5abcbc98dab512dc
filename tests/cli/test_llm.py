"""`sracl llm` as it is typed."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from sracl.cli.llm import app

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
