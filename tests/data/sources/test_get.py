"""`sracl data get` against a server on the loopback: cards, mirrors, licences, and a kill in the middle."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sracl.cli.data import app
from sracl.data.sources.get import find
from sracl.errors import DataError, UsageError
from tests.support.file_server import Fault, FileServer, file_server
from tests.support.plugins import ROOT, plugin_distribution

# everybody reviews A … E on one day, in the order of the file
REVIEWS = [{"reviewerID": user, "asin": item, "unixReviewTime": 86_400} for item in "BADEC" for user in ("ann", "ben", "cy", "dee", "eve")]
PRODUCTS = [{"asin": item, "title": f"Thing {item}", "description": os.urandom(40_000).hex()} for item in "ABCDE"]
FILES = {
    "reviews_Toy_5.json.gz": gzip.compress("".join(json.dumps(line) + "\n" for line in REVIEWS).encode()),
    "meta_Toy.json.gz": gzip.compress("".join(f"{line!r}\n" for line in PRODUCTS).encode()),
}

CARD = """
kind = "dataset"
name = "toy"
also = "amazon-toy"
summary = "A toy."
source = "the attic"
licence = "Play nicely."
[preparation]
core = 5
[[files]]
name = "reviews_Toy_5.json.gz"
urls = ["{url}/gone/reviews_Toy_5.json.gz", "{url}/reviews_Toy_5.json.gz"]
[[files]]
name = "meta_Toy.json.gz"
urls = ["{url}/meta_Toy.json.gz"]
[counts]
users = 5
items = 5
interactions = {interactions}
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as running:
        for name, content in FILES.items():
            running.offer(f"/{name}", content)
        yield running


@pytest.fixture
def start(server: FileServer, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts `sracl data` in a process that knows the toy's card."""

    def start(*arguments: str, interactions: int = 25) -> subprocess.Popen[str]:
        lab = tmp_path / "lab"
        if not lab.exists():
            card = CARD.format(url=server.url, interactions=interactions)
            plugin_distribution(
                lab,
                modules={"lab_cards/__init__.py": "", "lab_cards/datasets/toy.toml": card},
                entry_points={"sracl.cards": {"lab": "lab_cards"}},
            )
        environment = {
            **os.environ,
            "PYTHONPATH": f"{lab}{os.pathsep}{ROOT}",
            "SRACL_DATA": "",
            "SRACL_CACHE_DIR": str(tmp_path / "cache"),
            "XDG_DATA_HOME": str(tmp_path / "user"),
        }
        command = [sys.executable, "-m", "sracl", "data", *arguments]
        return subprocess.Popen(command, env=environment, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


def test_a_data_set_is_had_by_its_name_though_the_command_is_killed_on_the_way(
    server: FileServer, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    server.files["/meta_Toy.json.gz"].faults = [Fault(stall_after=70_000)]
    killed = start("get", "amazon-toy")
    part = tmp_path / "cache" / "downloads" / "toy" / "meta_Toy.json.gz.part"
    deadline = time.monotonic() + 300
    while not (part.is_file() and part.stat().st_size == 70_000):
        assert time.monotonic() < deadline
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    done = start("get", "amazon-toy")
    out, err = done.communicate(timeout=300)
    target = tmp_path / "user" / "sracl" / "data" / "toy"
    assert out == f"toy: 5 users, 5 items, 25 interactions, as its card says, now in {target}\n"
    assert err.splitlines()[:3] == [
        "toy: the attic",
        "licence: Play nicely.",
        f"reviews_Toy_5.json.gz is here already, in {part.parent}",
    ]
    assert [request for request in server.requests if "gone" not in request[0]] == [
        ("/reviews_Toy_5.json.gz", None),
        ("/meta_Toy.json.gz", None),
        ("/meta_Toy.json.gz", "bytes=70000-"),
    ]
    rows = (target / "interactions.tsv").read_text().splitlines()
    assert rows[1:6] == [f"ann\t{item}\t86400" for item in "BADEC"]

    again, _ = start("get", "toy").communicate(timeout=300)
    assert again == f"toy is here already, in {target}; --replace makes an imported one anew\n"
    anew, _ = start("get", "toy", "--replace").communicate(timeout=300)
    assert anew == out
    assert len(server.requests) == 4


def test_files_that_are_not_those_of_the_card_are_kept_from_its_name(
    server: FileServer, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start("get", "toy", interactions=26)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (4, "")
    assert "it holds 25 interactions where its card says 26" in err
    assert not (tmp_path / "user" / "sracl" / "data" / "toy").exists()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_DATA", "")
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("sracl.paths.user_data", lambda: tmp_path / "user")
    return tmp_path


def test_a_mirror_is_asked_first_and_for_the_files_of_the_card(home: Path, server: FileServer) -> None:
    server.offer("/here/reviews_Office_Products_5.json.gz", FILES["reviews_Toy_5.json.gz"])
    server.offer("/here/meta_Office_Products.json.gz", FILES["meta_Toy.json.gz"])
    result = CliRunner().invoke(app, ["get", "amazon-office", "--mirror", f"{server.url}/here/"])
    assert [path for path, _ in server.requests] == ["/here/reviews_Office_Products_5.json.gz", "/here/meta_Office_Products.json.gz"]
    assert result.stderr.index("licence: None stated; for research.") < result.stderr.index("downloading")
    assert isinstance(result.exception, DataError)
    assert "what reviews_Office_Products_5.json.gz gives: is not the 'office' it is called: it holds 5 users" in str(result.exception)


def test_a_terminal_shows_how_far_it_is(home: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # has rich take stderr for a terminal
    monkeypatch.setenv("TERM", "xterm-256color")  # on a dumb one no bar would move
    server.offer("/reviews_Office_Products_5.json.gz", FILES["reviews_Toy_5.json.gz"])
    server.offer("/meta_Office_Products.json.gz", FILES["meta_Toy.json.gz"])
    shown = CliRunner().invoke(app, ["get", "amazon-office", "--mirror", server.url]).stderr
    size = f"{len(FILES['meta_Toy.json.gz']) / 1000:.1f}"
    assert f"{size}/{size} kB" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def test_yelp_says_how_to_come_by_it(home: Path) -> None:
    error = CliRunner().invoke(app, ["get", "yelp"]).exception
    assert isinstance(error, DataError)
    assert "'yelp' cannot be downloaded for you. Yelp gives its data to whoever agrees to its terms" in str(error)
    assert "Yelp Dataset Terms of Use" in str(error)
    assert str(error).endswith("sracl data import yelp_academic_dataset_review.json yelp_academic_dataset_business.json --name yelp")


def test_a_mirror_that_is_no_address_is_refused(home: Path) -> None:
    error = CliRunner().invoke(app, ["get", "amazon-office", "--mirror", "ftp://example.org"]).exception
    assert isinstance(error, UsageError)
    assert str(error) == "--mirror should be an address that begins with https:// or http://"


def test_a_name_taken_is_refused_before_anything_is_downloaded(home: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "elsewhere" / "office"
    folder.mkdir(parents=True)
    (folder / "interactions.tsv").write_text("user\titem\n")
    monkeypatch.setenv("SRACL_DATA", str(folder.parent))
    assert "office is here already" in CliRunner().invoke(app, ["get", "amazon-office"]).stdout
    error = CliRunner().invoke(app, ["get", "amazon-office", "--replace", "--mirror", server.url]).exception
    assert "so an import would never be read" in str(error)
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (
            "amazon-beuty",
            "No card tells where to get a data set 'amazon-beuty'. Did you mean 'amazon-beauty'? There are: amazon-beauty, amazon-office",
        ),
        ("demo", "'demo' is generated and needs no files"),
    ],
)
def test_other_names_get_help(name: str, what: str) -> None:
    with pytest.raises(UsageError) as error:
        find(name)
    assert str(error.value).startswith(what)


def test_both_names_of_a_data_set_are_known() -> None:
    assert find("amazon-sports") == find("sports")
    assert find("sports").can_be_downloaded
    assert not find("yelp").can_be_downloaded
