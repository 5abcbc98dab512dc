"""Descriptions from a server on the loopback: the share of what it allows, and what three kills and faults cost."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.harness import BenchmarkError, Case

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from benchmarks.harness import Options

CONCURRENCY, CEILING = 200, 3.0
"""Dollars; room for all requests under way beside what is in doubt, since a ceiling that is near lets fewer be under way."""
WORDS = 180
"""Of a request, in the middle of what purchase histories have."""
_VOCABULARY = [f"word{number}" for number in range(5_000)]


def cases(options: Options) -> dict[str, list[Case]]:
    """Seconds for all descriptions, and as the floor what the server takes if it always has as many requests as allowed."""
    count, seconds = (1_000, 0.5) if options.quick else (10_000, 2.0)

    def case(name: str, what: str, faults: float, kills: int, notes: str = "") -> Case:
        return Case(
            f"llm_{name}",
            f"{count:,} descriptions, {CONCURRENCY} requests under way, {what}",
            "s",
            "llm",
            sides=("ours", "floor"),
            arguments={"count": count, "seconds": seconds, "concurrency": CONCURRENCY, "faults": faults, "kills": kills},
            repeats=1,
            notes=f"The server answers each request after {seconds:g} s, from a process on the same machine. {notes}".strip(),
        )

    return {
        "llm": [
            case("throughput", "no faults", 0.0, 0),
            case(
                "faults", "5 % faults, three kills", 0.05, 3, "The time holds that of four processes to start, and of what they ask again."
            ),
        ]
    }


def floor(*, count: int, seconds: float, concurrency: int, faults: float, kills: int, folder: str) -> dict[str, Any]:
    """What the server needs at least, in seconds."""
    return {"value": count * seconds / concurrency}


def ours(*, count: int, seconds: float, concurrency: int, faults: float, kills: int, folder: str) -> dict[str, Any]:
    """Seconds from the start of the first process to the end of the last, and what the server and the stored answers say."""
    import signal

    from sracl.llm_providers.answers import Answers

    os.environ["SRACL_CACHE_DIR"] = f"{folder}/llm-{faults}-{kills}"
    with _server(seconds, faults) as url:
        begun = time.monotonic()
        for kill in range(kills):
            victim = _asking(url, count, concurrency)
            while _counts(url)["answered"] < count * (kill + 1) // (kills + 1):
                if victim.poll() is not None:
                    raise BenchmarkError("the process that asks ended before it was killed")
                time.sleep(0.05)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        if _asking(url, count, concurrency).wait():
            raise BenchmarkError("the last process that asks failed")
        took = time.monotonic() - begun
        served = _counts(url)
    (account,) = Answers().accounts()
    found = {
        "stored": account.answered,
        "served": served["answered"],
        "served_twice": served["answered"] - served["distinct"],
        "reported_lost": account.lost,
        "requests": served["requests"],
        "most_under_way": served["most_under_way"],
        "dollars": account.dollars,
        "dollars_in_doubt": account.dollars_in_doubt,
        "ceiling": CEILING,
    }
    if account.answered != count or served["distinct"] != count:
        raise BenchmarkError(f"not every description was stored once: {found}")
    if found["served_twice"] > account.lost or account.lost > kills * concurrency + faults * count:
        raise BenchmarkError(f"descriptions were paid for twice, or it was not reported: {found}")
    if account.dollars + account.dollars_in_doubt > CEILING:
        raise BenchmarkError(f"the ceiling was exceeded: {found}")
    shares = {
        name: requests * seconds / concurrency / took for name, requests in (("share", count), ("share_of_requests", served["requests"]))
    }
    return {"value": took, **shares, **found}


def ask(url: str, count: int, concurrency: int) -> None:
    """What the processes do: ask for all descriptions."""
    from sracl.interfaces import ItemText, Prompt
    from sracl.llm_providers.openai import OpenAI

    items = (ItemText(title="x"),)
    prompts = [
        Prompt("sequence", items, system="Say in a paragraph what this customer looks for.", user=_history(row)) for row in range(count)
    ]
    OpenAI(llm="deepseek-chat", base_url=url, concurrency=concurrency, max_cost=CEILING)(prompts)


def _history(row: int) -> str:
    begin = row * 7 % (len(_VOCABULARY) - WORDS)
    return f"{row}: {' '.join(_VOCABULARY[begin : begin + WORDS])}"


def _asking(url: str, count: int, concurrency: int) -> subprocess.Popen[bytes]:
    import subprocess

    command = f"from benchmarks.llm import ask; ask({url!r}, {count}, {concurrency})"
    return subprocess.Popen([sys.executable, "-c", command], env={**os.environ, "DEEPSEEK_API_KEY": "none"})


@contextlib.contextmanager
def _server(seconds: float, faults: float) -> Iterator[str]:
    import subprocess

    command = [sys.executable, "-m", "tests.support.openai_server", str(seconds), str(faults)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def _counts(url: str) -> dict[str, int]:
    import json
    from urllib.request import urlopen

    with urlopen(url.replace("/v1", "/counts")) as answer:
        counts: dict[str, int] = json.load(answer)
        return counts
