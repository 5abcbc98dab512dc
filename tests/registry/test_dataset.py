from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sracl.registry.card import CardError, read_card
from sracl.registry.dataset import Dataset, Preparation, SourceFile

CARD = """
kind = "dataset"
name = "toy"
also = "toy-shop"
summary = "A toy."
source = "the attic"
licence = "none"
[preparation]
since = 2019-01-01
core = 5
[[files]]
name = "reviews.json.gz"
urls = ["https://example.org/a/reviews.json.gz", "http://example.org:8000/b"]
sha256 = "SHA"
bytes = 12
""".replace("SHA", "0" * 64)


def read(folder: Path, text: str) -> Dataset:
    path = folder / "toy.toml"
    path.write_text(text, "utf-8")
    return Dataset.of(read_card(path, "my-lab"))


def test_a_data_set_is_what_its_card_says(tmp_path: Path) -> None:
    assert read(tmp_path, CARD) == Dataset(
        name="toy",
        also="toy-shop",
        source="the attic",
        licence="none",
        files=(
            SourceFile(
                name="reviews.json.gz",
                urls=("https://example.org/a/reviews.json.gz", "http://example.org:8000/b"),
                sha256="0" * 64,
                bytes=12,
            ),
        ),
        manual="",
        preparation=Preparation(since=date(2019, 1, 1), until=None, duplicates="drop", core=5),
    )
    assert read(tmp_path, CARD).can_be_downloaded


def test_a_card_may_know_of_no_files(tmp_path: Path) -> None:
    bare = read(tmp_path, 'kind = "dataset"\nname = "toy"\nsummary = "A toy."\nsource = "the attic"')
    assert (bare.files, bare.preparation, bare.can_be_downloaded) == ((), Preparation(), False)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('also = "toy-shop"', "also = 1", "also: should be a string"),
        ("[preparation]\nsince = 2019-01-01\ncore = 5", "preparation = 5", "preparation: should be a table"),
        ("since = 2019-01-01", "since = 2019", "preparation.since: should be a date such as 2019-01-01, got 2019"),
        ("since = 2019-01-01", "since = 2019-01-01T00:00:00", "preparation.since: should be a date"),
        ("core = 5", "core = 0", "preparation.core: should be a number of interactions, 1 or more, got 0"),
        ("core = 5", "at_least = 4", "preparation.at_least: should be a table with one number, such as { rating = 4 }, got 4"),
        ("core = 5", "cores = 5", "preparation.cores: no such key. Did you mean 'core'?"),
        ("core = 5", 'duplicates = "merge"', "preparation.duplicates: should be 'drop' or 'keep', got 'merge'"),
        ("[[files]]", "[files]", "files: should be tables, [[files]]"),
        ('name = "reviews.json.gz"\n', "", "files.0.name: missing"),
        ('reviews.json.gz"\nurls', '../reviews.json"\nurls', "files.0.name: should be the name of a file, without a folder"),
        ("https://example.org/a", "file:///etc", "files.0.urls: should be an address that begins with https://"),
        ("https://example.org/a", "https://me:secret@example.org/a", "files.0.urls: should hold no user, password or query;"),
        ('["https://example.org/a/reviews.json.gz", "http://example.org:8000/b"]', "[]", "files.0.urls: should be a list of addresses"),
        ("0" * 64, "abc", "files.0.sha256: should be 64 hexadecimal digits in lower case, got 'abc'"),
        ("bytes = 12", "bytes = 0", "files.0.bytes: should be a number of bytes, 1 or more, got 0"),
        ("bytes = 12", "size = 12", "files.0.size: no such key."),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert old in CARD
    with pytest.raises(CardError) as error:
        read(tmp_path, CARD.replace(old, new))
    assert what in str(error.value)
