"""What texts would cost, counted by hand on a small shop and against the paper's data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sracl import paths
from sracl.errors import DataError, UsageError
from sracl.llm_providers import tokens
from sracl.recipes.plan import plan
from sracl.registry.catalog import catalog
from sracl.registry.find_prompt import find_prompt
from sracl.registry.llm import LLM
from sracl.runs import llm_texts
from sracl.runs.llm_outlay import Granularity, Outlay, outlays

HISTORIES = {"ann": "abcde", "ben": "abcdef"}


@pytest.fixture
def corner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Titles of a token each, and nothing else; nothing is known of f."""
    folder = tmp_path / "corner"
    folder.mkdir()
    rows = [f"{user}\t{item}" for user, items in HISTORIES.items() for item in items]
    (folder / "interactions.tsv").write_text("\n".join(["user\titem", *rows, ""]))
    (folder / "items.jsonl").write_text("".join(json.dumps({"item": item, "title": item * 3}) + "\n" for item in "abcde"))
    monkeypatch.setenv("SRACL_DATA", str(tmp_path))


def planned(*sets: str, recipe: str = "methods/sracl") -> list[Outlay]:
    return outlays(plan(recipe, sets=["data.name=corner", "semantics.items.k=1", "semantics.sequences.k=1", *sets]))


def by_name(outlay: Outlay) -> dict[str, Granularity]:
    return {each.name: each for each in outlay.granularities}


def test_rows_requests_and_tokens_are_those_counted_by_hand(corner: None) -> None:
    (found,) = planned()
    counted = by_name(found)
    assert list(counted) == ["training prefixes", "users", "items"]
    # of a request, what all have: instruction, what a server adds, and "Chosen:"
    words = find_prompt(catalog(), "purchases")
    system = words.system.format(domain="everyday products", answer="at most 100 words")
    fixed = tokens.estimate(system) + 8 + 3
    # x_1 … x_t with t <= n - 3 reads a, ab of ann and a, ab, abc of ben; an entry is "1. aaa", three tokens
    assert counted["training prefixes"] == Granularity("training prefixes", True, 5, 3, 3 * fixed + 3 * (1 + 2 + 3), 3 * 115, fixed + 9, {})
    assert counted["users"] == Granularity("users", False, 2, 2, 2 * fixed + 3 * (2 + 3), 2 * 115, fixed + 9, {})
    assert counted["users"].example == {"system": system, "user": "Chosen:\n1. aaa\n2. bbb\n3. ccc"}
    # of a … f, f has no text
    assert (counted["items"].rows, counted["items"].requests, counted["items"].chosen) == (6, 5, True)


def test_the_unit_of_the_recipe_is_marked_and_paid_for(corner: None) -> None:
    (found,) = planned("semantics.sequences.unit=user")
    counted = by_name(found)
    assert [name for name, each in counted.items() if each.chosen] == ["users", "items"]
    for price in found.prices:
        assert price.total == pytest.approx(price.dollars["users"] + price.dollars["items"])


def test_a_leaky_pool_has_more_prefixes_and_another_name(corner: None) -> None:
    (found,) = planned("semantics.sequences.pool=all")
    # every prefix that is followed by anything: 4 of ann and 5 of ben, who begin alike
    assert (by_name(found)["prefixes"].rows, by_name(found)["prefixes"].requests) == (9, 5)


def test_every_card_is_priced_and_once_more_for_batches(corner: None) -> None:
    (found,) = planned("semantics.items.llm={use = 'template', words = 4}")
    cards = {card.name: LLM.of(card) for card in catalog().cards("llm")}
    assert {price.llm for price in found.prices} == set(cards)
    assert {price.llm for price in found.prices if price.batch} == {name for name, llm in cards.items() if llm.batch_discount}
    items = by_name(found)["items"]
    alone, batched = (price for price in found.prices if price.llm == "gpt-4o-mini")
    # 0.15 $ for a million read, 0.60 $ for a million written
    assert alone.dollars["items"] == pytest.approx((items.tokens_in * 0.15 + items.tokens_out * 0.60) / 1e6)
    assert batched.dollars["items"] == pytest.approx(alone.dollars["items"] / 2)
    assert all(price.total == 0 for price in found.prices if price.llm in ("ollama", "vllm"))


def test_a_model_that_cannot_read_the_longest_requests_is_named(corner: None, tmp_path: Path) -> None:
    words = (paths.shipped("registry") / "prompts" / "products.toml").read_text("utf-8")
    long = words.replace("You write", "You write well " * 1100).replace("3_000", "9_000")
    (tmp_path / "long.toml").write_text(long, "utf-8")
    (found,) = planned(f"semantics.items.prompt={tmp_path / 'long.toml'}")
    # 3,300 words and more: ollama's card has room for 3,072 tokens
    assert {price.llm for price in found.prices if price.cut} == {"ollama"}
    assert {price.cut for price in found.prices} == {(), ("items",)}


def test_runs_that_ask_for_the_same_are_counted_once(corner: None, tmp_path: Path) -> None:
    # five variants: three ask for both texts, one each for those of items and of sequences, one for none
    (found,) = planned(recipe="ablation_unlearnable")
    assert set(by_name(found)) == {"training prefixes", "users", "items"}
    # an axis of the matrix that changes what is asked
    (tmp_path / "twice.toml").write_text(
        'recipe = 1\nname = "twice"\nextends = "methods/sracl"\n[matrix]\n"semantics.items.contexts" = [1, 2]\n"train.epochs" = [1, 2]\n'
    )
    assert len(planned(recipe=str(tmp_path / "twice.toml"))) == 2


def test_splits_that_have_the_same_train_ask_for_the_same(tmp_path: Path) -> None:
    splits = [(0.7, "last"), (0.7, "first"), (0.6, "last")]
    tables = [f'{{ by = "time", valid = {valid}, test = 0.9, target = "{target}" }}' for valid, target in splits]
    recipe = tmp_path / "both.toml"
    recipe.write_text(f'recipe = 1\nname = "both"\nextends = "methods/sracl"\n[matrix]\n"evaluation.split" = [{", ".join(tables)}]\n')
    planned = plan(str(recipe), sets=["data.num_users=60"], seeds=[1])
    assert len(planned.runs) == 3
    assert len(outlays(planned)) == len(llm_texts._tables(planned)) / 2 == 2  # texts of items and of sequences


def test_a_recipe_without_texts_is_told_so(corner: None) -> None:
    with pytest.raises(UsageError, match="sasrec has no use for texts"):
        outlays(plan("methods/sasrec", sets=["data.name=corner"]))


def test_an_absent_data_set_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SRACL_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    with pytest.raises(DataError, match="beauty"):
        outlays(plan("methods/sracl", sets=["data.name=beauty"]))


FACTS = {"beauty": (131_413, 22_363, 12_101, 115_489), "office": (38_543, 4_905, 2_420, 34_746)}
"""Training prefixes Σ(n - 3), users, items, and prefixes that differ in their items, of the files that SRA-CL released."""


def here(name: str) -> bool:
    return any((folder / name).is_dir() for folder in paths.data_folders())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("office", marks=pytest.mark.skipif(not here("office"), reason="office is not in SRACL_DATA")),
        pytest.param("beauty", marks=[pytest.mark.slow, pytest.mark.skipif(not here("beauty"), reason="beauty is not in SRACL_DATA")]),
    ],
)
def test_rows_are_those_of_the_papers_data(name: str) -> None:
    (found,) = outlays(plan("methods/sracl", sets=[f"data.name={name}"]))
    prefixes, users, items = found.granularities
    expected = FACTS[name]
    assert (prefixes.rows, users.rows, items.rows) == expected[:3]
    # sequences of items whose words are the same are one request
    assert 0.99 * expected[3] < prefixes.requests <= expected[3]
    assert prefixes.tokens_out == 115 * prefixes.requests


def test_a_card_of_the_recipe_is_priced_beside_the_registered_ones(corner: None, tmp_path: Path) -> None:
    shipped = (paths.shipped("registry") / "llms" / "ollama.toml").read_text("utf-8")
    (tmp_path / "mine.toml").write_text(
        shipped.replace('"ollama"', '"mine"').replace("input_per_million = 0", "input_per_million = 1_000_000")
    )
    named = f'semantics.items.llm={{use="openai", llm="{tmp_path}/mine.toml"}}'
    (found,) = planned(named)
    (own,) = [price for price in found.prices if price.llm == "mine"]
    assert own.dollars["items"] == by_name(found)["items"].tokens_in  # a dollar a token read, none for one written
    assert [price for price in found.prices if price.llm != "mine"] == list(planned()[0].prices)
