"""What a job printed, as `sracl logs` shows it."""

from __future__ import annotations

import io
import sys
import threading
import time
from pathlib import Path

import pytest

from sracl.cli import logs
from sracl.tracking import identity
from sracl.tracking.queue import Queue
from sracl.tracking.store import Store
from tests.support.jobs import store_file, surroundings

ME = identity.current()


def test_a_letter_that_is_half_written_is_shown_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    log = tmp_path / "log.txt"
    text = "loss · é\n".encode()
    log.write_bytes(text[:6])  # in the middle of the dot
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with Store.open(store_file(tmp_path)) as store:
        queue = Queue(store)
        number = queue.add(label="x", command=["true"], folder=tmp_path, log=log)
        queue.claim(number, worker=ME, device="cpu")
        follower = threading.Thread(target=logs.command, args=(str(number), True, 5))
        follower.start()
        until = time.monotonic() + 300
        while not out.getvalue():
            assert time.monotonic() < until
            time.sleep(0.02)
        with log.open("ab") as file:
            file.write(text[6:])
        queue.finish(number, "completed", code=0)
        follower.join(timeout=300)
    assert out.getvalue() == text.decode()
