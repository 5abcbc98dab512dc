"""Against a server on the loopback that speaks the protocol, and misbehaves on request."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from sracl.errors import BudgetError, DataError, ResourceError
from sracl.interfaces import AnswerForm, ItemText, Prompt
from sracl.llm_providers.allowance import Allowance
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.chat_server import asked_to_wait
from sracl.llm_providers.ledger import PICODOLLARS
from sracl.llm_providers.openai import OpenAI
from sracl.llm_providers.present import Asker, askers
from tests.support.openai_server import CANARY, OpenAIServer, Said, Trouble, completion, failing, mixed_faults
from tests.support.recipes import heed_ctrl_c

A_REPLY = (60 * 0.56 + 40 * 0.07 + 20 * 1.68) / 1e6
"""US dollars of a reply of the server's at the price of deepseek-chat: 100 tokens read, 40 of them known, 20 written."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DEEPSEEK_API_KEY", CANARY)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with OpenAIServer() as running:
        yield running


def provider(server: OpenAIServer, **parameters: Any) -> OpenAI:
    return OpenAI(**{"llm": "deepseek-chat", "base_url": server.url, "concurrency": 20, **parameters})


def prompt(user: str, answer: AnswerForm | None = None) -> Prompt:
    return Prompt("sequence", (ItemText(title="x"),), system="be brief", user=user, answer=answer or AnswerForm())


def prompts(count: int) -> list[Prompt]:
    return [prompt(f"number {number}") for number in range(count)]


def replies(asked: Sequence[Prompt]) -> list[str]:
    return [f"reply to {each.user}" for each in asked]


def account() -> Any:
    (only,) = Answers().accounts()
    return only


def test_says_who_asks_and_what_may_be_spent_while_it_does(server: OpenAIServer) -> None:
    seen: list[Asker] = []

    def reply(user: str) -> str:
        seen.extend(askers(Answers()))
        return f"reply to {user}"

    server.reply = reply
    made = provider(server, concurrency=1, max_cost=0.5)
    made.allowance = Allowance(max_cost=0.2)
    made(prompts(3))
    assert [(each.pid, each.model, each.under_way, each.ceiling) for each in seen] == [(os.getpid(), "deepseek-chat", 1, 0.2)] * 3
    assert [each.answered for each in seen] == [0, 1, 2]
    assert 2 * A_REPLY < seen[-1].counted < 0.2
    assert askers(Answers()) == []


def test_asks_each_thing_once_and_answers_in_order(server: OpenAIServer) -> None:
    asked = [*prompts(30), *prompts(10)]
    made = provider(server, concurrency=60)
    told: list[tuple[int, int]] = []
    made.progress = lambda done, total: told.append((done, total))
    assert made(asked) == replies(asked)
    assert sorted(server.answered) == sorted(each.user for each in prompts(30))
    assert {request["key"] for request in server.requests} == {f"Bearer {CANARY}"}
    request = server.requests[0]
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("deepseek-chat", 0.0, 300)
    assert request["messages"][0] == {"role": "system", "content": "be brief"}
    assert "response_format" not in request
    assert told[-1] == (30, 30)
    assert made.facts["dollars"] == pytest.approx(30 * A_REPLY, rel=1e-12)
    assert (account().answered, account().tokens_in, account().tokens_out, account().tokens_cached) == (30, 3000, 600, 1200)


def test_what_is_stored_needs_neither_a_server_nor_a_key(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    provider(server)(prompts(3))
    monkeypatch.delenv("DEEPSEEK_API_KEY")
    monkeypatch.setattr("openai.AsyncOpenAI", None)
    again = provider(server, timeout=1, concurrency=2, api_key_env="OTHER")
    assert again(prompts(3)) == replies(prompts(3))
    assert len(server.requests) == 3
    assert (again.facts["asked"], again.facts["known"]) == (0, 3)


def test_another_request_or_sample_is_asked_anew(server: OpenAIServer) -> None:
    provider(server)(prompts(1))
    for changed in ({"sample": 1}, {"temperature": 1.0}, {"max_output": 77}, {"extra": '{"seed": 3}'}, {"model": "other"}):
        provider(server, **changed)(prompts(1))
    assert len(server.requests) == 6
    assert [request.get("seed") for request in server.requests] == [None, None, None, None, 3, None]


def test_requests_that_begin_alike_follow_one_another(server: OpenAIServer) -> None:
    asked = [prompt(user) for user in ("b 1", "a 1", "b 1 2", "a 1 2", "b 1 2 3", "a 1 2 3")]
    provider(server, concurrency=1)(asked)
    assert server.answered == ["a 1", "a 1 2", "a 1 2 3", "b 1", "b 1 2", "b 1 2 3"]


@pytest.mark.parametrize(("structured", "kind"), [("object", "json_object"), ("schema", "json_schema"), ("none", None)])
def test_a_json_object_is_asked_for_and_read(structured: str, kind: str | None, server: OpenAIServer) -> None:
    server.reply = lambda user: json.dumps({"description": "a pen", "buyers": "writers"})
    form = AnswerForm(fields={"description": 80, "buyers": 50})
    assert provider(server, structured=structured)([prompt("pen", form)]) == ["a pen\nwriters"]
    assert server.requests[0].get("response_format", {}).get("type") == kind


def test_no_more_requests_are_under_way_than_allowed(server: OpenAIServer) -> None:
    server.held_from = 0
    asking = threading.Thread(target=provider(server, concurrency=7), args=(prompts(40),))
    asking.start()
    until = time.monotonic() + 300
    while server.under_way < 7:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.2)  # in which an eighth could come
    server.held_from = math.inf
    asking.join(300)
    assert len(server.answered) == 40
    assert server.most_under_way == 7


def test_faults_that_pass_are_put_up_with(server: OpenAIServer) -> None:
    server.trouble = mixed_faults(0.3)
    made = provider(server, retries=20, attempts=20)
    assert made(prompts(100)) == replies(prompts(100))
    assert len(server.answered) == 100  # none was answered twice
    assert account().answered == 100


def test_tries_that_broke_off_are_reported_as_maybe_paid(server: OpenAIServer) -> None:
    faults = [Said(body=completion("x", "y"), cut=True), Said(seconds=300.0), Said(500, "{}"), Said(body=completion("x", "y"), cut=True)]
    server.trouble = lambda number: faults[number - 1] if number <= len(faults) else None
    made = provider(server, timeout=2)  # far longer than any other answer takes
    assert made(prompts(1)) == replies(prompts(1))
    assert made.facts["lost"] == 3  # two that were cut, one that timed out; what is answered by an error is not paid for
    most = made.server.due(prompts(1)[0]).most
    assert made.facts["dollars_in_doubt"] == pytest.approx(3 * most / 1e12)
    assert made.facts["dollars"] == pytest.approx(A_REPLY)


def test_a_request_that_is_sent_on_to_another_address_is_paid_for_once(server: OpenAIServer) -> None:
    with OpenAIServer(trouble=lambda number: Said(308, "", {"Location": f"{server.url}/chat/completions"})) as front:
        made = provider(server, base_url=front.url)
        assert made(prompts(3)) == replies(prompts(3))
    assert (made.facts["lost"], made.facts["dollars_in_doubt"]) == (0, 0)


def test_a_long_wait_is_kept_by_all_up_to_a_patience(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sracl.llm_providers.chat_session._CLIENT_WAITS", 0.1)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_AFTER_DELAY", 0.1)
    server.trouble = failing(429, times=1, wait=1.0)
    begun = time.monotonic()
    provider(server, patience=2, concurrency=4)(prompts(20))
    assert time.monotonic() - begun > 1.0
    assert account().answered == 20
    server.trouble = failing(429, wait=200)
    with pytest.raises(ResourceError, match="asks to wait for 200 s, and the patience is 60 s"):
        provider(server, patience=60)([prompt("another")])


@pytest.mark.parametrize(
    ("trouble", "error", "message"),
    [
        (failing(401), ResourceError, r"refuses the key in DEEPSEEK_API_KEY \(401\)"),
        (failing(404), ResourceError, "knows no model 'deepseek-chat'"),
        (failing(500), ResourceError, r"answered with an error \(500\) to every try"),
        (failing(429, code="slow_down"), ResourceError, r"\(429, slow_down\)"),
        (failing(429, code="insufficient_quota"), BudgetError, "the account at 127.0.0.1:.* is used up"),
        (failing(402), BudgetError, "is used up"),
        (lambda number: Said(seconds=300.0), ResourceError, "did not answer in time"),
        (lambda number: Said(body=completion("x", "y"), cut=True), ResourceError, "breaks every connection off"),
    ],
)
def test_faults_that_stay_end_it_at_once(trouble: Trouble, error: type[Exception], message: str, server: OpenAIServer) -> None:
    server.trouble = lambda number: trouble(number) if number > 2 else None
    with pytest.raises(error, match=message) as raised:
        provider(server, retries=1, timeout=2, concurrency=2)(prompts(50))
    assert len(server.requests) < 15
    assert len(server.answered) == 2
    shown = "".join(traceback.format_exception(raised.value))
    assert CANARY not in shown
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    server.trouble = lambda number: None
    provider(server)(prompts(50))
    assert len(server.answered) == 50  # what was paid for before is not asked again


@pytest.mark.parametrize(
    ("trouble", "reason", "sent"),
    [
        (lambda number: Said(body=completion("x", "")), "is empty", 2),
        (lambda number: Said(body=completion("x", "half", ending="length")), "was cut off after 20 tokens", 1),
        (lambda number: Said(body=completion("x", "", ending="content_filter")), "was withheld by the server's filter", 1),
        (lambda number: Said(body=completion("x", "half", ending="insufficient_system_resource")), "was broken off by the server", 2),
        (lambda number: Said(body=completion("x", "word " * 300)), "has 300 words", 2),
        (lambda number: Said(body="{"), "came in a body that is no chat completion", 2),
        (lambda number: Said(body={"choices": []}), "came in a body that is no chat completion", 2),
        (failing(400), r"never came: the server refused the request \(400\)", 1),
    ],
)
def test_what_is_no_answer_is_kept_with_its_reason(trouble: Trouble, reason: str, sent: int, server: OpenAIServer) -> None:
    provider(server)(prompts(2))
    server.trouble = trouble
    with pytest.raises(DataError, match=f"1 of 3 requests have no answer: the reply {reason}"):
        provider(server, attempts=2)(prompts(3))
    assert len(server.requests) == 2 + sent
    with pytest.raises(DataError, match=reason):
        provider(server, attempts=2)(prompts(3))
    assert len(server.requests) == 2 + sent  # and it is not asked again by itself
    made = provider(server, max_failed=1)
    assert made(prompts(3)) == [*replies(prompts(2)), ""]
    assert made.facts["failed"] == 1
    assert len(made.facts["reasons"]) == 1
    assert re.match(reason, next(iter(made.facts["reasons"])))
    server.trouble = lambda number: None
    assert Answers().forget_failures() == 1
    assert provider(server)(prompts(3)) == replies(prompts(3))


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (failing(400), r"has refused 20 requests one after another \(400\); is one of the parameters unknown to it\?"),
        (failing(400, param="temperature"), r"\(400, temperature\); does the model take another temperature\?"),
        (failing(400, param="max_tokens"), r"\(400, max_tokens\); this model may take max_completion_tokens in place of it"),
        (failing(400, param=CANARY), r"\(400\); is one of"),
        (
            lambda number: Said(body="<html>Welcome</html>"),
            r"by what is no chat completion; does `base_url` end as it should, such as in /v1\?",
        ),
    ],
)
def test_a_fault_in_every_request_ends_it(trouble: Trouble, told: str, server: OpenAIServer) -> None:
    server.trouble = trouble
    with pytest.raises(ResourceError, match=told):
        provider(server, concurrency=1)(prompts(50))
    assert len(server.requests) == 20


def test_models_that_think_are_given_another_limit(server: OpenAIServer) -> None:
    ample = json.dumps({"max_completion_tokens": 5000})
    made = provider(server, extra=ample, max_cost=0.001)  # 5,000 tokens of deepseek-chat cost more
    with pytest.raises(BudgetError, match="the ceiling of 0.001 dollars leaves no room"):
        made(prompts(1))
    provider(server, extra=ample, temperature=1.0)(prompts(1))
    assert server.requests[0]["max_completion_tokens"] == 5000
    assert "max_tokens" not in server.requests[0]


def test_a_server_that_is_not_there_costs_nothing(server: OpenAIServer) -> None:
    with pytest.raises(ResourceError, match="127.0.0.1:9 cannot be reached"):
        provider(server, base_url="http://127.0.0.1:9/v1", retries=0)(prompts(3))
    assert (account().lost, account().dollars_in_doubt) == (0, 0)


def test_a_ceiling_is_kept_across_calls(server: OpenAIServer) -> None:
    server.seconds = 0.01
    with pytest.raises(BudgetError, match=r"the ceiling of 0.01 dollars leaves no room for another request; \d+ of 1,000 are settled"):
        provider(server, max_cost=0.01, concurrency=20)(prompts(1000))
    spent = account().dollars
    assert 0.008 < spent <= 0.01
    assert spent == pytest.approx(len(server.answered) * A_REPLY)
    with pytest.raises(BudgetError):
        provider(server, max_cost=0.01)(prompts(1000))
    assert account().dollars <= 0.01
    made = provider(server)
    made.allowance = Allowance(max_cost=2 * 0.01)  # of the command, instead of the recipe's
    with pytest.raises(BudgetError, match="ceiling of 0.02"):
        made(prompts(1000))
    assert 0.018 < account().dollars <= 0.02


def test_a_ceiling_needs_a_price(server: OpenAIServer) -> None:
    with pytest.raises(BudgetError, match="no price is known: write a card for mine"):
        OpenAI(base_url=server.url, model="mine", max_cost=1.0)(prompts(1))
    assert server.requests == []


def test_offline_tells_how_much_is_missing(server: OpenAIServer) -> None:
    provider(server)(prompts(2))
    made = provider(server)
    made.allowance = Allowance(offline=True)
    assert made(prompts(2)) == replies(prompts(2))
    with pytest.raises(DataError, match=r"3 of 5 answers are not stored, and nobody may be asked"):
        made(prompts(5))
    assert len(server.requests) == 2


def test_a_wait_is_read_as_servers_write_it() -> None:
    def seconds(said: str) -> float | None:
        answered = httpx2.Response(429, headers={"retry-after": said}, request=httpx2.Request("POST", "http://localhost"))
        return asked_to_wait(openai.APIStatusError("", response=answered, body=None), 120)

    assert seconds("200") == 200
    assert seconds(formatdate(time.time() + 200, usegmt=True)) == pytest.approx(200, abs=5)
    assert seconds("60") is None
    assert seconds("soon") is None


def test_two_at_once_ask_each_thing_once(server: OpenAIServer) -> None:
    server.seconds = 0.05
    made: list[list[str]] = []
    threads = [threading.Thread(target=lambda: made.append(provider(server, concurrency=10)(prompts(60)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert made == [replies(prompts(60))] * 2
    assert len(server.answered) == 60


SCRIPT = """
from tests.llm_providers.test_openai import OpenAI, prompts
OpenAI(llm="deepseek-chat", base_url={url!r}, concurrency={concurrency}, max_cost={ceiling})(prompts({count}))
"""


def killed(server: OpenAIServer, *, count: int, concurrency: int, ceiling: float, after: int) -> None:
    """A process that asks, and is killed when the server has answered some more."""
    command = SCRIPT.format(url=server.url, concurrency=concurrency, count=count, ceiling=ceiling)
    victim = subprocess.Popen([sys.executable, "-c", command], cwd=Path(__file__).parents[2])
    goal = len(server.answered) + after
    while len(server.answered) < goal:
        assert victim.poll() is None
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait(300)
    while server.under_way:  # what was under way is answered into the void
        time.sleep(0.01)


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_kill_loses_no_answer_and_pays_twice_for_what_was_under_way_alone(kills: int, server: OpenAIServer) -> None:
    count, concurrency, each = 30 * kills + 60, 8, 25
    server.seconds = 0.01
    for _ in range(kills):
        killed(server, count=count, concurrency=concurrency, ceiling=1.0, after=each)
    made = provider(server, concurrency=concurrency, max_cost=1.0)
    assert made(prompts(count)) == replies(prompts(count))
    twice = len(server.answered) - count
    assert len(set(server.answered)) == count
    assert 0 <= twice <= kills * concurrency
    assert twice <= made.facts["lost"] <= kills * concurrency  # reported as what may have been paid twice
    assert account().answered == count
    assert made.facts["dollars"] == pytest.approx(count * A_REPLY)
    assert server.most_under_way <= concurrency


def test_ctrl_c_waits_for_what_is_under_way(server: OpenAIServer) -> None:
    server.held_from = 16
    command = SCRIPT.format(url=server.url, concurrency=8, count=200, ceiling=1.0)
    asking = subprocess.Popen(
        [sys.executable, "-c", command], cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c
    )
    until = time.monotonic() + 300
    while len(server.answered) < 16 or server.under_way < 8:
        assert asking.poll() is None and time.monotonic() < until
        time.sleep(0.002)
    asking.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert asking.poll() is None  # it waits
    server.held_from = math.inf
    asking.communicate(timeout=300)
    assert asking.returncode != 0
    assert 24 <= len(server.answered) < 50
    assert (account().answered, account().lost) == (len(server.answered), 0)


def test_the_key_is_told_to_nobody(
    server: OpenAIServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    provider(server)(prompts(3))
    server.trouble = failing(401)
    with pytest.raises(ResourceError) as raised:
        provider(server)(prompts(9))
    for address in (f"http://me:{CANARY}@127.0.0.1/v1", f"http://127.0.0.1/v1?key={CANARY}"):
        with pytest.raises(ValueError, match="a key stands in the environment") as refused:
            OpenAI(base_url=address, model="x")
        assert CANARY not in str(refused.value)
    with (tmp_path / "export.jsonl").open("w") as lines:
        Answers().export(lines)
    assert CANARY not in "".join(traceback.format_exception(raised.value))
    assert CANARY not in caplog.text
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


def test_a_key_that_is_missing_is_asked_for_by_name(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPSEEK_API_KEY")
    with pytest.raises(ResourceError, match="needs a key: set the environment variable DEEPSEEK_API_KEY"):
        provider(server)(prompts(1))
    OpenAI(base_url=server.url, model="mine")(prompts(1))  # a server of one's own may do without
    server.trouble = failing(401)
    with pytest.raises(ResourceError, match=r"wants a key \(401\): write api_key_env, the environment variable that holds it"):
        OpenAI(base_url=server.url, model="mine")(prompts(2))
    assert server.requests[0]["key"] == "Bearer none"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "name a language model"),
        ({"model": "x"}, "name a language model"),
        ({"llm": "ollama", "extra": "[1]"}, "extra should be a JSON object"),
        ({"llm": "ollama", "extra": '{"model": "y"}'}, "without model, which have parameters"),
        ({"llm": "ollama", "extra": '{"max_completion_tokens": true}'}, "where max_completion_tokens is a number of tokens"),
        ({"llm": "ollama", "extra": '{"max_completion_tokens": 9}', "max_output": 9}, "which takes the place of max_output"),
    ],
)
def test_what_cannot_be_asked_is_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OpenAI(**parameters)


def test_what_a_card_says_goes_into_every_request(server: OpenAIServer) -> None:
    provider(server, llm="deepseek-flash")(prompts(1))
    assert server.requests[0]["thinking"] == {"type": "disabled"}  # thoughts are paid for
    provider(server, llm="deepseek-flash", extra='{"thinking": {"type": "enabled"}}')(prompts(1))
    assert server.requests[1]["thinking"] == {"type": "enabled"}


@pytest.mark.parametrize("name", ["n", "stream"])
def test_what_would_be_paid_for_in_vain_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"without {name}: one whole answer is read"):
        OpenAI(llm="ollama", extra=json.dumps({name: 4}))


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (completion("x", "half a \ud83d character"), 0),
        ({**completion("x", "many"), "usage": {"prompt_tokens": 1, "completion_tokens": 10**30}}, 0),
        ({**completion("x", "endless"), "usage": {"prompt_tokens": float("inf"), "completion_tokens": 1}}, 0),
        ("[" * 100_000, 1),
    ],
)
def test_one_strange_reply_takes_no_other_with_it(body: Any, lost: int, server: OpenAIServer) -> None:
    server.seconds = 0.02
    server.trouble = lambda number: Said(body=body) if number == 2 else None
    provider(server)(prompts(30))
    assert (account().answered, account().lost) == (30, lost)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        {"total_tokens": 120},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": -1, "completion_tokens": 20},
        {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 10**6}},
    ],
)
def test_an_answer_whose_tokens_are_not_told_is_kept_and_counts_with_the_most(usage: Any, server: OpenAIServer) -> None:
    server.trouble = lambda number: Said(body={**completion("x", "a pen"), "usage": usage})
    made = provider(server)
    assert made(prompts(1)) == ["a pen"]
    assert len(server.requests) == 1
    assert made.facts["dollars"] == made.server.due(prompts(1)[0]).most / PICODOLLARS


def test_of_a_reply_in_parts_what_is_said_is_read(server: OpenAIServer) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    body = completion("x", "")
    body["choices"][0]["message"]["content"] = [thought, {"type": "text", "text": "a pen, "}, {"type": "text", "text": "blue"}]
    server.trouble = lambda number: Said(body=body)
    assert provider(server)(prompts(1)) == ["a pen, blue"]


def test_halves_of_characters_in_an_object_are_marked(server: OpenAIServer) -> None:
    server.reply = lambda user: '{"description": "a \\ud83d pen", "buyers": "writers"}'
    form = AnswerForm(fields={"description": 80, "buyers": 50})
    assert provider(server)([prompt("pen", form)]) == ["a \ufffd pen\nwriters"]


def test_a_ceiling_of_a_command_counts_what_is_stored(server: OpenAIServer) -> None:
    provider(server)(prompts(100))  # 0.007 dollars
    one, other = provider(server), provider(server)
    one.allowance = other.allowance = Allowance(max_cost=0.01)
    one(prompts(100))
    with pytest.raises(BudgetError):
        other([prompt(f"another {number}") for number in range(100)])
    assert 0.008 < account().dollars <= 0.01


def test_a_ceiling_is_kept_by_processes_together(server: OpenAIServer) -> None:
    server.seconds = 0.01
    command = SCRIPT.format(url=server.url, concurrency=5, count=1000, ceiling=0.01)
    asking = [
        subprocess.Popen([sys.executable, "-c", command], cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True) for _ in "ab"
    ]
    told = [each.communicate(timeout=300)[1] for each in asking]
    assert all("the ceiling of 0.01 dollars leaves no room" in each for each in told)
    assert 0.008 < account().dollars <= 0.01
    assert account().dollars == pytest.approx(len(server.answered) * A_REPLY)
    assert account().lost == 0


def test_a_stored_reply_that_is_no_answer_is_asked_again_on_request(server: OpenAIServer) -> None:
    provider(server)([prompt("pen"), prompt("cup")])
    words = AnswerForm(words=1)
    with pytest.raises(DataError, match=r"has 3 words .* where 1 were asked for"):
        provider(server, max_output=300)([prompt("pen", words)])
    assert (account().answered, account().failed) == (1, 1)
    assert Answers().forget_failures() == 1
    server.reply = lambda user: "short"
    assert provider(server, max_output=300)([prompt("pen", words)]) == ["short"]
    assert account().dollars == pytest.approx(3 * A_REPLY)
