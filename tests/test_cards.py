"""Every card we ship says the truth about the code, the data and the papers it stands for."""

from __future__ import annotations

import importlib
import re

import pytest

from sracl import paths
from sracl.interfaces import GIVEN, SLOTS
from sracl.registry.card import FOLDERS, KINDS, Card
from sracl.registry.catalog import OWNER, read_cards
from sracl.registry.signatures import call_arguments, signature

CARDS = read_cards(paths.shipped("registry"), OWNER)
CODE = [card for card in CARDS if card.entry]
RESULTS = [card for card in CARDS if card.kind == "result"]


def by_address(cards: list[Card]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("card", cards, ids=[card.address for card in cards])


def test_there_are_cards_of_every_kind() -> None:
    assert {card.kind for card in CARDS} == set(FOLDERS)


@by_address(CARDS)
def test_a_card_stands_where_its_kind_and_name_say(card: Card) -> None:
    assert card.path == paths.shipped("registry") / FOLDERS[card.kind] / f"{card.name}.toml"
    assert card.summary.endswith(".")
    assert "\n" not in card.summary


@by_address(CARDS)
def test_a_paper_is_a_method_card(card: Card) -> None:
    known = sorted(method.name for method in CARDS if method.kind == "method")
    assert card.paper is None or card.paper in known, (
        f"{card.path}: paper = {card.paper!r} names no card in registry/methods/. Name one of {', '.join(known)}; "
        "write one (title, authors, venue, year, link, code); or leave `paper` out where the idea is yours."
    )


@by_address(CODE)
def test_the_entry_imports(card: Card) -> None:
    assert card.entry is not None
    module, _, name = card.entry.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@by_address(CODE)
def test_the_signature_is_readable_and_follows_the_rules(card: Card) -> None:
    taken = signature(card)
    assert not taken.unreadable
    assert taken.summary.endswith(".")
    assert set(card.symbols) <= set(taken.parameters)
    if not taken.is_function:
        assert set(taken.givens) <= set(GIVEN)
    elif card.kind == "dataset":
        assert taken.givens == ()
    undocumented = [name for name, parameter in taken.parameters.items() if not parameter.doc]
    assert undocumented == []


@by_address([card for card in CODE if card.kind != "dataset"])
def test_a_component_is_called_as_its_protocol_says(card: Card) -> None:
    protocols = [protocol for protocol, kind in SLOTS.items() if kind == card.kind]
    expected = {call_arguments(protocol) for protocol in protocols} - {None}
    called = signature(card).called_with
    assert not expected or called in expected


@by_address([card for card in CODE if card.kind != "dataset"])
def test_the_code_stands_in_the_folder_of_its_kind_in_a_file_of_its_name(card: Card) -> None:
    assert card.entry is not None
    assert card.entry.partition(":")[0] == f"sracl.{KINDS[card.kind]}.{card.name}"


@by_address([card for card in CARDS if card.kind == "dataset" and not card.entry])
def test_a_data_set_of_files_says_where_it_is_from_and_what_to_expect(card: Card) -> None:
    assert {"source", "licence", "preprocessing", "counts"} <= set(card.facts)
    assert set(card.facts["counts"]) == {"users", "items", "interactions"}


def test_counts_are_those_of_table_1() -> None:
    # SRA-CL, Table 1: users, items, actions
    table = {
        "yelp": (19936, 14587, 207952),
        "sports": (35598, 18357, 296337),
        "beauty": (22363, 12101, 198502),
        "office": (4905, 2420, 53258),
    }
    counts = {card.name: card.facts["counts"] for card in CARDS if "counts" in card.facts}
    assert {name: (found["users"], found["items"], found["interactions"]) for name, found in counts.items()} == table


@by_address([card for card in CARDS if card.kind == "method"])
def test_a_method_says_where_to_read_of_it(card: Card) -> None:
    assert {"title", "authors", "venue", "year", "link", "code"} <= set(card.facts)
    assert re.fullmatch(r"https://(arxiv\.org/abs/\d{4}\.\d{5}|doi\.org/.+)", card.facts["link"])
    shipped = {file.relative_to(paths.shipped("recipes")).with_suffix("").as_posix() for file in paths.shipped("recipes").rglob("*.toml")}
    assert set(card.facts.get("recipes", ())) <= shipped
    assert set(card.facts.get("results", ())) <= {result.name for result in RESULTS}


@by_address(RESULTS)
def test_published_figures_have_table_protocol_and_plausible_values(card: Card) -> None:
    assert {"paper", "table", "section", "source"} <= set(card.facts)
    assert set(card.facts["protocol"]) >= {"split", "candidates", "seen_items"}
    seen = [(row["system"], row["dataset"]) for row in card.facts["row"]]
    assert len(seen) == len(set(seen))
    for row in card.facts["row"]:
        assert row["dataset"] in {card.name for card in CARDS if card.kind == "dataset"}
        for name, value in row["values"].items():
            assert re.fullmatch(r"(hr|ndcg|mrr)@\d+", name)
            assert 0 < value < 1
        for name, value in row["values"].items():
            # a hit at rank r counts 1 for HR and at most 1 for NDCG, so NDCG never exceeds HR
            if name.startswith("ndcg"):
                assert value < row["values"][name.replace("ndcg", "hr")]


def figures(name: str) -> dict[tuple[str, str], dict[str, float]]:
    card = next(card for card in RESULTS if card.name == name)
    return {(row["system"], row["dataset"]): row["values"] for row in card.facts["row"]}


def test_the_ablation_is_that_of_table_3() -> None:
    table = figures("sracl-table3")
    assert len(table) == 5 * 4
    # SRA-CL, Table 3, rows Office HR@20 and ND@20, Yelp HR@20
    office = {"w/o CL": (0.1476, 0.0599), "w/o cross": (0.1621, 0.0691), "w/o intra": (0.1619, 0.0689), "Unlearnable": (0.1617, 0.0681)}
    for system, (hr, ndcg) in {**office, "SRA-CL": (0.1702, 0.0725)}.items():
        assert table[system, "office"] == {"hr@20": hr, "ndcg@20": ndcg}
    assert table["w/o CL", "yelp"]["hr@20"] == 0.1101


def test_the_misprint_is_kept_beside_what_it_must_mean() -> None:
    # SRA-CL, Table 3 prints 0.792 for Unlearnable on Sports, between 0.0745 (w/o CL) and 0.0823 (SRA-CL)
    card = next(card for card in RESULTS if card.name == "sracl-table3")
    row = next(row for row in card.facts["row"] if (row["system"], row["dataset"]) == ("Unlearnable", "sports"))
    assert row["values"]["hr@20"] == 0.0792
    assert row["printed"] == {"hr@20": 0.792}


def test_the_nameless_column_of_table_2_is_s3_rec() -> None:
    table = figures("sracl-table2")
    assert len(table) == 13 * 4
    # printed improvement of SRA-CL over the best other system on Yelp, HR@10: 9.37 %; DuoRec has 0.0747
    best = max(values["hr@10"] for (system, dataset), values in table.items() if dataset == "yelp" and system != "SRA-CL")
    assert best == table["DuoRec", "yelp"]["hr@10"] == 0.0747
    assert round(100 * (table["SRA-CL", "yelp"]["hr@10"] / best - 1), 2) == 9.37
    assert table["S3-Rec", "beauty"] == {"hr@10": 0.0647, "hr@20": 0.0994, "ndcg@10": 0.0327, "ndcg@20": 0.0414}


def test_both_tables_agree_on_sra_cl() -> None:
    main, ablation = figures("sracl-table2"), figures("sracl-table3")
    for dataset in ("yelp", "sports", "beauty", "office"):
        for name, value in ablation["SRA-CL", dataset].items():
            assert main["SRA-CL", dataset][name] == value
