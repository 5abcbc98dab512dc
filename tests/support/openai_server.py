"""A server on the loopback that speaks the OpenAI protocol, counts what is asked of it, and misbehaves on request.

`python -m tests.support.openai_server SECONDS FAULTS` is one in a process of its own: every answer takes SECONDS, a part
FAULTS of them goes wrong, and GET /counts tells what was asked.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import math
import random
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

CANARY = "sk-canary-0123456789"
WIDTH = 6


@dataclass
class Said:
    """What is answered."""

    status: int = 200
    body: Any = ""
    """As it stands where it is text; else as JSON."""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """Before it is said."""
    cut: bool = False
    """Whether the connection ends in the middle of it."""


Trouble: TypeAlias = Callable[[int], Said | None]
"""`number of the request, from 1 -> what is answered instead`."""


def no_trouble(number: int) -> None:
    """All is well."""


def failing(status: int, *, times: int = 10**9, code: str | None = None, param: str | None = None, wait: float | None = None) -> Trouble:
    """The first requests are refused, in words that quote a key."""
    error = {"error": {"message": f"no: {CANARY}", "type": "x", "code": code, "param": param}}
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return lambda number: Said(status, error, headers) if number <= times else None


def vector_of(text: str, width: int = WIDTH) -> NDArray[np.float32]:
    """The embedding of a text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    return np.random.default_rng(seed).normal(size=width).astype(np.float32)


def reply_to(user: str) -> str:
    """The answer to a message."""
    return f"reply to {user}"


class OpenAIServer:
    """In a thread of the test; `with OpenAIServer() as server`."""

    def __init__(self, *, seconds: float = 0.0, trouble: Trouble = no_trouble, port: int = 0) -> None:
        self.seconds = seconds
        self.trouble = trouble
        self.requests: list[dict[str, Any]] = []
        """Every request's body, with its `path` and `key`."""
        self.answered: list[str] = []
        """Every text that a vector was given for, or user's message that a reply was written to: what a bill would hold."""
        self.reply: Callable[[str], str] = reply_to
        self.ending = "stop"
        self.held_from = math.inf
        """So many answers are given, and what is asked beyond them waits until this is more."""
        self.under_way = self.most_under_way = 0
        self.files: dict[str, str] = {}
        self.batches: list[dict[str, Any]] = []
        self.batch_polls = 1
        """How often a batch is asked for before it is done."""
        self.batch_ending = "completed"
        self.line_trouble: Callable[[int], dict[str, Any] | None] = lambda number: None
        """`number of the request among those of all batches, from 1 -> what stands in its line instead of a response`."""
        self._lines = 0
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """The address for `base_url`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> OpenAIServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.serve(), self._loop).result(300)
        return self

    def __exit__(self, *failure: object) -> None:
        asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result(300)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(300)
        self._loop.close()

    async def serve(self) -> asyncio.Server:
        """Begin to listen."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def counts(self) -> dict[str, int]:
        """Requests, answers, different answers, and the most that were under way at once."""
        return {
            "requests": len(self.requests),
            "answered": len(self.answered),
            "distinct": len(set(self.answered)),
            "most_under_way": self.most_under_way,
        }

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split()
                said = await self._said(method, path, headers, body)
                writer.write(_written(said))
                await writer.drain()
                if said.cut:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Said:
        if path == "/counts":
            return Said(body=self.counts())
        if "/files" in path or "/batches" in path:
            self.requests.append({"path": path, "method": method, "key": headers.get("authorization", "")})
            if (instead := self.trouble(len(self.requests))) is not None:
                return instead
            return self._batched(method, path.removeprefix("/v1/").partition("?")[0].split("/"), headers, body)
        asked = json.loads(body)
        self.requests.append({**asked, "path": path, "key": headers.get("authorization", "")})
        number = len(self.requests)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
            while len(self.answered) >= self.held_from:
                await asyncio.sleep(0.005)
            if (instead := self.trouble(number)) is not None:
                await asyncio.sleep(instead.seconds)
                return instead
            return self._vectors(asked) if path.endswith("/embeddings") else self._completion(asked)
        finally:
            self.under_way -= 1

    def _batched(self, method: str, path: list[str], headers: dict[str, str], body: bytes) -> Said:
        """What is said of files and batches."""
        match method, path:
            case "POST", ["files"]:
                return Said(body=self._file(_form_file(headers["content-type"], body)))
            case "GET", ["files", name, "content"]:
                return Said(body=self.files[name])
            case "POST", ["batches"]:
                asked = json.loads(body)
                batch = {"id": f"batch-{len(self.batches)}", "object": "batch", "status": "in_progress", "created_at": 0, **asked}
                self.batches.append({**batch, "output_file_id": None, "error_file_id": None, "polls": 0})
                return Said(body=self.batches[-1])
            case "GET", ["batches"]:
                return Said(body={"object": "list", "data": self.batches, "has_more": False})
            case "GET", ["batches", number]:
                (batch,) = (each for each in self.batches if each["id"] == number)
                batch["polls"] += 1
                if batch["polls"] > self.batch_polls and batch["status"] == "in_progress":
                    self._work_off(batch)
                return Said(body=batch)
        return Said(404, "{}")

    def _work_off(self, batch: dict[str, Any]) -> None:
        """Answer the requests of a batch, in another order than they came; of an expired one the first half."""
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        if self.batch_ending != "completed":
            lines = lines[: len(lines) // 2 if self.batch_ending == "expired" else 0]
        done, wrong = [], []
        for line in reversed(lines):
            self._lines += 1
            if (instead := self.line_trouble(self._lines)) is not None:
                wrong.append({"custom_id": line["custom_id"], **instead})
            else:
                said = self._completion(line["body"])
                done.append({"custom_id": line["custom_id"], "response": {"status_code": 200, "body": said.body}, "error": None})
        files = {"output_file_id": done, "error_file_id": wrong}
        batch |= {name: self._file("".join(f"{json.dumps(line)}\n" for line in rows))["id"] for name, rows in files.items() if rows}
        batch["status"] = self.batch_ending

    def _file(self, text: str) -> dict[str, Any]:
        name = f"file-{len(self.files)}"
        self.files[name] = text
        return {
            "id": name,
            "object": "file",
            "bytes": len(text),
            "created_at": 0,
            "filename": name,
            "purpose": "batch",
            "status": "processed",
        }

    def _vectors(self, asked: dict[str, Any]) -> Said:
        self.answered += asked["input"]
        vectors = [vector_of(text, asked.get("dimensions", WIDTH)) for text in asked["input"]]
        entries = [
            {"object": "embedding", "index": place, "embedding": base64.b64encode(vector.tobytes()).decode()}
            for place, vector in enumerate(vectors)
        ]
        entries.reverse()  # the order of the entries is nothing to go by
        usage = {"prompt_tokens": 10 * len(entries), "total_tokens": 10 * len(entries)}
        return Said(body={"object": "list", "model": asked["model"], "data": entries, "usage": usage})

    def _completion(self, asked: dict[str, Any]) -> Said:
        user = asked["messages"][-1]["content"]
        self.answered.append(user)
        return Said(body=completion(asked["model"], self.reply(user), ending=self.ending))


def completion(model: str, reply: str, *, ending: str = "stop") -> dict[str, Any]:
    """A chat completion that read 100 tokens, 40 of them known, and wrote 20."""
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "prompt_tokens_details": {"cached_tokens": 40}}
    choice = {"index": 0, "finish_reason": ending, "message": {"role": "assistant", "content": reply}}
    return {"id": "chat-1", "object": "chat.completion", "created": 0, "model": model, "choices": [choice], "usage": usage}


async def _end_all() -> None:
    """Cancel what is under way on this loop."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _form_file(content_type: str, body: bytes) -> str:
    """The file of a form."""
    boundary = content_type.partition("boundary=")[2].encode()
    (part,) = (part for part in body.split(b"--" + boundary) if b"filename=" in part)
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n").decode()


def _written(said: Said) -> bytes:
    body = (said.body if isinstance(said.body, str) else json.dumps(said.body)).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **said.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {said.status} -\r\n{head}\r\n".encode() + (body[: len(body) // 2] if said.cut else body)


def mixed_faults(part: float, *, seed: int = 0) -> Trouble:
    """Faults of every kind that pass, for this part of the requests."""
    lots = random.Random(seed)
    kinds: list[Callable[[], Said]] = [
        lambda: Said(429, {"error": {"message": "slow down"}}, {"Retry-After": "0.2"}),
        lambda: Said(500, {"error": {"message": "oh"}}),
        lambda: Said(503, ""),
        lambda: Said(200, ""),
        lambda: Said(200, "{"),
        lambda: Said(200, completion("small", "x"), cut=True),
        lambda: Said(200, completion("small", "")),
    ]
    return lambda number: lots.choice(kinds)() if lots.random() < part else None


def main(seconds: float, faults: float) -> None:
    """Serve until killed; the first line printed is the address."""
    server = OpenAIServer(seconds=seconds, trouble=mixed_faults(faults) if faults else no_trouble)

    async def forever() -> None:
        await server.serve()
        print(server.url, flush=True)
        await asyncio.Event().wait()

    asyncio.run(forever())


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
