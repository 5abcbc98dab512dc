"""Puts down what many coroutines have to say, as much at once as comes together while the disk is busy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sracl.llm_providers.desk import Desk, Entry

T = TypeVar("T")


class Journal:
    """Writes to a desk without holding up those who wait for servers: a disk keeps some hundred things a second, one by one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: list[tuple[Callable[[Entry], Any], asyncio.Future[Any]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, write: Callable[[Entry], T]) -> T:
        """Have something written; it is on the disk when this returns.

        Raises:
            BudgetError: The disk is full.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._drain())
        return await done

    async def _drain(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting, []
            try:
                results = await asyncio.to_thread(self._write, [write for write, _ in some])
            except Exception as error:  # it is theirs who wait for it
                for _, done in some:
                    if not done.done():
                        done.set_exception(error)
            else:
                for (_, done), result in zip(some, results, strict=True):
                    if not done.done():
                        done.set_result(result)
        self._writer = None

    def _write(self, writes: Sequence[Callable[[Entry], Any]]) -> list[Any]:
        with self._desk.write() as entry:
            return [write(entry) for write in writes]
