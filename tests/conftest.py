"""What holds for all tests."""

from __future__ import annotations

import os

# Before anything loads torch. Processes that share the cores must not wait for one another on all of them: with two threads each,
# two on two cores took three times as long as one after the other. Runs within the tests then equal those of `project`, too.
os.environ.setdefault("OMP_NUM_THREADS", "1")
