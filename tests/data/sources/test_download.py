"""Downloads from a real server on the loopback that drops, lies, stalls and comes back."""

from __future__ import annotations

import errno
import fcntl
import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sracl.data.sources import transfer
from sracl.data.sources.download import download
from sracl.errors import BudgetError, DataError, ResourceError
from sracl.registry.dataset import SourceFile
from tests.support.file_server import Fault, FileServer, file_server

CONTENT = gzip.compress(os.urandom(1_000_000), compresslevel=1, mtime=0)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "reviews.json.gz"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """Seconds waited between attempts."""
    return []


@pytest.fixture
def fetch(server: FileServer, tmp_path: Path, waits: list[float]) -> Callable[..., Path]:
    """Download the file from addresses of the server."""

    def fetch(*places: str, sha256: str | None = None, bytes: int | None = None, **more: object) -> Path:
        urls = tuple(f"{server.url}/{place}" for place in places or ("a",))
        return download(SourceFile(NAME, urls, sha256, bytes), tmp_path, pause=waits.append, **more)  # type: ignore[arg-type]

    return fetch


def left(tmp_path: Path) -> set[str]:
    return {file.name for file in tmp_path.iterdir() if file.suffix != ".lock"}


def test_a_file_arrives_whole_and_its_checksum_is_written_down(server: FileServer, fetch: Callable[..., Path], tmp_path: Path) -> None:
    server.offer("/a", CONTENT)
    seen: list[tuple[int, int | None]] = []
    path = fetch(report=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert left(tmp_path) == {NAME, f"{NAME}.sha256"}
    assert (tmp_path / f"{NAME}.sha256").read_text() == f"{SHA256}  {NAME}\n"
    assert (seen[0], seen[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))


def test_nothing_is_downloaded_twice(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", CONTENT)
    assert fetch() == fetch()
    assert len(server.requests) == 1


def test_dropped_connections_go_on_where_they_broke(server: FileServer, fetch: Callable[..., Path], waits: list[float]) -> None:
    faults = [Fault(cut_after=300_000), Fault(cut_after=0), Fault(status=503), Fault(cut_after=200_000), Fault(status=500)]
    server.offer("/a", CONTENT, faults=faults)
    assert fetch().read_bytes() == CONTENT
    asked = [None, *["bytes=300000-"] * 3, *["bytes=500000-"] * 2]
    assert [of for _, of in server.requests] == asked
    # after bytes have come, waits begin anew: 300,000, none, none, 200,000, none
    assert waits == [transfer.WAITS[0], transfer.WAITS[0], transfer.WAITS[1], transfer.WAITS[0], transfer.WAITS[0]]


def test_a_server_that_asks_for_patience_gets_it(server: FileServer, fetch: Callable[..., Path], waits: list[float]) -> None:
    busy = [Fault(status=429, headers={"Retry-After": "7"}), Fault(status=503, headers={"Retry-After": "86400"})]
    server.offer("/a", CONTENT, faults=busy)
    fetch()
    assert waits == [7.0, 120.0]


def test_without_parts_the_file_is_begun_anew(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", CONTENT, ranges=False, faults=[Fault(cut_after=400_000), Fault(cut_after=500_000)])
    assert fetch().read_bytes() == CONTENT
    assert [of for _, of in server.requests] == [None, "bytes=400000-", "bytes=500000-"]


def test_without_parts_and_always_broken_is_given_up(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", CONTENT, ranges=False, faults=[Fault(cut_after=size) for size in (9_000, 5_000, 9_000, 8_000, 9_000, 9_000)])
    with pytest.raises(ResourceError, match="the connection ended after 9,000 of"):
        fetch()
    assert len(server.requests) == 5


def test_another_version_is_not_appended(server: FileServer, fetch: Callable[..., Path], tmp_path: Path) -> None:
    server.offer("/a", CONTENT, faults=[Fault(cut_after=400_000), *[Fault(status=503)] * 4])
    with pytest.raises(ResourceError):
        fetch()
    other = gzip.compress(b"other" * 200_000, compresslevel=0)
    server.offer("/a", other, etag='"2"')
    assert fetch().read_bytes() == other
    assert server.requests[-1] == ("/a", "bytes=400000-")  # If-Range made the server send all of it


def test_another_version_of_one_length_is_not_appended_though_the_server_would(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", os.urandom(900_000), faults=[Fault(cut_after=400_000), *[Fault(status=503)] * 4])
    with pytest.raises(ResourceError):
        fetch()
    other = gzip.compress(b"x" * 10, mtime=0).ljust(900_000, b"\0")  # zeros may follow a whole file of gzip
    server.offer("/a", other, etag='"2"', if_range=False)
    assert fetch().read_bytes() == other
    assert [of for _, of in server.requests[-2:]] == ["bytes=400000-", None]


def test_another_version_of_a_server_without_tags_is_not_appended(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", CONTENT, etag=None, faults=[Fault(cut_after=400_000), *[Fault(status=503)] * 4])
    with pytest.raises(ResourceError):
        fetch()
    other = gzip.compress(b"other" * 200_000, compresslevel=0)
    server.offer("/a", other, etag=None)
    assert fetch().read_bytes() == other


def test_a_file_that_became_shorter_is_begun_anew(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", CONTENT, etag=None, faults=[Fault(cut_after=400_000), *[Fault(status=503)] * 4])
    with pytest.raises(ResourceError):
        fetch()
    short = gzip.compress(b"short")
    server.offer("/a", short, etag=None)
    assert fetch().read_bytes() == short


def test_a_length_that_is_not_kept_is_found_out(server: FileServer, fetch: Callable[..., Path], tmp_path: Path) -> None:
    server.offer("/a", CONTENT[:5000], length=6000, ranges=False)
    with pytest.raises(ResourceError, match="the connection ended after 5,000 of 6,000 bytes"):
        fetch()
    assert NAME not in left(tmp_path)


def test_a_length_other_than_the_cards_is_refused_before_it_is_downloaded(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", CONTENT)
    with pytest.raises(ResourceError, match=f"the file there has {len(CONTENT):,} bytes and should have 10"):
        fetch(bytes=10)


@pytest.mark.parametrize(
    ("content", "known", "what"),
    [
        (CONTENT + b"x", {"bytes": len(CONTENT)}, "bytes and should have"),
        (CONTENT[:-1], {}, "what came is no whole file of gzip"),
        (b"<html>Please log in</html>", {}, "what came is no whole file of gzip"),
    ],
    ids=["too long", "cut", "a page"],  # of the content, which is random, every process would make others
)
def test_without_an_announced_length_the_rest_is_checked(
    server: FileServer, fetch: Callable[..., Path], tmp_path: Path, content: bytes, known: dict[str, int], what: str
) -> None:
    server.offer("/a", content, announces=False)
    with pytest.raises(DataError, match=what):
        fetch(**known)
    assert left(tmp_path) == set()
    server.offer("/a", CONTENT, announces=False)
    assert fetch().read_bytes() == CONTENT


def test_a_wrong_checksum_is_not_kept_and_the_next_mirror_is_asked(server: FileServer, fetch: Callable[..., Path], tmp_path: Path) -> None:
    wrong = gzip.compress(b"wrong")
    server.offer("/a", wrong)
    with pytest.raises(DataError, match=f"the SHA-256 {hashlib.sha256(wrong).hexdigest()}, and its card says {SHA256}"):
        fetch("a", sha256=SHA256)
    assert left(tmp_path) == set()
    server.offer("/b", CONTENT)
    assert fetch("a", "b", sha256=SHA256).read_bytes() == CONTENT


def test_the_checksum_of_the_first_download_holds_for_the_next(server: FileServer, fetch: Callable[..., Path], tmp_path: Path) -> None:
    server.offer("/a", CONTENT)
    fetch().unlink()
    server.offer("/a", gzip.compress(b"replaced"))
    with pytest.raises(DataError, match=rf"and {NAME}\.sha256, written when it was first downloaded, says {SHA256}"):
        fetch()


def test_a_file_damaged_on_disk_is_downloaded_anew(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", CONTENT)
    path = fetch()
    path.write_bytes(CONTENT[:100] + bytes([CONTENT[100] ^ 1]) + CONTENT[101:])
    said: list[str] = []
    assert fetch(say=said.append).read_bytes() == CONTENT
    assert "downloading it anew" in said[0]


def test_mirrors_are_tried_in_order(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/c", CONTENT)
    said: list[str] = []
    fetch("a", "b", "c", say=said.append)
    assert [path for path, _ in server.requests] == ["/a", "/b", "/c"]
    assert said[:2] == [f"downloading {server.url}/a", "  the server answers 404 Not Found"]


def test_another_mirror_does_not_go_on_with_the_bytes_of_the_first(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/a", os.urandom(900_000), faults=[Fault(cut_after=400_000), *[Fault(status=503)] * 4])
    server.offer("/b", CONTENT)
    assert fetch("a", "b").read_bytes() == CONTENT
    assert server.requests[-1] == ("/b", None)


def test_what_has_arrived_from_a_mirror_outlives_a_missing_first_one(server: FileServer, fetch: Callable[..., Path]) -> None:
    server.offer("/b", CONTENT, faults=[Fault(cut_after=400_000), *[Fault(status=503)] * 4])
    with pytest.raises(ResourceError, match=r"/a: the server answers 404 Not Found\n.*/b: .*400,000 bytes have arrived"):
        fetch("a", "b")
    assert fetch("a", "b").read_bytes() == CONTENT
    assert server.requests[-2:] == [("/a", None), ("/b", "bytes=400000-")]


def test_nobody_listening_is_said(tmp_path: Path, waits: list[float]) -> None:
    with file_server() as gone:
        url = gone.url
    with pytest.raises(ResourceError, match="connection refused; 0 bytes have arrived"):
        download(SourceFile(NAME, (f"{url}/a",)), tmp_path, pause=waits.append)
    assert waits == list(transfer.WAITS)


def test_a_server_that_says_nothing_is_left(server: FileServer, fetch: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_TIMEOUT", 0.2)
    server.offer("/a", CONTENT, faults=[Fault(stall_after=300_000)])
    assert fetch().read_bytes() == CONTENT
    assert server.requests[-1] == ("/a", "bytes=300000-")


def test_a_full_disk_keeps_what_has_arrived(server: FileServer, fetch: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    server.offer("/a", CONTENT)
    append = transfer._append

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def fills(file: object, chunk: bytes, part: transfer.Part) -> None:
        append(Full() if part.size > 200_000 else file, chunk, part)  # type: ignore[arg-type]

    monkeypatch.setattr(transfer, "_append", fills)
    with pytest.raises(BudgetError, match="no space is left for .*what has arrived is kept"):
        fetch()
    monkeypatch.setattr(transfer, "_append", append)
    assert fetch().read_bytes() == CONTENT
    assert server.requests[-1][1] is not None


def test_two_processes_do_not_write_one_file(server: FileServer, fetch: Callable[..., Path], tmp_path: Path) -> None:
    server.offer("/a", CONTENT)
    with (tmp_path / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ResourceError, match="another process is downloading"):
            fetch()
    assert server.requests == []


def test_keys_in_an_address_are_not_shown(server: FileServer, fetch: Callable[..., Path]) -> None:
    said: list[str] = []
    with pytest.raises(ResourceError) as error:
        fetch("a?token=canary", say=said.append)
    assert "canary" not in str(error.value) + "".join(said)
    assert f"{server.url}/a" in said[0]


def test_a_killed_download_goes_on(server: FileServer, fetch: Callable[..., Path], tmp_path: Path) -> None:
    server.offer("/a", CONTENT, faults=[Fault(stall_after=300_000)])
    code = (
        "import sys; from pathlib import Path; from sracl.data.sources.download import download; "
        "from sracl.registry.dataset import SourceFile; "
        f"download(SourceFile({NAME!r}, (sys.argv[1],)), Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, f"{server.url}/a", str(tmp_path)])
    part = tmp_path / f"{NAME}.part"
    deadline = time.monotonic() + 300
    while not (part.is_file() and part.stat().st_size == 300_000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert fetch().read_bytes() == CONTENT
    assert server.requests[-1] == ("/a", "bytes=300000-")
    assert left(tmp_path) == {NAME, f"{NAME}.sha256"}
