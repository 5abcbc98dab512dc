"""`sracl recommend` as it is typed, on runs that were trained."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from sracl.cli.app import main
from tests.support.recipes import project, sracl_recipe, start
from tests.support.terminal import printed

PLAIN = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu", "--quiet")
"""SASRec alone: no texts, no neighbours."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a recipe of one run, and one of two."""
    folder = tmp_path_factory.mktemp("shop")
    for name, sets in (("small", "seeds=[1]"), ("twice", "seeds=[3,4]")):
        recipe = str(sracl_recipe(folder, name=name, epochs=1, users=130))
        assert typed(folder, "run", recipe, *PLAIN, "--set", sets)[0] == 0
    return folder


def typed(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `sracl ARGUMENTS` in this project."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.delenv("SRACL_DB", raising=False)
        for name, value in project(folder).items():
            patch.setenv(name, value)
        patch.setattr(sys, "path", list(sys.path))
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()


def said(folder: Path, *arguments: str, code: int = 0) -> str:
    found, out, err = typed(folder, "recommend", *arguments)
    assert found == code, err
    return err if code else out


def only_id(folder: Path, recipe: str = "small") -> str:
    return str(json.loads(typed(folder, "runs", "--recipe", recipe, "--json")[1])["data"][0]["id"])


def test_a_list_for_people(shop: Path) -> None:
    run = only_id(shop)
    lines = said(shop, "small", "--user", "user-0007", "-k", "3").splitlines()
    assert lines[:2] == [f"run {run}  small · seed 1", "markov: 40 items, those chosen before included"]
    assert lines[3] == "user user-0007: 10 items so far, ending with"
    assert lines[7].split() == ["rank", "item", "score", "title"]
    assert [line.split()[0] for line in lines[8:]] == ["1", "2", "3"]
    assert all(line.split()[1].startswith("item-") for line in lines[8:])
    assert said(shop, run[:6], "--user", "user-0007", "-k", "3").splitlines() == lines


def test_the_item_chosen_next_is_marked_where_it_stands(shop: Path) -> None:
    told = said(shop, "small", "--user", "user-0002", "--user", "user-0001", "-k", "40", "--split", "test")
    assert told.index("user-0002") < told.index("user-0001")  # as they were asked for
    blocks = told.split("\n\n")[1:]
    for block in blocks:
        rank = block.partition("chosen next, ranked ")[2].partition(" ")[0]
        item = block.partition("(*)\n")[2].split()[0]
        assert [line.split()[:3] for line in block.splitlines() if " * " in line] == [[rank, "*", item]]


def test_json_says_the_same(shop: Path) -> None:
    told = json.loads(said(shop, "small", "-u", "user-0003", "-k", "2", "--split", "valid", "--seen", "exclude", "--json"))
    assert (told["schema"], told["errors"]) == (1, [])
    data = told["data"]
    assert (data["run"], data["split"], data["seen_items"], data["dataset"]) == (only_id(shop), "valid", "exclude", "markov")
    (only,) = data["lists"]
    assert (only["user"], only["known"], len(only["latest"]), len(only["items"])) == ("user-0003", 8, 3, 2)
    assert only["target"].keys() == {"item", "title", "rank"}


def test_all_users_go_to_a_file_in_either_form(shop: Path, tmp_path: Path) -> None:
    assert said(shop, "small", "-o", str(tmp_path / "a.jsonl"), "-k", "4") == f"{tmp_path / 'a.jsonl'}: 130 lists\n"
    objects = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len({each["user"] for each in objects}) == 130
    assert all(len(each["items"]) == 4 and "target" not in each for each in objects)
    for name in ("a.csv", "a.csv.gz", "again.csv.gz"):
        said(shop, "small", "-o", str(tmp_path / name), "-k", "4", "--split", "test")
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "again.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == (tmp_path / "a.csv").read_bytes()
    rows = list(csv.DictReader((tmp_path / "a.csv").open()))
    assert list(rows[0]) == ["user", "rank", "item", "score", "target", "target_rank"]
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"] * 130
    hits = [row for row in rows if row["item"] == row["target"]]
    assert hits
    assert all(row["rank"] == row["target_rank"] for row in hits)
    assert {row["user"] for row in rows if int(row["target_rank"]) <= 4} == {row["user"] for row in hits}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "a.csv.gz", "a.jsonl", "again.csv.gz"]


def test_users_may_come_from_a_file(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("user-0003\n\nuser-0001\r\nuser-0003\n")
    told = said(shop, "small", "--users", str(tmp_path / "users.txt"), "-u", "user-0009", "-k", "1")
    assert [line.split()[1].rstrip(":") for line in told.splitlines() if line.startswith("user ")] == [
        "user-0009",
        "user-0003",
        "user-0001",
    ]


def test_a_history_may_be_typed(shop: Path) -> None:
    lines = said(shop, "small", "--history", "item-0004, item-0009", "-k", "3", "--seen", "exclude").splitlines()
    assert lines[1].endswith("excluded")
    assert lines[3] == "the history given: 2 items so far"
    assert [line.split()[0] for line in lines[4:6]] == ["item-0004", "item-0009"]
    assert not {"item-0004", "item-0009"} & {line.split()[1] for line in lines[7:]}
    assert said(shop, "small", "--history", "item-0004", "--history", "item-0009", "-k", "3", "--seen", "exclude").splitlines() == lines


def test_items_whose_ids_hold_commas_may_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "corner_shop"
    folder.mkdir(parents=True)
    items = ["salt, fine", "salt", "tea", "milk", "eggs, ten"]
    rows = [f"user {user}\t{items[(user + step) % 5]}\n" for user in range(30) for step in range(5)]
    (folder / "interactions.tsv").write_text("user\titem\n" + "".join(rows))
    monkeypatch.setenv("SRACL_DATA", str(folder.parent))
    sets = ('data={name="corner_shop", max_length=4}', "train.epochs=1", "backbone.hidden_size=8", "evaluation.cutoffs=[1]")
    stopping = ("--set", 'train.early_stopping.metric="valid.mrr@1"')
    trained = typed(
        tmp_path, "run", "methods/sasrec", "--seeds", "1", "--quiet", *stopping, *(part for each in sets for part in ("--set", each))
    )
    assert trained[0] == 0, trained[2]
    told = said(tmp_path, "@last", "--history", "salt, fine", "--history", "tea,milk", "--json")
    assert [item["item"] for item in json.loads(told)["data"]["lists"][0]["latest"]] == ["salt, fine", "tea", "milk"]
    assert "has no item 'coarse'" in said(tmp_path, "@last", "--history", "salt, coarse", code=2)


def test_where_stdout_has_few_letters_the_nearest_are_printed(shop: Path) -> None:
    process = start("recommend", "small", "-u", "user-0007", "-k", "1", environment=project(shop), before=_write_ascii)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert out.splitlines()[0] == f"run {only_id(shop)}  small . seed 1"


def _write_ascii() -> None:
    """As PYTHONIOENCODING=ascii has it."""
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(encoding="ascii")


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_gets_no_line_wider_than_itself(width: int, shop: Path) -> None:
    written = in_a_terminal(shop, "small", "-u", "user-0007", "--split", "test", COLUMNS=str(width), TERM="dumb")
    assert "chosen next" in written
    assert max(len(line) for line in written.splitlines()) <= width


def test_a_terminal_is_shown_how_far_a_file_is_and_nobody_else(shop: Path, tmp_path: Path) -> None:
    written = in_a_terminal(shop, "small", "-o", str(tmp_path / "lists.csv"), COLUMNS="80", TERM="xterm")
    shown, _, told = written.rpartition("\r")[0].rpartition("\x1b[2K")
    assert "lists.csv" in shown
    assert "100%" in shown
    assert told == f"{tmp_path / 'lists.csv'}: 130 lists"
    assert typed(shop, "recommend", "small", "-o", str(tmp_path / "lists.csv"))[1:] == (f"{tmp_path / 'lists.csv'}: 130 lists\n", "")


def in_a_terminal(shop: Path, *arguments: str, **environment: str) -> str:
    """What `sracl recommend` writes to a terminal."""
    code, written = printed("recommend", *arguments, environment={**project(shop), **environment})
    assert code == 0
    return written.decode()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["small"], "all users are meant"),
        (["small", "-u", "user-0001", "--history", "item-0001"], "stands instead of a user"),
        (["small", "--history", " , "], "names no item"),
        (["small", "--history", "item-0001", "--split", "test"], "is read whole"),
        (["small", "-o", "lists.txt"], ".csv or .jsonl"),
        (["small", "-o", "lists.csv", "--json"], "takes its form from its name"),
        (["twice", "-u", "user-0001"], "'twice' has 2 completed runs. Name one of them"),
        (["smal", "-u", "user-0001"], "Did you mean 'small'?"),
        (["small", "-u", "user-1", "-u", "user-0002"], "has no user 'user-1'. Did you mean"),
    ],
)
def test_what_cannot_be_asked_is_said(arguments: list[str], told: str, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert told in said(shop, *arguments, code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_with_several_runs_tells_how_good_each_is(shop: Path) -> None:
    lines = said(shop, "twice", "-u", "user-0001", code=2).splitlines()
    assert [line.split("  ")[2].rpartition(" ")[2] for line in lines[1:]] == ["3", "4"]
    assert all("valid mrr@10 0." in line for line in lines[1:])


def test_an_imported_run_has_no_weights_and_says_what_to_do(shop: Path, tmp_path: Path) -> None:
    assert typed(shop, "export", "small", "-o", str(tmp_path / "shop.jsonl"))[0] == 0
    assert typed(tmp_path, "import", str(tmp_path / "shop.jsonl"))[0] == 0
    told = said(tmp_path, "small", "-u", "user-0001", code=2)
    assert "was imported from shop.jsonl, and weights stay where they were trained" in told
    assert re.search(r"`sracl rm [0-9a-f]{10} --yes`, then the recipe", told)


def test_without_a_store_it_is_said(tmp_path: Path) -> None:
    assert "There is no store" in said(tmp_path, "small", "-u", "user-0001", code=8)
