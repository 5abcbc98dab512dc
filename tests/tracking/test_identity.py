from __future__ import annotations

import os
import subprocess
import sys

from sracl.tracking.identity import current, presence


def test_this_process_is_alive() -> None:
    assert current()["pid"] == os.getpid()
    assert presence(current()) == "alive"


def test_an_ended_process_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert presence({**current(), "pid": child.pid}) == "gone"


def test_another_start_another_process() -> None:
    me = current()
    assert presence({**me, "pid_started": me["pid_started"] + 1}) == "gone"


def test_another_boot_is_over_and_another_machine_out_of_sight() -> None:
    assert presence({**current(), "boot_id": "earlier"}) == "gone"
    assert presence({**current(), "host": "elsewhere"}) == "elsewhere"
