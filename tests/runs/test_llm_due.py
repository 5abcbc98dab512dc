"""What a dry run says of requests to servers, and what a run that would need a key says without one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.openai_server import OpenAIServer
from tests.support.recipes import called, project, sracl_recipe

CARD = """
kind = "llm"
name = "mine"
summary = "One at home."
base_url = "{url}"
model = "small"
context_length = 32_000
max_output = 2_000
input_per_million = 1
output_per_million = 2
api_key_env = "MY_SERVERS_KEY"
price_date = 2026-11-20
"""
ITEMS = 40
"""Of the recipe's source."""


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        running.reply = lambda user: json.dumps({"description": f"text of {len(user)}", "buyers": "many"})
        yield running


@pytest.fixture
def recipe(tmp_path: Path, server: OpenAIServer) -> str:
    """Texts of items from a server that a card beside it describes; of line 15 the provider."""
    (tmp_path / "mine.toml").write_text(CARD.format(url=server.url))
    path = sracl_recipe(tmp_path, epochs=1)
    path.write_text(path.read_text().replace('llm = { use = "template" }', 'llm = { use = "openai", llm = "./mine.toml" }', 1))
    return str(path)


def with_key(folder: Path) -> dict[str, str]:
    return {**project(folder), "MY_SERVERS_KEY": "anything"}


def previewed(recipe: str, environment: dict[str, str], *more: str) -> list[dict[str, Any]]:
    done = called("run", recipe, "-n", "--json", *more, environment=environment)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["data"]["requests"]
    return found


def test_a_dry_run_counts_what_is_not_answered_at_the_price_of_the_plan(tmp_path: Path, recipe: str, server: OpenAIServer) -> None:
    (outlay,) = json.loads(called("llm", "plan", recipe, "--json", environment=project(tmp_path)).stdout)["data"]
    (price,) = [price for price in outlay["prices"] if price["llm"] == "mine"]
    (told,) = previewed(recipe, project(tmp_path))
    assert told == {
        "dataset": "markov",
        "texts": "items",
        "provider": "openai",
        "model": "small",
        "server": server.url.split("/")[2],
        "requests": ITEMS,
        "missing": ITEMS,
        "dollars": price["dollars"]["items"],
        "price_date": "2026-11-20",
        "key_missing": "MY_SERVERS_KEY",
    }
    lines = called("run", recipe, "-n", environment=project(tmp_path)).stdout.splitlines()
    of = f"of 40 for items of markov, with openai (small at {told['server']})"
    assert f"  40 {of}: about {told['dollars']:.2f} dollars at the price of 2026-11-20" in lines
    assert "  their server needs a key: the environment variable MY_SERVERS_KEY is not set" in lines

    assert called("llm", "run", recipe, environment=with_key(tmp_path)).returncode == 0
    assert previewed(recipe, project(tmp_path)) == []  # the texts are here
    shutil.rmtree(tmp_path / "cache" / "describe")
    (told,) = previewed(recipe, project(tmp_path))
    assert (told["requests"], told["missing"], told["dollars"], told["key_missing"]) == (ITEMS, 0, 0.0, None)
    assert f"  0 {of}: nothing is left to ask" in called("run", recipe, "-n", environment=project(tmp_path)).stdout.splitlines()
    assert len(server.requests) == ITEMS


def test_requests_that_two_tables_share_are_sent_once(tmp_path: Path, recipe: str) -> None:
    variants = '[[variant]]\nname = "one"\n[[variant]]\nname = "other"\nset = { "semantics.items.llm.concurrency" = 3 }\n'
    Path(recipe).write_text(Path(recipe).read_text() + variants)
    assert [told["missing"] for told in previewed(recipe, project(tmp_path))] == [ITEMS, 0]


def test_a_model_without_a_card_is_of_an_unknown_price(tmp_path: Path, recipe: str, server: OpenAIServer) -> None:
    bare = f'semantics.items.llm={{use="openai_batch", base_url="{server.url}", model="large"}}'
    (told,) = previewed(recipe, project(tmp_path), "--set", bare)
    assert (told["provider"], told["missing"], told["dollars"], told["key_missing"]) == ("openai_batch", ITEMS, None, None)
    assert "of an unknown price" in called("run", recipe, "-n", "--set", bare, environment=project(tmp_path)).stdout


@pytest.mark.parametrize("command", [("run",), ("llm", "run")])
def test_a_key_is_missed_before_anything_is_done_and_only_where_answers_are(
    tmp_path: Path, recipe: str, server: OpenAIServer, command: tuple[str, ...]
) -> None:
    refused = called(*command, recipe, "--device", "cpu", environment=project(tmp_path))
    assert refused.returncode == 6
    first, problem = refused.stderr.splitlines()[-2:]
    line = 1 + Path(recipe).read_text().splitlines().index('llm = { use = "openai", llm = "./mine.toml" }')
    assert first == f"{recipe} cannot be run here, for 1 reason:"
    assert problem.startswith(f"  {recipe}:{line}: semantics.items.llm.use: 127.0.0.1:")
    assert "needs a key: set the environment variable MY_SERVERS_KEY." in problem
    assert not (tmp_path / "cache").exists()
    assert not server.requests

    assert called("llm", "run", recipe, environment=with_key(tmp_path)).returncode == 0
    shutil.rmtree(tmp_path / "cache" / "describe")
    assert called(*command, recipe, "--device", "cpu", environment=project(tmp_path)).returncode == 0


def test_what_is_not_on_this_machine_is_missed_in_all_tables_before_the_first_is_made(tmp_path: Path) -> None:
    recipe = sracl_recipe(tmp_path, epochs=1)
    absent = f'text_encoder={{use="transformers", model="{tmp_path}/absent"}}'
    sets = [part for kind in ("items", "sequences") for part in ("--set", f"semantics.{kind}.{absent}")]
    done = called("run", str(recipe), *sets, "--device", "cpu", environment=project(tmp_path))
    assert done.returncode == 6
    assert f"{recipe} cannot be run here, for 2 reasons:" in done.stderr
    assert not (tmp_path / "cache").exists()
