"""Whole imports: splits counted by hand, ties included, and what is refused."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import os
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sracl.data import datasets, folder
from sracl.data.interactions import Interactions
from sracl.data.sources.bring import bring_in, name_of
from sracl.data.sources.columns import Columns
from sracl.data.splits import evaluation_prefixes
from sracl.errors import DataError
from sracl.registry.catalog import catalog
from sracl.registry.dataset import Dataset
from tests.data.conftest import write


def card_preparation(name: str) -> dict[str, object]:
    return dataclasses.asdict(Dataset.of(catalog().find("dataset", name)).preparation)


def split(interactions: Interactions) -> dict[str, tuple[list[str], str, str]]:
    """Of each user: what trains, what validates, what tests."""
    valid, test = (evaluation_prefixes(interactions, which, 50).targets for which in ("valid", "test"))
    return {
        user: (
            [interactions.item_ids[item - 1] for item in interactions.sequence(row)[:-2]],
            interactions.item_ids[valid[row] - 1],
            interactions.item_ids[test[row] - 1],
        )
        for row, user in enumerate(interactions.users)
    }


def json_lines(records: Sequence[object]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_a_raw_amazon_sample_gives_the_splits_counted_by_hand(data_home: Path, tmp_path: Path) -> None:
    # days of each user's reviews of A … E, in a file that is grouped by item, as Amazon's are
    days = {
        "ann": [3, 1, 1, 2, 2],
        "ben": [7, 7, 7, 7, 7],
        "cy": [5, 4, 3, 2, 1],
        "dee": [5, 5, 1, 9, 9],
        "eve": [1, 2, 3, 1, 3],
    }
    reviews = [(user, item, days[user][place]) for place, item in enumerate("ABCDE") for user in days]
    reviews.insert(8, ("ann", "B", 1))  # the same review twice
    reviews += [("zed", "Z", 1), ("ann", "Z", 9)]  # neither Z nor zed reaches five; Z would have tested ann
    lines = [{"reviewerID": user, "asin": item, "overall": 5.0, "unixReviewTime": 86_400 * day} for user, item, day in reviews]
    products = [{"asin": item, "title": f"Thing {item}", "categories": [["Shop", "Things"]]} for item in "ABCDEYZ"]
    files = [
        write(tmp_path / "meta_Shop.json.gz", "".join(f"{product!r}\n" for product in products)),
        write(tmp_path / "reviews_Shop_5.json.gz", json_lines(lines)),
    ]
    said: list[str] = []
    target, imported = bring_in(files, name="shop", preparation=card_preparation("beauty"), say=said.append)
    assert split(imported) == {
        "ann": (["B", "C", "D"], "E", "A"),
        "ben": (["A", "B", "C"], "D", "E"),
        "cy": (["E", "D", "C"], "B", "A"),
        "dee": (["C", "A", "B"], "D", "E"),
        "eve": (["A", "D", "B"], "C", "E"),
    }
    assert imported.text(1 + imported.item_ids.index("C")).title == "Thing C"
    assert "27 of 28 interactions are distinct in user, item and time" in said
    assert "25 of 27 interactions are of users and items with 5 or more, after 1 pass" in said
    assert target == tmp_path / "user" / "shop"
    assert datasets.load("shop").fingerprint == imported.fingerprint


def test_a_raw_yelp_sample_gives_the_splits_counted_by_hand(data_home: Path, tmp_path: Path) -> None:
    noon, evening = "2019-06-01 12:00:00", "2019-06-01 18:00:00"
    reviews = [(f"u{user}", f"b{place}", noon) for user in range(1, 6) for place in (3, 1, 5, 2, 4)]  # all ties
    reviews += [
        ("u1", "b1", evening),  # a repeat, which is kept and tests u1
        ("u2", "b2", "2019-01-01 00:00:00"),  # the first second of 2019: u2 begins with it
        ("u3", "b3", "2018-12-31 23:59:59"),
        ("u3", "b3", "2020-01-01 00:00:00"),
        # u6 has four reviews and goes in the first pass; that leaves b6 with four, and it goes in the second
        *(("u6", business, evening) for business in ("b1", "b2", "b3", "b6")),
        *((f"u{user}", "b6", evening) for user in range(2, 6)),
    ]
    lines = [{"review_id": str(i), "user_id": u, "business_id": b, "stars": 1.0, "date": d} for i, (u, b, d) in enumerate(reviews)]
    businesses = [{"business_id": f"b{i}", "name": f"Café {i}", "city": "Tampa", "categories": "Food, Coffee"} for i in range(1, 7)]
    files = [write(tmp_path / "review.json", json_lines(lines)), write(tmp_path / "business.json", json_lines(businesses))]
    said: list[str] = []
    _, imported = bring_in(files, name="cafes", preparation=card_preparation("yelp"), say=said.append)
    assert split(imported) == {
        "u1": (["b3", "b1", "b5", "b2"], "b4", "b1"),
        "u2": (["b2", "b3", "b1", "b5"], "b2", "b4"),
        **{f"u{user}": (["b3", "b1", "b5"], "b2", "b4") for user in (3, 4, 5)},
    }
    assert "35 of 37 interactions are on the days asked for" in said
    assert "27 of 35 interactions are of users and items with 5 or more, after 2 passes" in said
    assert imported.text(1 + imported.item_ids.index("b5")).attributes == {"city": "Tampa"}


@pytest.fixture
def office() -> Path:
    found = [Path(entry) / "office" for entry in os.environ.get("SRACL_DATA", "").split(os.pathsep) if entry]
    for path in found:
        if path.is_dir():
            return path
    pytest.skip("SRACL_DATA has no office")


def test_office_as_atomic_files_is_office_as_a_folder(office: Path, data_home: Path, tmp_path: Path) -> None:
    expected, _ = folder.read(office, "office")
    items = [[expected.item_ids[item - 1] for item in expected.sequence(row)] for row in range(expected.num_users)]
    # pairs of positions share a time, users come mixed, and each user's rows in order
    rows = [(user, sequence, iter(range(len(sequence)))) for user, sequence in zip(expected.users, items, strict=True)]
    turns = [row for row in rows for _ in row[1]]
    random.Random(7).shuffle(turns)
    lines = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for user, sequence, places in turns:
        place = next(places)
        lines.append(f"{user}\t{sequence[place]}\t5.0\t{1_300_000_000 + place // 2 * 86_400}")
    texts = [f"{name}\t{expected.text(number).title}" for number, name in enumerate(expected.item_ids, start=1)]
    files = [
        write(tmp_path / "Amazon_Office_Products.inter", "\n".join(lines) + "\n"),
        write(tmp_path / "Amazon_Office_Products.item", "\n".join(["item_id:token\ttitle:token_seq", *texts]) + "\n"),
    ]
    _, imported = bring_in(files, name="office")
    assert imported.users == expected.users
    assert imported.item_ids == expected.item_ids
    np.testing.assert_array_equal(imported.items, expected.items)
    np.testing.assert_array_equal(imported.offsets, expected.offsets)
    assert [text.title for text in imported.texts] == [text.title for text in expected.texts]
    assert split(imported) == split(expected)


def test_office_as_amazon_reviews_is_office_as_a_folder(office: Path, data_home: Path, tmp_path: Path) -> None:
    expected, _ = folder.read(office, "office")
    with gzip.open(office / "items.jsonl.gz", "rt", encoding="utf-8") as file:
        products = {str(product["item"]): product for product in map(json.loads, file)}
    asins = [[products[expected.item_ids[item - 1]]["asin"] for item in expected.sequence(row)] for row in range(expected.num_users)]
    # as released: grouped by item in ascending order, with days. A day lasts as long as the order of items does, so that
    # every pair that may be a tie is one
    reviews = []
    for user, sequence in enumerate(asins):
        day = 0
        for before, asin in itertools.pairwise(["", *sequence]):
            day += asin < before
            reviews.append((asin, f"A{user:05d}", 1_300_000_000 + 86_400 * day))
    reviews.sort(key=lambda review: review[0])
    lines = [{"reviewerID": user, "asin": asin, "unixReviewTime": time} for asin, user, time in reviews]
    meta = [{"asin": p["asin"], "title": p["title"], "categories": [["Office Products", *p["categories"]]]} for p in products.values()]
    files = [
        write(tmp_path / "reviews_Office_Products_5.json.gz", json_lines(lines)),
        write(tmp_path / "meta_Office_Products.json.gz", "".join(f"{product!r}\n" for product in meta)),
    ]
    target, imported = bring_in(files)
    assert target.name == "office"
    found = [[imported.item_ids[item - 1] for item in imported.sequence(row)] for row in range(imported.num_users)]
    assert found == asins
    titles = {p["asin"]: (" ".join((p["title"] or "").split()), tuple(p["categories"])) for p in products.values()}
    assert {asin: (t.title, t.categories) for asin, t in zip(imported.item_ids, imported.texts, strict=True)} == titles


CSV = "user,item,timestamp\nann,a,1\nann,b,2\nann,c,3\nben,a,1\nben,c,1\nben,b,2\n"


def test_counts_that_are_not_the_cards_are_refused_and_nothing_is_kept(data_home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "reviews.csv", CSV)
    with pytest.raises(DataError) as error:
        bring_in([path], name="office", preparation={"core": 1})
    assert str(error.value).startswith(
        "what reviews.csv gives: is not the 'office' it is called: it holds 2 users where its card says 4,905, "
        "and 3 items where its card says 2,420, and 6 interactions where its card says 53,258."
    )
    assert list((tmp_path / "user").iterdir()) == []


def test_nothing_is_replaced_unasked_or_even_read(data_home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "shop.csv", CSV)
    bring_in([path])
    before = datasets.load("shop").fingerprint
    path.write_text(CSV.replace("ann", "amy") + "broken\n")
    with pytest.raises(DataError, match="'shop' has been imported already, .*; --replace makes it anew"):
        bring_in([path])
    with pytest.raises(DataError, match=r"shop\.csv:8"):
        bring_in([path], replace=True)
    assert datasets.load("shop").fingerprint == before
    path.write_text(CSV.replace("ann", "amy"))
    bring_in([path], replace=True)
    assert datasets.load("shop").users == ("amy", "ben")
    assert [entry.name for entry in (tmp_path / "user").iterdir()] == ["shop"]


def test_a_file_without_times_or_items_is_enough(data_home: Path, tmp_path: Path) -> None:
    said: list[str] = []
    _, imported = bring_in([write(tmp_path / "shop.csv.gz", "user,item,when\nann,b,2\nann,a,1\nann,b,3\n")], say=said.append)
    assert split(imported) == {"ann": (["b"], "a", "b")}
    assert said[1].startswith("no column of times (timestamp, time,")
    assert imported.notes[0].startswith("no items.jsonl")


def test_a_table_of_interactions_may_have_its_items_in_json_lines(data_home: Path, tmp_path: Path) -> None:
    goods = json_lines([{"item": name, "title": f"Thing {name}"} for name in "abc"])
    _, imported = bring_in([write(tmp_path / "shop.csv", CSV), write(tmp_path / "goods.jsonl", goods)])
    assert [imported.texts[imported.item_ids.index(name)].title for name in "abc"] == ["Thing a", "Thing b", "Thing c"]
    assert imported.notes == ()


RATINGS = "7::10::5::300\n7::11::3::100\n7::12::4::200\n"
FILMS = '10::Amélie, or: "the" one (2001)::Comedy|Children\'s\n11::Heat (1995)::Action\n12::Solaris::Drama|Sci-Fi\n'
FILM_COLUMNS = Columns(header=("user", "item", "rating", "time"), items_header=("item", "title", "genres"), encoding="latin-1")


def test_files_without_a_header_take_the_columns_named(data_home: Path, tmp_path: Path) -> None:
    films = tmp_path / "films.dat"
    films.write_bytes(FILMS.encode("latin-1"))
    said: list[str] = []
    _, imported = bring_in([write(tmp_path / "ratings.dat", RATINGS), films], columns=FILM_COLUMNS, say=said.append)
    assert split(imported) == {"7": (["11"], "12", "10")}
    text = imported.texts[imported.item_ids.index("10")]
    assert (text.title, text.categories) == ('Amélie, or: "the" one (2001)', ("Comedy", "Children's"))
    assert said[0] == "reading ratings.dat: a table without a header, of user, item, rating, time"


def test_a_file_without_a_header_may_stand_beside_one_with_one(data_home: Path, tmp_path: Path) -> None:
    goods = write(tmp_path / "goods.csv", "item,title\n10,One\n11,Two\n12,Three\n")
    columns = Columns(user="who", header=("who", "item", "", "time"))
    for files in (["ratings.dat", "goods.csv"], ["goods.csv", "ratings.dat"]):
        write(tmp_path / "ratings.dat", RATINGS)
        _, imported = bring_in([tmp_path / name for name in files], name="films", columns=columns, replace=True)
        assert sorted(text.title for text in imported.texts) == ["One", "Three", "Two"]
    assert goods.exists()


@pytest.mark.parametrize(
    ("text", "columns", "what"),
    [
        (RATINGS, Columns(), "Columns of a table without a header are named by --header and --items-header."),
        (CSV, FILM_COLUMNS, "--header names the columns of a file without a header, and there is none for it: a.dat is a CSV"),
        (FILMS, FILM_COLUMNS, "a.dat:1: --header user,item,rating,time names 4 columns, and the line has 3 cells: '10::"),
        ("buyer,sku,stars,day\nann,1,5,9\n", FILM_COLUMNS, "a.dat:1: seems to be a header: 'buyer,sku,stars,day', and --header is for"),
        ("user,sku\nann,1\n", Columns(header=("user", "item")), "a.dat:1: seems to be a header: 'user,sku'"),
        (
            RATINGS,
            Columns(header=("user", "film", "rating", "time")),
            "--header user,film,rating,time: should name a column of users (user_id,",
        ),
        (RATINGS, Columns(items_header=("user", "item", "x", "y")), "--items-header user,item,x,y: should name one of items (item_id,"),
        (RATINGS, Columns(header=("user", "item", "item", "time")), "--header user,item,item,time: names 'item' twice"),
        (RATINGS, Columns(time="when", header=("user", "item", "x", "time")), "--header user,item,x,time: there is no column 'when'."),
        (RATINGS + "7::13::5\n", Columns(header=("user", "item", "x", "time")), "a.dat:4: expected 4 cells, as columns are named, got 3"),
    ],
)
def test_columns_that_are_not_those_of_the_file_are_refused(
    data_home: Path, tmp_path: Path, text: str, columns: Columns, what: str
) -> None:
    with pytest.raises(DataError) as error:
        bring_in([write(tmp_path / "a.dat", text)], name="films", columns=columns)
    assert what in str(error.value)
    assert not (tmp_path / "user" / "films").exists()


def test_data_sets_are_called_as_their_card_or_their_file() -> None:
    assert name_of(Path("reviews_Beauty_5.json")) == name_of(Path("reviews_Beauty_5.json.gz")) == "beauty"
    assert name_of(Path("yelp_academic_dataset_review.json")) == "yelp"
    assert name_of(Path("ml-1m.inter.gz")) == "ml-1m"
    assert name_of(Path("ratings")) == "ratings"


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"a.csv": CSV, "b.csv": CSV}, "a.csv holds interactions; b.csv holds interactions"),
        (
            {"a.csv": "item,title\n1,A\n"},
            "a.csv holds items. A table holds interactions if it has a column of users: name it by --user-column.",
        ),
        ({"a.csv": "who,what\nann,1\n"}, "a.csv: is of no form that is known. It begins with 'who,what'. Known are:\n"),
        (
            {"a.json": '{"who": 1}\n'},
            "movieid) are known by their names; others are named by --user-column, --item-column and --time-column.",
        ),
        ({"a.csv": ""}, "a.csv: is empty, or its first line is"),
        ({"a.csv": "user,item\n"}, "a.csv: there are no interactions"),
        ({"a.csv": CSV, "b.csv": "item,title\nz,Lamp\n"}, "b.csv: knows none of the 3 items in a.csv, such as 'a'"),
        ({"a.csv": "user,item,time\nann,1,9\n"}, "no user has 3 interactions or more"),
    ],
)
def test_files_that_make_no_data_set_are_refused(data_home: Path, tmp_path: Path, files: dict[str, str], what: str) -> None:
    with pytest.raises(DataError) as error:
        bring_in([write(tmp_path / name, text) for name, text in files.items()], name="shop")
    assert what in str(error.value)
    assert not (tmp_path / "user" / "shop").exists()


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (CSV.replace("\n", "\r").encode(), "its lines end with a carriage return alone"),
        (CSV.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (b"\x7fELF\x02\x01\0\0\r\0,\xff\n", "is of no form that is known"),
    ],
)
def test_files_that_are_no_lines_of_utf_8_are_refused(data_home: Path, tmp_path: Path, raw: bytes, what: str) -> None:
    (tmp_path / "a.csv").write_bytes(raw)
    with pytest.raises(DataError) as error:
        bring_in([tmp_path / "a.csv"], name="shop")
    assert what in str(error.value)


def test_a_folder_among_files_is_refused(data_home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder; name the files in it"):
        bring_in([tmp_path, write(tmp_path / "a.csv", CSV)], name="shop")


def test_a_compressed_file_cut_short_leaves_nothing(data_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "shop.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode())[:-8])
    with pytest.raises(DataError, match="is damaged or cut short"):
        bring_in([path])
    assert not (tmp_path / "user").exists()


AMAZON = '{{"reviewerID": "u", "asin": "i{n}", "overall": {value}, "unixReviewTime": {n}}}\n'
YELP = '{{"review_id": "r", "user_id": "u", "business_id": "i{n}", "stars": {value}, "date": "2019-01-0{n}"}}\n'


@pytest.mark.parametrize(
    ("file", "head", "line", "name"),
    [
        ("ratings.csv", "user,item,Rating,time\n", "u,i{n},{value},{n}\n", "rating"),
        ("x.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n", "u\ti{n}\t{value}\t{n}\n", "rating"),
        ("lines.jsonl", "", '{{"user": "u", "item": "i{n}", "rating": {value}, "time": {n}}}\n', "rating"),
        ("reviews.json", "", AMAZON, "overall"),
        ("review.json", "", YELP, "stars"),
    ],
)
def test_every_form_tells_what_decides_whether_an_interaction_counts(
    data_home: Path, tmp_path: Path, file: str, head: str, line: str, name: str
) -> None:
    path = write(tmp_path / file, head + "".join(line.format(n=n, value=n) for n in range(1, 7)))
    said: list[str] = []
    _, made = bring_in([path], name="liked", preparation={"at_least": {name: 4}}, say=said.append)
    assert set(made.item_ids) == {"i4", "i5", "i6"}
    assert f"3 of 6 interactions are of {name} 4 or more" in said
    with pytest.raises(DataError, match=f"there is no '{name}s' that could be at least so much. Did you mean '(?i:{name})'"):
        bring_in([path], name="other", preparation={"at_least": {f"{name}s": 4}})
    write(path, head + line.format(n=1, value=5) + line.format(n=2, value='"four"'))
    with pytest.raises(DataError, match=rf":{2 + bool(head)}: '(?i:{name})' should be a number, got .*four"):
        bring_in([path], name="other", preparation={"at_least": {name: 4}})
