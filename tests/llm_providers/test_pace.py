"""Waits that a server asks for."""

from __future__ import annotations

import asyncio

from sracl.llm_providers.pace import Pace


async def test_waits_that_overlap_count_once() -> None:
    pace = Pace(10.0)
    assert all(pace.wait(9.0) for _ in range(5))
    assert not pace.wait(11.0)


async def test_requests_pause_until_they_may_be_sent_or_there_is_no_point_in_it() -> None:
    pace = Pace(60.0)
    begun = asyncio.get_running_loop().time()
    pace.wait(0.05)
    await pace.pause(unless=lambda: False)
    assert asyncio.get_running_loop().time() - begun >= 0.05
    pace.wait(50.0)
    await asyncio.wait_for(pace.pause(unless=lambda: True), 1.0)
