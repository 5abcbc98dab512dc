"""Against a server on the loopback that speaks the protocol, and misbehaves on request."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from sracl.errors import BudgetError, DataError, ResourceError
from sracl.text_encoders.openai import OpenAI
from tests.contracts.text_encoder import TEXTS, TextEncoderContract

CANARY = "sk-canary-0123456789"
WIDTH = 6

Trouble = Callable[[int], Response | None]
"""`number of the request, from 1 -> what is answered instead of vectors`."""


def vector_of(text: str, width: int) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    return np.random.default_rng(seed).normal(size=width).astype(np.float32)


class Service:
    """Gives every text a vector of its own, and counts what is asked of it."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("/v1")
        self.requests: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.trouble: Trouble = lambda number: None
        self.seconds = 0.0
        server.expect_request("/v1/embeddings", method="POST").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        asked = json.loads(request.data)
        self.requests.append({**asked, "key": request.headers["Authorization"]})
        time.sleep(self.seconds)
        if (instead := self.trouble(len(self.requests))) is not None:
            return instead
        self.texts += asked["input"]
        vectors = [vector_of(text, asked.get("dimensions", WIDTH)) for text in asked["input"]]
        entries = [
            {"object": "embedding", "index": place, "embedding": base64.b64encode(vector.tobytes()).decode()}
            for place, vector in enumerate(vectors)
        ]
        entries.reverse()  # the order of the entries is nothing to go by
        usage = {"prompt_tokens": 10 * len(entries), "total_tokens": 10 * len(entries)}
        return said(200, {"object": "list", "model": asked["model"], "data": entries, "usage": usage})


def said(status: int, body: Any, **headers: str) -> Response:
    return Response(body if isinstance(body, str) else json.dumps(body), status, headers, content_type="application/json")


def failing(status: int, *, times: int = 99, code: str | None = None, wait: float | None = None) -> Trouble:
    error = {"error": {"message": f"no: {CANARY}", "type": "x", "code": code}}
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return lambda number: said(status, error, **headers) if number <= times else None


@pytest.fixture
def service(httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    return Service(httpserver)


def encoder(service: Service, **parameters: Any) -> OpenAI:
    return OpenAI(model="small", base_url=service.url, **parameters)


class TestOpenAI(TextEncoderContract):
    @pytest.fixture
    def encoder(self, service: Service) -> OpenAI:
        return OpenAI(model="small", base_url=service.url, batch_size=2)


def test_sends_batches_and_puts_vectors_in_the_order_of_the_texts(service: Service) -> None:
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


def test_nothing_is_paid_for_twice(service: Service) -> None:
    first = encoder(service)(TEXTS[:3])
    again = encoder(service)
    np.testing.assert_array_equal(again(TEXTS)[:3], first)
    assert sorted(service.texts) == sorted(text for text in TEXTS if text)
    assert (again.facts["asked"], again.facts["paid_before"]) == (2, 3)
    encoder(service, dimensions=3)(TEXTS[:1])  # another width is another vector
    assert service.texts.count(TEXTS[0]) == 2


def test_a_killed_run_pays_again_for_what_was_under_way_alone(service: Service, tmp_path: Path) -> None:
    texts, batch, concurrent = [f"text {number}" for number in range(60)], 2, 3
    script = (
        "from sracl.text_encoders.openai import OpenAI\n"
        f"encoder = OpenAI(model='small', base_url={service.url!r}, batch_size={batch}, concurrent={concurrent})\n"
        f"print(encoder([f'text {{number}}' for number in range({len(texts)})]).shape)\n"
    )
    service.seconds = 0.05
    victim = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    while len(service.texts) < 20:
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=30)
    time.sleep(0.2)  # what was under way is answered into the void
    before = len(service.texts)
    service.seconds = 0.0
    made = encoder(service, batch_size=batch)
    np.testing.assert_array_equal(made(texts), [vector_of(text, WIDTH) for text in texts])
    assert 20 <= before < len(texts)
    assert len(service.texts) - len(texts) <= batch * concurrent
    assert made.facts["paid_before"] >= before - batch * concurrent


def test_faults_that_pass_are_put_up_with(service: Service) -> None:
    troubles: list[Trouble] = [failing(500), failing(429, wait=0.01), lambda number: said(200, "{"), lambda number: said(200, "")]
    troubles.append(lambda number: said(200, {"object": "list", "data": []}))
    service.trouble = lambda number: troubles[number - 1](1) if number <= len(troubles) else None
    assert encoder(service, retries=5)(TEXTS).any(axis=1).sum() == 5
    assert len(service.requests) == len(troubles) + 1


def test_a_long_wait_that_is_asked_for_is_kept_up_to_a_patience(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("sracl.text_encoders.openai.asyncio.sleep", sleep)
    service.trouble = failing(429, times=2, wait=200)
    encoder(service, patience=400)(TEXTS)
    assert waited == [200, 200]
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
        (failing(429, code="insufficient_quota"), BudgetError, "the account at localhost:.* is used up"),
        (lambda number: said(200, "{"), DataError, "no list of vectors"),
        (lambda number: said(200, {"data": [{"index": 0, "embedding": [1.0]}]}), DataError, "gave 1 vectors of .* for 5 texts"),
    ],
)
def test_faults_that_stay_end_it_in_words_without_the_key(trouble: Trouble, error: type[Exception], message: str, service: Service) -> None:
    service.trouble = trouble
    with pytest.raises(error, match=message) as raised:
        encoder(service, retries=1)(TEXTS)
    shown: BaseException | None = raised.value
    assert shown is not None
    assert CANARY not in str(shown)
    assert shown.__cause__ is None
    assert shown.__suppress_context__ or shown.__context__ is None


def test_what_arrived_before_a_failure_is_kept(service: Service) -> None:
    texts = [f"text {number}" for number in range(8)]
    service.trouble = lambda number: said(500, "{}") if number > 2 else None
    with pytest.raises(ResourceError):
        encoder(service, batch_size=2, concurrent=1, retries=0)(texts)
    service.trouble = lambda number: None
    encoder(service)(texts)
    assert sorted(service.texts) == sorted(texts)


def test_a_server_that_is_not_there(service: Service) -> None:
    with pytest.raises(ResourceError, match="127.0.0.1:9 cannot be reached"):
        OpenAI(model="small", base_url="http://127.0.0.1:9/v1", retries=0)(TEXTS)
    service.seconds = 0.5
    with pytest.raises(ResourceError, match="did not answer within 0.1 s, 1 times"):
        encoder(service, timeout=0.1, retries=0)(TEXTS)


def test_the_key_stands_in_the_environment_alone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (f"http://me:{CANARY}@localhost/v1", f"http://localhost/v1?key={CANARY}"):
        with pytest.raises(ValueError, match="a key stands in the environment, in OPENAI_API_KEY") as refused:
            OpenAI(model="small", base_url=address)
        assert CANARY not in str(refused.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ResourceError, match="needs a key for api.openai.com: set the environment variable OPENAI_API_KEY"):
        OpenAI(model="small")
    assert encoder(service)(TEXTS).shape == (6, WIDTH)  # a server of one's own may do without


def test_long_texts_are_cut_and_the_prompt_stays(service: Service) -> None:
    made = encoder(service, prompt="query: ", max_characters=4)
    made(["abcdefgh", "abc", ""])
    encoder(service, max_characters=4, truncate="end")(["abcdefgh"])
    assert service.texts == ["query: efgh", "query: abc", "abcd"]
    assert made.facts["cut"] == 1
