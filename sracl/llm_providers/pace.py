"""How long a server asks to be left alone, for all requests of a call together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_SECONDS = 1.0
"""Seconds between looks at whether there is still anything to wait for."""


class Pace:
    """The waits that a server asks for; those that overlap count once.

    Args:
        patience: Seconds that it may ask for, altogether.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._waited = 0.0
        self._not_before = 0.0

    def wait(self, seconds: float) -> bool:
        """Nobody is to send anything for this long; whether that is within patience."""
        now = asyncio.get_running_loop().time()
        self._waited += max(0.0, now + seconds - max(now, self._not_before))
        if self._waited > self.patience:
            return False
        self._not_before = max(self._not_before, now + seconds)
        return True

    async def pause(self, *, unless: Callable[[], bool]) -> None:
        """Wait until requests may be sent, or until there is no point in it."""
        while not unless() and (left := self._not_before - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, _LOOK_SECONDS))
