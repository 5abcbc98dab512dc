"""What holds for all tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

# Before anything loads torch. Processes that share the cores must not wait for one another on all of them: with two threads each,
# two on two cores took three times as long as one after the other. Runs within the tests then equal those of `project`, too.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules of tests, with torch and all else they import, stay to the end: no search for garbage walks through them.

    Else each takes half a second, of which every process of `pytest -n auto` spends three on its imports alone.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
