from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from sracl.registry.card import CardError, read_card
from sracl.registry.catalog import catalog
from sracl.registry.llm import LLM

if TYPE_CHECKING:
    from pathlib import Path

CARD = """
kind = "llm"
name = "parrot"
summary = "Repeats."
base_url = "https://api.example.org/v1"
model = "parrot-2"
context_length = 8_000
max_output = 1_000
input_per_million = 2
output_per_million = 8.0
cached_input_per_million = 0.5
batch_discount = 0.5
api_key_env = "PARROT_API_KEY"
price_date = 2026-01-31
source = "https://example.org/prices"
request = { seed = 1 }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "parrot.toml"
    path.write_text(text, "utf-8")
    return path


def llm(folder: Path, text: str = CARD) -> LLM:
    return LLM.of(read_card(written(folder, text), "my-lab"))


def test_a_model_is_what_its_card_says(tmp_path: Path) -> None:
    assert llm(tmp_path) == LLM(
        name="parrot",
        base_url="https://api.example.org/v1",
        model="parrot-2",
        context_length=8000,
        max_output=1000,
        input_per_million=2.0,
        output_per_million=8.0,
        cached_input_per_million=0.5,
        batch_discount=0.5,
        api_key_env="PARROT_API_KEY",
        price_date=date(2026, 1, 31),
        request={"seed": 1},
    )
    assert llm(tmp_path).longest_prompt == 7000


def test_a_card_may_leave_out_discounts_and_a_key(tmp_path: Path) -> None:
    left_out = ("cached", "batch", "api_key", "request")
    found = llm(tmp_path, "\n".join(line for line in CARD.splitlines() if not line.startswith(left_out)))
    assert (found.cached_input_per_million, found.batch_discount, found.api_key_env, found.request) == (2.0, 0.0, None, {})


def test_cost_counts_cached_input_and_batches_apart(tmp_path: Path) -> None:
    parrot = llm(tmp_path)
    # 3 M read at 2 $, 1 M written at 8 $
    assert parrot.cost(3_000_000, 1_000_000) == pytest.approx(14.0)
    # of the 3 M, 2 M at 0.5 $ instead
    assert parrot.cost(3_000_000, 1_000_000, cached=2_000_000) == pytest.approx(11.0)
    assert parrot.cost(3_000_000, 1_000_000, batch=True) == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        ('model = "parrot-2"', "", "model: missing"),
        ('model = "parrot-2"', 'model = ""', "model: should be a string"),
        ("batch_discount = 0.5", "batch_discont = 0.5", "Did you mean 'batch_discount'?"),
        ("batch_discount = 0.5", "batch_discount = 1", "less than 1, got 1"),
        ("input_per_million = 2", "input_per_million = -2", "0 or more, got -2"),
        ("input_per_million = 2", "input_per_million = nan", "0 or more, got nan"),
        ("output_per_million = 8.0", 'output_per_million = "8"', "should be US dollars"),
        ("context_length = 8_000", "context_length = 0", "number of tokens"),
        ("max_output = 1_000", "max_output = 8_000", "leave room for a request in the 8,000 tokens"),
        ("price_date = 2026-01-31", 'price_date = "31.1.2026"', "should be a date such as 2025-09-05"),
        ("request = { seed = 1 }", "request = 1", "table of fields"),
        ("api.example.org/v1", "", "should be an address"),
    ],
)
def test_a_bad_card_says_what_is_wrong(tmp_path: Path, line: str, replacement: str, message: str) -> None:
    with pytest.raises(CardError, match=r"parrot\.toml") as caught:
        read_card(written(tmp_path, CARD.replace(line, replacement)), "my-lab")
    assert message in str(caught.value)


@pytest.mark.parametrize("address", ["https://canary@api.example.org", "https://api.example.org?key=canary", "canary"])
def test_a_key_in_an_address_is_refused_and_not_repeated(tmp_path: Path, address: str) -> None:
    with pytest.raises(CardError) as caught:
        read_card(written(tmp_path, CARD.replace("https://api.example.org/v1", address)), "my-lab")
    assert "base_url: should" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_what_was_paid_for_deepseek_is_known_for_each_of_its_prices() -> None:
    # 29.4 M read and 15.1 M written, as for Beauty's training prefixes; dollars by hand
    prices = {"deepseek-chat-launch": 8.344, "deepseek-chat-2025-02": 24.548, "deepseek-chat": 41.832}
    for name, dollars in prices.items():
        assert LLM.of(catalog().find("llm", name)).cost(29_400_000, 15_100_000) == pytest.approx(dollars)


def test_every_shipped_card_makes_a_model() -> None:
    models = [LLM.of(card) for card in catalog().cards("llm")]
    assert len(models) >= 6
    assert all(model.cached_input_per_million <= model.input_per_million for model in models)
    assert any(model.batch_discount for model in models)
    assert any(model.input_per_million == 0 for model in models)
