"""Against a server on the loopback that takes batches."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sracl.errors import BudgetError, DataError, ResourceError
from sracl.interfaces import ItemText, Prompt
from sracl.llm_providers.allowance import Allowance
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.openai import OpenAI
from sracl.llm_providers.openai_batch import OpenAIBatch
from tests.support.openai_server import CANARY, OpenAIServer, Said, completion, failing

A_REPLY = (60 * 0.15 + 40 * 0.075 + 20 * 0.60) / 1e6 / 2
"""US dollars of a reply of the server's at the price of gpt-4o-mini in batches: 100 tokens read, 40 of them known, 20 written."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with OpenAIServer() as running:
        yield running


def provider(server: OpenAIServer, **parameters: Any) -> OpenAIBatch:
    return OpenAIBatch(**{"llm": "gpt-4o-mini", "base_url": server.url, "poll": 0.02, **parameters})


def prompts(count: int) -> list[Prompt]:
    return [Prompt("sequence", (ItemText(title="x"),), system="be brief", user=f"number {number}") for number in range(count)]


def replies(count: int) -> list[str]:
    return [f"reply to number {number}" for number in range(count)]


def account() -> Any:
    (only,) = Answers().accounts()
    return only


def test_hands_in_waits_and_collects(server: OpenAIServer) -> None:
    server.batch_polls = 3
    made = provider(server, batch_size=10)
    assert made([*prompts(25), *prompts(5)]) == [*replies(25), *replies(5)]
    assert len(server.batches) == 3
    assert sorted(server.answered) == sorted(prompt.user for prompt in prompts(25))
    assert made.facts["dollars"] == pytest.approx(25 * A_REPLY, rel=1e-12)
    assert (account().under_way, account().lost) == (0, 0)


def test_answers_serve_the_other_provider_too(server: OpenAIServer) -> None:
    provider(server)(prompts(5))
    assert OpenAI(llm="gpt-4o-mini", base_url=server.url)(prompts(5)) == replies(5)
    assert len(server.answered) == 5


def test_answers_that_are_in_batches_are_not_waited_for_by_the_other_provider(server: OpenAIServer) -> None:
    class Left(Exception):
        pass

    def leave(done: int, total: int) -> None:
        raise Left

    server.batch_polls = 2
    made = provider(server)
    made.progress = leave
    with pytest.raises(Left):
        made(prompts(5))
    other = OpenAI(llm="gpt-4o-mini", base_url=server.url)
    with pytest.raises(ResourceError, match=r"5 of 8 requests were handed in as batches, .* use = \"openai_batch\" waits for them"):
        other(prompts(8))
    assert len(server.answered) == 3
    assert provider(server)(prompts(8)) == replies(8)
    assert other(prompts(8)) == replies(8)
    assert len(server.answered) == 8


SCRIPT = """
from tests.llm_providers.test_openai_batch import OpenAIBatch, prompts
OpenAIBatch(llm="gpt-4o-mini", base_url={url!r}, poll=0.02, batch_size=10)(prompts(30))
"""


def killed(server: OpenAIServer, until: Any) -> None:
    victim = subprocess.Popen([sys.executable, "-c", SCRIPT.format(url=server.url)], cwd=Path(__file__).parents[2])
    while not until():
        assert victim.poll() is None
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait(30)


def test_batches_outlive_the_process_that_made_them(server: OpenAIServer) -> None:
    server.batch_polls = 10**9
    killed(server, lambda: all(batch["polls"] > 2 for batch in server.batches) and len(server.batches) == 3)
    assert account().under_way == 30
    server.batch_polls = 0
    made = provider(server)
    assert made(prompts(30)) == replies(30)
    assert len(server.batches) == 3  # nothing was handed in again
    assert len(server.answered) == 30
    assert made.facts["lost"] == 0


def test_a_batch_whose_number_was_not_put_down_is_found_by_its_name(server: OpenAIServer) -> None:
    # the process dies after the server has made the batch, and before it knows
    dead = threading.Event()

    def trouble(number: int) -> None:
        if server.requests[-1]["path"].endswith("/batches") and server.requests[-1]["method"] == "POST":
            dead.wait(300)

    server.trouble = trouble
    killed(server, lambda: any(request["path"].endswith("/batches") for request in server.requests))
    dead.set()
    deadline = time.monotonic() + 300
    while not server.batches and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(server.batches) == 1
    server.trouble = lambda number: None
    made = provider(server, batch_size=10)
    assert made(prompts(30)) == replies(30)
    assert len(server.answered) == 30
    assert len(server.batches) == 3


def test_a_batch_that_was_never_made_costs_nothing(server: OpenAIServer) -> None:
    server.trouble = failing(500)
    with pytest.raises(ResourceError, match=r"answered with an error \(500\) to every try"):
        provider(server, retries=0)(prompts(3))
    server.trouble = lambda number: None
    made = provider(server)
    assert made(prompts(3)) == replies(3)
    assert (account().lost, account().dollars_in_doubt) == (0, 0)


def test_an_expired_batch_is_handed_in_again_as_far_as_it_was_not_done(server: OpenAIServer) -> None:
    server.batch_ending = "expired"
    made = provider(server)

    def progress(done: int, total: int) -> None:
        if done:
            server.batch_ending = "completed"

    made.progress = progress
    assert made(prompts(10)) == replies(10)
    assert len(server.answered) == 10
    assert len(server.batches) == 2


def test_a_batch_that_fails_as_a_whole_ends_it(server: OpenAIServer) -> None:
    server.batch_ending = "failed"
    with pytest.raises(ResourceError, match="refuses the batch as a whole"):
        provider(server)(prompts(3))
    assert account().dollars == account().dollars_in_doubt == 0


@pytest.mark.parametrize(
    ("line", "reason", "sent"),
    [
        ({"response": {"status_code": 400, "body": {}}}, r"never came: the server refused the request \(400\)", 1),
        ({"response": {"status_code": 500, "body": {}}}, r"never came: the server refused the request \(500\)", 2),
        ({"response": None, "error": {"code": "batch_expired"}}, "never came: the server did not get to it", 2),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, "came in a body that is no chat completion", 2),
        ({"response": {"status_code": 200, "body": completion("x", "")}}, "is empty", 2),
        ({"response": {"status_code": 200, "body": completion("x", "a", ending="length")}}, "was cut off after 20 tokens", 1),
    ],
)
def test_what_is_no_answer_is_kept_with_its_reason(line: dict[str, Any], reason: str, sent: int, server: OpenAIServer) -> None:
    provider(server)(prompts(2))
    server.line_trouble = lambda number: line
    with pytest.raises(DataError, match=f"1 of 3 requests have no answer: the reply {reason}"):
        provider(server, attempts=2)(prompts(3))
    assert len(server.batches) == 1 + sent


@pytest.mark.parametrize("damaged", ["<html>", '{"custom_id": "half', "[1]\n", '"text"\n'])
def test_a_file_of_answers_that_is_damaged_is_read_again(damaged: str, server: OpenAIServer) -> None:
    server.batch_polls = 0
    whole = server._file
    server._file = lambda text: whole(damaged if "choices" in text else text)  # type: ignore[method-assign]
    with pytest.raises(ResourceError, match=r"a file of a batch's answers \(file-1\) that is damaged"):
        provider(server)(prompts(3))
    lines = [{"custom_id": key, "response": {"status_code": 200, "body": completion("x", "late")}} for key in sorted(_keys(server))]
    server.files["file-1"] = "".join(f"{json.dumps(line)}\n" for line in lines)
    assert provider(server)(prompts(3)) == ["late"] * 3
    assert len(server.batches) == 1


def _keys(server: OpenAIServer) -> list[str]:
    return [json.loads(line)["custom_id"] for line in server.files["file-0"].splitlines()]


def test_a_ceiling_is_kept(server: OpenAIServer) -> None:
    with pytest.raises(BudgetError, match="the ceiling leaves no room for another request"):
        provider(server, max_cost=0.001)(prompts(1000))
    assert 0 < account().dollars <= 0.001


def test_the_key_is_told_to_nobody(server: OpenAIServer, tmp_path: Path) -> None:
    provider(server)(prompts(3))
    server.trouble = failing(401)
    with pytest.raises(ResourceError, match=r"refuses the key in OPENAI_API_KEY \(401\)") as raised:
        provider(server)(prompts(9))
    assert CANARY not in str(raised.value)
    assert raised.value.__suppress_context__
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


def test_a_line_may_hold_any_character(server: OpenAIServer) -> None:
    # JSON lets U+2028 stand as it is, and a text has other lines for it than a file
    def trouble(number: int) -> Said | None:
        path = server.requests[-1]["path"]
        if not path.endswith("/content"):
            return None
        rows = [json.loads(line) for line in server.files[path.split("/")[-2]].splitlines()]
        return Said(body="".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))

    server.trouble = trouble
    server.reply = lambda user: f"a \u2028 b \x85 c {user}"
    assert provider(server)(prompts(2)) == [f"a b c number {number}" for number in range(2)]


def test_a_batch_that_was_made_unheard_is_not_made_again(server: OpenAIServer) -> None:
    broken = False

    def trouble(number: int) -> Said | None:
        nonlocal broken
        asked = server.requests[-1]
        if broken or asked["method"] != "POST" or not asked["path"].endswith("/batches"):
            return None
        broken = True
        time.sleep(1)  # the client waits no longer; the batch is made all the same
        return None

    server.trouble = trouble
    assert provider(server, timeout=0.4)(prompts(5)) == replies(5)
    assert broken
    assert len(server.batches) == 1
    assert len(server.answered) == 5


def test_batches_of_another_model_are_left_to_those_who_know_its_price(server: OpenAIServer) -> None:
    server.batch_polls = 10**9
    killed(server, lambda: all(batch["polls"] > 2 for batch in server.batches) and len(server.batches) == 3)
    server.batch_polls = 0
    provider(server, llm="gpt-4.1-mini")(prompts(2))
    dear, cheap = Answers().accounts()
    assert (dear.model, dear.answered, cheap.under_way) == ("gpt-4.1-mini", 2, 30)
    made = provider(server)
    assert made(prompts(30)) == replies(30)
    assert made.facts["dollars"] == pytest.approx(30 * A_REPLY)


def test_a_batch_that_the_server_does_not_know_is_named_and_given_up_in_time(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.batch_polls = 10**9
    killed(server, lambda: all(batch["polls"] > 2 for batch in server.batches) and len(server.batches) == 3)
    server.trouble = failing(404)
    with pytest.raises(ResourceError, match="knows no batch batch-0, .* was it made with another key than that in OPENAI_API_KEY"):
        provider(server)(prompts(30))
    server.trouble = lambda number: None
    server.batch_polls = 0
    now = time.time()
    monkeypatch.setattr("sracl.llm_providers.openai_batch.time.time", lambda: now + 31 * 86_400)
    made = provider(server)

    def begun_again(done: int, total: int) -> None:
        monkeypatch.setattr("sracl.llm_providers.openai_batch.time.time", lambda: now)

    made.progress = begun_again
    assert made(prompts(30)) == replies(30)
    assert made.facts["lost"] == 30
    assert len(server.batches) == 4


def test_a_ceiling_of_a_command_counts_what_is_stored(server: OpenAIServer) -> None:
    provider(server)(prompts(100))
    stored = account().dollars
    one, other = provider(server), provider(server)
    one.allowance = other.allowance = Allowance(max_cost=stored)
    one(prompts(100))
    with pytest.raises(BudgetError, match="the ceiling leaves no room"):
        other(prompts(101)[100:])
    assert account().dollars == stored
