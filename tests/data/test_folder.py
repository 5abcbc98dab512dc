"""Reading a folder, and every way in which it can be wrong."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sracl.data import folder
from sracl.errors import DataError
from sracl.interfaces import ItemText

INTERACTIONS = "user\titem\nann\t1\nann\t2\nann\t3\nben\t2\nben\t1\nben\t3\n"
ITEMS = "".join(json.dumps({"item": i, "title": f"Thing {i}"}) + "\n" for i in (1, 2, 3))

MakeFolder = Callable[..., Path]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_plain_and_compressed_files_are_read(make_folder: MakeFolder, ending: str) -> None:
    path = make_folder(**{f"interactions.tsv{ending}": INTERACTIONS, f"items.jsonl{ending}": ITEMS})
    read, counts = folder.read(path, "toy")
    assert counts == folder.Counts(users=2, items=3, interactions=6)
    assert [[read.item_ids[i - 1] for i in read.sequence(u)] for u in (0, 1)] == [["1", "2", "3"], ["2", "1", "3"]]
    assert {item: read.text(number).title for number, item in enumerate(read.item_ids, start=1)} == {
        str(i): f"Thing {i}" for i in (1, 2, 3)
    }
    assert read.notes == ()


def test_windows_line_ends_and_a_byte_order_mark_are_read(make_folder: MakeFolder) -> None:
    path = make_folder(interactions="\ufeff" + INTERACTIONS.replace("\n", "\r\n"), items=ITEMS)
    assert folder.read(path, "toy")[0].users == ("ann", "ben")


def test_halves_of_characters_are_marked(make_folder: MakeFolder) -> None:
    halves = ITEMS.replace("Thing 2", r"Thing \ud83d 2")  # no file, hash or request takes one
    read, _ = folder.read(make_folder(interactions=INTERACTIONS, items=halves), "toy")
    assert read.text(read.item_ids.index("2") + 1).title == "Thing ? 2"


def test_users_need_not_be_grouped(make_folder: MakeFolder) -> None:
    lines = "user\titem\ttimestamp\nann\t1\t5\nben\t2\t1\nann\t2\t5\nben\t1\t2.5\nann\t3\t9\nben\t3\t3\n"
    read, _ = folder.read(make_folder(interactions=lines, items=ITEMS), "toy")
    assert [[read.item_ids[i - 1] for i in read.sequence(u)] for u in (0, 1)] == [["1", "2", "3"], ["2", "1", "3"]]


def test_every_field_of_a_text_is_read(make_folder: MakeFolder) -> None:
    line = {
        "item": "1",
        "asin": "B0",
        "title": "  A   lamp ",
        "brand": None,
        "categories": ["Home", " ", "Lamps"],
        "description": ["Bright.", "Warm."],
        "attributes": {"colour": "red", "watts": 40, "shape": None},
    }
    read, _ = folder.read(make_folder(interactions="user\titem\nann\t1\nann\t1\nann\t1\n", items=json.dumps(line)), "toy")
    assert read.text(1) == ItemText(
        title="A lamp",
        brand="",
        categories=("Home", "Lamps"),
        description="Bright. Warm.",
        attributes={"colour": "red", "watts": "40"},
    )


def test_counts_are_taken_before_short_users_go(make_folder: MakeFolder) -> None:
    read, counts = folder.read(make_folder(interactions=INTERACTIONS + "cy\t4\n", items=ITEMS), "toy")
    assert counts == folder.Counts(users=3, items=4, interactions=7)
    assert read.num_users == 2
    assert "1 user with fewer than 3 interactions: left out" in read.notes


def test_items_without_a_line_or_a_text_are_noted(make_folder: MakeFolder) -> None:
    items = '{"item": 1, "title": "Thing"}\n{"item": 2, "title": null, "categories": []}\n'
    read, _ = folder.read(make_folder(interactions=INTERACTIONS, items=items), "toy")
    assert read.notes == ("1 of the chosen items have no line in items.jsonl: 3", "2 items without a text: kept")


def test_items_may_be_missing_altogether(make_folder: MakeFolder) -> None:
    read, _ = folder.read(make_folder(interactions=INTERACTIONS), "toy")
    assert read.notes[0] == "no items.jsonl: nothing is known of the items but their names"
    assert all(text.is_empty for text in read.texts)


@pytest.mark.parametrize(
    ("interactions", "where", "what"),
    [
        ("", "interactions.tsv:", "is empty"),
        ("user\titem\n", "interactions.tsv:", "has a header and no interactions"),
        ("1\t2\n1\t3\n", "interactions.tsv:1:", "must be the header"),
        ("user item\n1 2\n", "interactions.tsv:1:", "must be the header"),
        ("user\titem\nann\t1\nann\n", "interactions.tsv:3:", "expected 2 fields"),
        ("user\titem\nann\t1\t7\n", "interactions.tsv:2:", "expected 2 fields"),
        ("user\titem\nann\t\n", "interactions.tsv:2:", "expected 2 fields"),
        ("user\titem\n\nann\t1\n", "interactions.tsv:2:", "expected 2 fields"),
        ("user\titem\ttimestamp\nann\t1\tnoon\n", "interactions.tsv:2:", "timestamp should be a number, got 'noon'"),
        ("user\titem\ttimestamp\nann\t1\tnan\n", "interactions.tsv:2:", "timestamp should be a number, got 'nan'"),
        ("user\titem\ttimestamp\nann\t1\t9\nben\t1\t1\nann\t2\t8\n", "interactions.tsv:4:", "user ann goes back in time, from 9 to 8"),
        ("user\titem\ttimestamp\nann\t1\t1600181527\nann\t2\t1600181526\n", "interactions.tsv:3:", "from 1600181527 to 1600181526"),
    ],
)
def test_bad_interactions_name_file_and_line(make_folder: MakeFolder, interactions: str, where: str, what: str) -> None:
    with pytest.raises(DataError) as error:
        folder.read(make_folder(interactions=interactions, items=ITEMS), "toy")
    assert where in str(error.value)
    assert what in str(error.value)


@pytest.mark.parametrize(
    ("items", "where", "what"),
    [
        ("", "items.jsonl:", "is empty"),
        ('{"item": 1}\n{"item": 2\n', "items.jsonl:2:", "is not JSON"),
        ('{"item": 1}\n\n{"item": 2}\n', "items.jsonl:2:", "is not JSON"),
        ("[1]\n", "items.jsonl:1:", "should be a JSON object"),
        ('{"title": "Thing"}\n', "items.jsonl:1:", "`item` should name the item"),
        ('{"item": true}\n', "items.jsonl:1:", "`item` should name the item"),
        ('{"item": 1}\n{"item": 2}\n{"item": "1"}\n', "items.jsonl:3:", "item 1 has a line already, line 1"),
        ('{"item": 1, "title": {"en": "Thing"}}\n', "items.jsonl:1:", "`title` should be text or a list of texts"),
        ('{"item": 1, "attributes": ["red"]}\n', "items.jsonl:1:", "`attributes` should be an object"),
    ],
)
def test_bad_items_name_file_and_line(make_folder: MakeFolder, items: str, where: str, what: str) -> None:
    with pytest.raises(DataError) as error:
        folder.read(make_folder(interactions=INTERACTIONS, items=items), "toy")
    assert where in str(error.value)
    assert what in str(error.value)


def test_bytes_that_are_no_text_name_their_line(make_folder: MakeFolder) -> None:
    path = make_folder(items=ITEMS)
    (path / "interactions.tsv").write_bytes(b"user\titem\nann\t1\nann\t\xff\xfe\n")
    with pytest.raises(DataError, match=r"interactions\.tsv:3: is not UTF-8"):
        folder.read(path, "toy")


def test_a_file_that_is_not_gzip_is_named(make_folder: MakeFolder) -> None:
    path = make_folder(items=ITEMS)
    (path / "interactions.tsv.gz").write_bytes(INTERACTIONS.encode())
    with pytest.raises(DataError, match=r"interactions\.tsv\.gz: is not compressed with gzip"):
        folder.read(path, "toy")


def test_a_file_cut_short_is_named(make_folder: MakeFolder) -> None:
    path = make_folder(items=ITEMS)
    (path / "interactions.tsv.gz").write_bytes(gzip.compress(INTERACTIONS.encode())[:-12])
    with pytest.raises(DataError, match=r"interactions\.tsv\.gz: is damaged or cut short"):
        folder.read(path, "toy")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_named(make_folder: MakeFolder) -> None:
    path = make_folder(interactions=INTERACTIONS, items=ITEMS)
    (path / "items.jsonl").chmod(0)
    with pytest.raises(DataError, match=r"items\.jsonl: cannot be read \(Permission denied\)"):
        folder.read(path, "toy")


def test_one_file_in_two_forms_is_an_error(make_folder: MakeFolder) -> None:
    path = make_folder(**{"interactions": INTERACTIONS, "interactions.tsv.gz": INTERACTIONS})
    with pytest.raises(DataError, match=r"both interactions\.tsv and interactions\.tsv\.gz"):
        folder.read(path, "toy")


def test_the_fingerprint_follows_contents_and_name(make_folder: MakeFolder) -> None:
    path = make_folder(interactions=INTERACTIONS, items=ITEMS)
    before = folder.fingerprint(path, "toy")
    assert before == folder.read(path, "toy")[0].fingerprint
    assert before != folder.fingerprint(path, "game")
    (path / "items.jsonl").write_text(ITEMS.replace("Thing", "Object"))
    assert before != folder.fingerprint(path, "toy")
