"""Claims on devices live exactly as long as the processes that hold them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sracl.devices import CPU, Device
from sracl.jobs.claims import Claims

CARD = Device("GPU-1", "a card", 80.0)


@pytest.fixture
def claims(tmp_path: Path) -> Claims:
    return Claims(tmp_path / "claims")


def taken(claims: Claims, device: Device, amount: float | None) -> int:
    got = claims.take(device, amount)
    assert isinstance(got, int), got
    return got


def test_a_card_is_given_to_one_job(claims: Claims) -> None:
    first = taken(claims, CARD, None)
    assert claims.take(CARD, None) == "needs all of a card, of which jobs have 80.0 GiB"
    assert claims.take(CARD, 1.0) == "needs 1.0 GiB, 0.0 GiB free"
    os.close(first)
    os.close(taken(claims, CARD, None))


def test_jobs_that_say_what_they_need_share_a_card(claims: Claims) -> None:
    two = [taken(claims, CARD, 30.0), taken(claims, CARD, 30.0)]
    assert claims.take(CARD, 30.0) == "needs 30.0 GiB, 20.0 GiB free"
    assert claims.take(CARD, None) == "needs all of a card, of which jobs have 60.0 GiB"
    assert claims.held(CARD) == 60.0
    for descriptor in two:
        os.close(descriptor)
    assert claims.held(CARD) == 0.0
    os.close(taken(claims, CARD, None))
    assert len(list(claims.folder.glob("*.claim"))) == 1  # those of the dead are gone


def test_what_other_programs_use_counts(claims: Claims) -> None:
    busy = Device("GPU-2", "another", 80.0, used=70.0)
    assert claims.take(busy, 30.0) == "needs 30.0 GiB, 10.0 GiB free"
    assert claims.take(busy, None) == "needs all of another, of which others use 70.0 GiB"
    os.close(taken(claims, busy, 8.0))


def test_more_than_there_is_is_said_to_be_that(claims: Claims) -> None:
    assert claims.take(CARD, 100.0) == "needs 100.0 GiB, a card has 80.0 GiB"


def test_a_slice_of_a_card_takes_one_job_whatever_that_asks_for(claims: Claims) -> None:
    part = Device("MIG-1", "slice of a GPU", 0.0)
    for amount in (None, 24.0):
        first = taken(claims, part, amount)
        assert claims.take(part, 0.5) == "needs all of slice of a GPU, which a job has"
        os.close(first)


def test_the_processor_is_shared_by_slots_whatever_a_job_asks_of_a_gpu(claims: Claims) -> None:
    processor = Device(CPU, "2 cores", 2.0)
    two = [taken(claims, processor, None), taken(claims, processor, 24.0)]
    assert claims.take(processor, None) == "needs 1 slot, 0 slots free"
    for descriptor in two:
        os.close(descriptor)


def test_two_devices_do_not_meet(claims: Claims) -> None:
    first = taken(claims, CARD, None)
    os.close(taken(claims, Device("GPU-11", "its namesake, almost", 80.0), None))
    os.close(first)


def test_a_claim_that_cannot_be_written_leaves_nothing(claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as context, pytest.raises(OSError, match="No space left"):
        context.setattr(os, "write", full)
        claims.take(CARD, None)
    assert len(os.listdir("/proc/self/fd")) == before
    assert claims.held(CARD) == 0.0
    os.close(taken(claims, CARD, None))


def test_a_folder_of_somebody_else_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "claims").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    reason = Claims(tmp_path / "claims").take(CARD, None)
    assert reason == f"cannot begin here: the folder {tmp_path / 'claims'} is another user's; name one of yours in SRACL_CLAIMS"
    assert not list((tmp_path / "claims").iterdir())


def test_who_only_looks_writes_nothing(claims: Claims) -> None:
    assert claims.held(CARD) == 0.0
    assert not claims.folder.exists()
    os.close(taken(claims, CARD, None))
    before = sorted(claims.folder.iterdir())
    assert claims.held(CARD) == 0.0
    assert sorted(claims.folder.iterdir()) == before


def test_nobody_else_may_write_to_the_folder(claims: Claims) -> None:
    os.close(taken(claims, CARD, None))
    assert claims.folder.stat().st_mode & 0o777 == 0o700


def test_a_claim_passes_on_to_a_process_and_ends_with_it(claims: Claims) -> None:
    descriptor = taken(claims, CARD, None)
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor]) as holder:
        os.close(descriptor)
        assert claims.held(CARD) == 80.0  # though whoever took it has let go
        holder.kill()
        holder.wait()
    until = time.monotonic() + 300
    while claims.held(CARD) and time.monotonic() < until:
        time.sleep(0.01)
    assert claims.held(CARD) == 0.0
