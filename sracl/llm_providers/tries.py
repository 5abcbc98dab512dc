"""The tries that a client makes by itself: how many were sent, and of how many nobody knows whether they were paid for."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

    import openai


@dataclass
class Tries:
    """Of one request."""

    sent: int = 0
    refused: int = 0
    """Answered by an error or sent on to another address, and so not paid for."""

    @property
    def others(self) -> int:
        """Those that broke off before the last one, which the client reports: the server may have answered into the void."""
        return max(0, self.sent - self.refused - 1)


_CURRENT: ContextVar[Tries] = ContextVar("tries")


def counted() -> Tries:
    """Counts what this task sends from here on."""
    tries = Tries()
    _CURRENT.set(tries)
    return tries


def transport() -> openai.DefaultAsyncHttpxClient:
    """What a client is to send with so that its tries are counted."""
    import openai

    async def sent(request: Any) -> None:
        _CURRENT.get().sent += 1

    async def heard(response: Any) -> None:
        _CURRENT.get().refused += response.status_code >= 300

    return openai.DefaultAsyncHttpxClient(verify=_certificates(), event_hooks={"request": [sent], "response": [heard]})


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Shared by all clients: reading them takes longer than anything else about a client."""
    import httpx2

    return httpx2.create_ssl_context()
