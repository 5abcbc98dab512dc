"""`sracl data` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sracl.cli.data import app
from sracl.errors import DataError

INTERACTIONS = "user\titem\nann\t1\nann\t2\nann\t3\nben\t2\nben\t1\nben\t3\ncy\t2\n"
ITEMS = '{"item": 1, "title": "One"}\n{"item": 2, "title": "Two"}\n{"item": 3, "title": "Three"}\n'
DROPPED = "1 user with fewer than 3 interactions: left out"

runner = CliRunner()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set called toy in the only data folder."""
    folder = tmp_path / "home" / "toy"
    folder.mkdir(parents=True)
    (folder / "interactions.tsv").write_text(INTERACTIONS)
    (folder / "items.jsonl").write_text(ITEMS)
    monkeypatch.setenv("SRACL_DATA", str(folder.parent))
    monkeypatch.setattr("sracl.paths.user_data", lambda: tmp_path / "user")
    return folder


def test_list_names_what_is_here_and_what_is_not(toy: Path) -> None:
    rows = {row["name"]: row for row in json.loads(runner.invoke(app, ["list", "--json"]).stdout)["data"]}
    assert rows["toy"]["where"] == str(toy)
    assert rows["demo"]["origin"] == "generated"
    assert rows["yelp"]["origin"] == "absent"
    lines = runner.invoke(app, ["list"]).stdout.splitlines()
    assert len(lines) == 1 + len(rows)
    assert any(line.startswith("toy ") and str(toy) in line for line in lines)


def test_list_says_which_data_folder_cannot_be_read(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_DATA", f"{toy / 'items.jsonl'}:{tmp_path / 'gone'}:{toy.parent}")
    told = f"The data folder {toy / 'items.jsonl'} cannot be read: Not a directory. What is in it is not listed."
    shown = runner.invoke(app, ["list"])
    assert shown.stderr == f"{told}\n"
    assert "toy " in shown.stdout
    assert json.loads(runner.invoke(app, ["list", "--json"]).stdout)["errors"] == [told]


def test_stats_counts(toy: Path) -> None:
    result = runner.invoke(app, ["stats", "toy", "--json"])
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    assert document["errors"] == []
    assert document["data"][0]["users"] == 2
    assert document["data"][0]["notes"] == [DROPPED]
    shown = runner.invoke(app, ["stats", "toy"])
    assert ["interactions", "6"] in [line.split() for line in shown.stdout.splitlines()]
    assert f"note: {DROPPED}" in shown.stderr


def test_verify_says_what_it_found(toy: Path) -> None:
    result = runner.invoke(app, ["verify", "toy"])
    assert result.exit_code == 0
    assert result.stdout == "toy: 2 users, 3 items, 6 interactions; all is well\n"
    assert result.stderr == f"note: {DROPPED}\n"
    assert json.loads(runner.invoke(app, ["verify", "toy", "--json"]).stdout)["data"][0]["interactions"] == 6


def test_verify_ends_with_the_reason(toy: Path) -> None:
    (toy / "items.jsonl").write_text(ITEMS + "{}\n")
    error = runner.invoke(app, ["verify", "toy"]).exception
    assert isinstance(error, DataError)
    assert error.exit_code == 4
    assert "items.jsonl:4: `item` should name the item" in str(error)


def test_import_makes_a_folder_known_by_name(toy: Path, tmp_path: Path) -> None:
    first = runner.invoke(app, ["import", str(toy), "--name", "mine"])
    assert first.stdout == f"mine: 2 users, 3 items, 6 interactions, now in {tmp_path / 'user' / 'mine'}\n"
    assert runner.invoke(app, ["verify", "mine"]).exit_code == 0
    again = runner.invoke(app, ["import", str(toy), "--name", "mine"])
    assert isinstance(again.exception, DataError)
    assert runner.invoke(app, ["import", str(toy), "--name", "mine", "--replace"]).exit_code == 0


def test_import_of_a_table_says_what_it_did(toy: Path, tmp_path: Path) -> None:
    table = tmp_path / "shop.csv"
    table.write_text(
        "buyer,sku,day\n" + "".join(f"ann,{i},2019-01-0{i}\nann,{i},2019-01-0{i}\n" for i in range(1, 8)) + "ben,1,2019-01-05\n"
    )
    columns = ["--user-column", "buyer", "--item-column", "sku", "--time-column", "day"]
    result = runner.invoke(app, ["import", str(table), *columns, "--since", "2019-01-03", "--until", "2019-01-07"])
    assert result.stdout == f"shop: 1 user, 4 items, 4 interactions, now in {tmp_path / 'user' / 'shop'}\n"
    assert result.stderr.splitlines()[:3] == [
        "reading shop.csv: a CSV or TSV table with a header",
        "9 of 15 interactions are on the days asked for",
        "5 of 9 interactions are distinct in user, item and time",
    ]
    again = runner.invoke(app, ["import", str(table), *columns, "--core", "2", "--name", "pairs"])
    assert "none of 8 interactions is of users and items with 2 or more" in str(again.exception)


def test_import_of_a_folder_takes_nothing_that_it_would_pass_over(toy: Path) -> None:
    result = runner.invoke(app, ["import", str(toy), "--name", "mine", "--core", "5"])
    assert result.exit_code == 2
    assert "a folder is copied as it is" in result.stderr


def test_import_of_files_without_a_header(toy: Path, tmp_path: Path) -> None:
    ratings, films = tmp_path / "ratings.dat", tmp_path / "films.dat"
    ratings.write_text("7::10::5::300\n7::11::3::100\n7::12::4::200\n")
    films.write_bytes("10::Amélie::Comedy\n11::Heat::Action\n12::Solaris::Drama\n".encode("latin-1"))
    named = [
        "import",
        str(ratings),
        str(films),
        "--name",
        "films",
        "--header",
        "user, item, rating, time",
        "--items-header",
        "item,title,genres",
    ]
    result = runner.invoke(app, named)
    assert "films.dat:1: is not UTF-8 text; --encoding names what it is" in str(result.exception)
    result = runner.invoke(app, [*named, "--encoding", "utf-16"])
    assert (result.exit_code, "--encoding utf-16: should be" in result.stderr) == (2, True)
    result = runner.invoke(app, [*named, "--encoding", "latin-1"])
    assert result.stdout == f"films: 1 user, 3 items, 3 interactions, now in {tmp_path / 'user' / 'films'}\n"
    for wrong in ("rating", "=4", "rating=four"):
        result = runner.invoke(app, [*named, "--encoding", "latin-1", "--at-least", wrong])
        assert (result.exit_code, "should be a name and a" in result.stderr) == (2, True)
    result = runner.invoke(app, [*named, "--at-least", "rating=2", "--at-least", "rating=4"])
    assert (result.exit_code, "should be given once" in result.stderr) == (2, True)
    result = runner.invoke(app, [*named, "--encoding", "latin-1", "--at-least", "rating=6", "--replace"])
    assert "ratings.dat: none of 3 interactions is of rating 6 or more" in str(result.exception)
    result = runner.invoke(app, ["import", str(toy), "--name", "mine", "--header", "user,item"])
    assert (result.exit_code, "a folder is copied as it is" in result.stderr) == (2, True)


def test_import_under_the_name_of_a_card_is_held_to_its_counts(toy: Path, tmp_path: Path) -> None:
    table = tmp_path / "office.inter"
    table.write_text("user_id:token\titem_id:token\n" + "".join(f"{user}\t{item}\n" for user in range(5) for item in range(5)))
    result = runner.invoke(app, ["import", str(table)])
    assert isinstance(result.exception, DataError)
    assert "it holds 5 users where its card says 4,905" in str(result.exception)
    assert "give it a name of its own" in str(result.exception)
