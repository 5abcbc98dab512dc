"""What holds for all tests."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before anything loads torch. Processes that share the cores must not wait for one another on all of them: with two threads
    # each, two on two cores took three times as long as one after the other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
