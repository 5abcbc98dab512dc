"""Against a server on the loopback that speaks the protocol, and misbehaves on request."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sracl.contracts.text_encoder import TEXTS, TextEncoderContract
from sracl.errors import BudgetError, DataError, ResourceError
from sracl.text_encoders.openai import OpenAI
from tests.support.openai_server import CANARY, WIDTH, OpenAIServer, Said, Trouble, failing, no_trouble, vector_of


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with OpenAIServer() as server:
        yield server


def encoder(service: OpenAIServer, **parameters: Any) -> OpenAI:
    return OpenAI(model="small", base_url=service.url, **parameters)


class TestOpenAI(TextEncoderContract):
    @pytest.fixture(autouse=True)
    def parameters(self, service: OpenAIServer) -> None:
        self.service = service

    def encoder(self) -> OpenAI:
        return OpenAI(model="small", base_url=self.service.url, batch_size=2)


def test_sends_batches_and_puts_vectors_in_the_order_of_the_texts(service: OpenAIServer) -> None:
    texts = [f"text {number}" for number in range(25)]
    made = encoder(service, batch_size=10, dimensions=3)
    told: list[tuple[int, int]] = []
    made.progress = lambda done, total: told.append((done, total))
    np.testing.assert_array_equal(made(texts), [vector_of(text, 3) for text in texts])
    assert sorted(len(request["input"]) for request in service.requests) == [5, 10, 10]
    assert {request["dimensions"] for request in service.requests} == {3}
    assert {request["key"] for request in service.requests} == {f"Bearer {CANARY}"}
    assert told[-1] == (25, 25)
    assert made.facts["tokens"] == 250
    assert (made.facts["asked"], made.facts["paid_before"]) == (25, 0)


def test_nothing_is_paid_for_twice(service: OpenAIServer) -> None:
    first = encoder(service)(TEXTS[:3])
    again = encoder(service)
    np.testing.assert_array_equal(again(TEXTS)[:3], first)
    assert sorted(service.answered) == sorted(text for text in TEXTS if text)
    assert (again.facts["asked"], again.facts["paid_before"]) == (2, 3)
    encoder(service, dimensions=3)(TEXTS[:1])  # another width is another vector
    assert service.answered.count(TEXTS[0]) == 2


def test_a_killed_run_pays_again_for_what_was_under_way_alone(service: OpenAIServer, tmp_path: Path) -> None:
    texts, batch, concurrent = [f"text {number}" for number in range(60)], 2, 3
    script = (
        "from sracl.text_encoders.openai import OpenAI\n"
        f"encoder = OpenAI(model='small', base_url={service.url!r}, batch_size={batch}, concurrency={concurrent})\n"
        f"print(encoder([f'text {{number}}' for number in range({len(texts)})]).shape)\n"
    )
    service.seconds = 0.05
    victim = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    while len(service.answered) < 20:
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=300)
    while service.under_way:  # what was under way is answered into the void
        time.sleep(0.01)
    before = len(service.answered)
    service.seconds = 0.0
    made = encoder(service, batch_size=batch)
    np.testing.assert_array_equal(made(texts), [vector_of(text, WIDTH) for text in texts])
    assert 20 <= before < len(texts)
    assert len(service.answered) - len(texts) <= batch * concurrent
    assert made.facts["paid_before"] >= before - batch * concurrent


def test_faults_that_pass_are_put_up_with(service: OpenAIServer) -> None:
    troubles: list[Trouble] = [failing(500), failing(429, wait=0.01), lambda number: Said(200, "{"), lambda number: Said(200, "")]
    troubles.append(lambda number: Said(200, {"object": "list", "data": []}))
    service.trouble = lambda number: troubles[number - 1](1) if number <= len(troubles) else None
    assert encoder(service, retries=5)(TEXTS).any(axis=1).sum() == 5
    assert len(service.requests) == len(troubles) + 1


def test_a_server_that_wants_a_key_says_which_variable_would_hold_it(service: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    service.trouble = failing(401)
    with pytest.raises(ResourceError, match=r"wants a key \(401\): set OPENAI_API_KEY, or write api_key_env for another variable"):
        encoder(service)(TEXTS)


def test_a_long_wait_that_is_asked_for_is_kept_up_to_a_patience(service: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("sracl.text_encoders.openai.asyncio.sleep", sleep)
    service.trouble = failing(429, times=2, wait=200)
    encoder(service, patience=400)(TEXTS)
    assert [seconds for seconds in waited if seconds >= 1] == [200, 200]  # the server sleeps as well
    service.trouble = failing(429, wait=200)
    with pytest.raises(ResourceError, match="asks to wait for 200 s, and the patience is 60 s"):
        encoder(service, patience=60)(["another text"])


@pytest.mark.parametrize(
    ("trouble", "error", "message"),
    [
        (failing(401), ResourceError, r"refuses the key in OPENAI_API_KEY \(401\)"),
        (failing(404), ResourceError, "knows no model 'small'"),
        (failing(400, code="too_long"), ResourceError, r"answered with an error \(400, too_long\)"),
        (failing(500), ResourceError, r"answered with an error \(500\)"),
        (failing(429, code="insufficient_quota"), BudgetError, "the account at 127.0.0.1:.* is used up"),
        (lambda number: Said(200, "{"), DataError, "no list of vectors"),
        (lambda number: Said(200, {"data": [{"index": 0, "embedding": [1.0]}]}), DataError, "gave 1 vectors of .* for 5 texts"),
    ],
)
def test_faults_that_stay_end_it_in_words_without_the_key(
    trouble: Trouble, error: type[Exception], message: str, service: OpenAIServer
) -> None:
    service.trouble = trouble
    with pytest.raises(error, match=message) as raised:
        encoder(service, retries=1)(TEXTS)
    shown: BaseException | None = raised.value
    assert shown is not None
    assert CANARY not in str(shown)
    assert shown.__cause__ is None
    assert shown.__suppress_context__ or shown.__context__ is None


def test_what_arrived_before_a_failure_is_kept(service: OpenAIServer) -> None:
    texts = [f"text {number}" for number in range(8)]
    service.trouble = lambda number: Said(500, "{}") if number > 2 else None
    with pytest.raises(ResourceError):
        encoder(service, batch_size=2, concurrency=1, retries=0)(texts)
    service.trouble = no_trouble
    encoder(service)(texts)
    assert sorted(service.answered) == sorted(texts)


def test_a_server_that_is_not_there(service: OpenAIServer) -> None:
    with pytest.raises(ResourceError, match="127.0.0.1:9 cannot be reached"):
        OpenAI(model="small", base_url="http://127.0.0.1:9/v1", retries=0)(TEXTS)
    service.seconds = 0.5
    with pytest.raises(ResourceError, match="did not answer within 0.1 s, 1 times"):
        encoder(service, timeout=0.1, retries=0)(TEXTS)


def test_the_key_stands_in_the_environment_alone(service: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (f"http://me:{CANARY}@localhost/v1", f"http://localhost/v1?key={CANARY}"):
        with pytest.raises(ValueError, match="a key stands in the environment, in OPENAI_API_KEY") as refused:
            OpenAI(model="small", base_url=address)
        assert CANARY not in str(refused.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ResourceError, match="needs a key for api.openai.com: set the environment variable OPENAI_API_KEY"):
        OpenAI(model="small")
    assert encoder(service)(TEXTS).shape == (6, WIDTH)  # a server of one's own may do without


def test_a_server_that_the_recipe_does_not_name_is_refused(service: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", service.url)
    with pytest.raises(ValueError, match="OPENAI_BASE_URL names a server, and vectors are kept by what the recipe says: write base_url"):
        OpenAI(model="small")
    assert len(encoder(service)(TEXTS)) == len(TEXTS)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1/")
    assert OpenAI(model="small").server == "https://api.openai.com/v1"


def test_long_texts_are_cut_and_the_prompt_stays(service: OpenAIServer) -> None:
    made = encoder(service, prompt="query: ", max_characters=4)
    made(["abcdefgh", "abc", ""])
    encoder(service, max_characters=4, truncate="end")(["abcdefgh"])
    assert service.answered == ["query: efgh", "query: abc", "abcd"]
    assert made.facts["cut"] == 1


def test_offline_tells_how_much_is_missing(service: OpenAIServer) -> None:
    encoder(service)(TEXTS[:3])
    made = encoder(service)
    made.offline = True
    made(TEXTS[:3])
    with pytest.raises(DataError, match="2 of 5 vectors are not stored, and nobody may be asked"):
        made(TEXTS)
