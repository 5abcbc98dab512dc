"""Runs whose memory runs out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from sracl.errors import ResourceError
from sracl.runs.short_of_memory import memory_in_words
from sracl.tracking import queries
from sracl.tracking.reader import Reader
from tests.support.recipes import called, project, sracl_recipe

LOSS = '''
import numpy as np
import torch
from torch import Tensor


def greedy(states: Tensor, item_table: Tensor, targets: Tensor) -> Tensor:
    """Wants more than there is."""
    {wants}
    return states.mean()
'''
PLAIN = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu", "--quiet")
ON_A_GPU = '"CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which 1.50 GiB is free."'


@pytest.mark.parametrize(
    ("name", "wants", "reason"),
    [
        ("gpu", f"raise torch.OutOfMemoryError({ON_A_GPU})", r"the memory of the GPU \(cpu\) is full: 20.00 GiB more was asked for. "),
        ("blas", 'raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED")', r"the memory of the GPU \(cpu\) is full. "),
        # 2^50 numbers of 4 bytes each are 2^52 bytes, 2^22 GiB
        ("torch", "torch.empty(1 << 50)", r"the memory of this machine is full: 4,194,304.00 GiB more was asked for. "),
        ("numpy", "np.empty(1 << 50, dtype=np.float32)", r"the memory of this machine is full: 4.00 PiB more was asked for. "),
    ],
)
def test_a_run_whose_memory_ran_out_says_what_helps(tmp_path: Path, name: str, wants: str, reason: str) -> None:
    (tmp_path / f"losses_{name}.py").write_text(LOSS.format(wants=wants))
    recipe = str(sracl_recipe(tmp_path, epochs=1))
    done = called("run", recipe, *PLAIN, "--set", f"objective.next.loss=losses_{name}:greedy", environment=project(tmp_path))
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    with Reader.open(tmp_path / ".sracl" / "store.db") as store:
        (run,) = queries.runs(store)
    assert run.state == "failed"
    assert re.match(reason + "Smaller batches need less of it: train.batch_size, evaluation.batch_size", run.reason)
    assert run.reason in done.stderr
    assert not (tmp_path / "runs" / run.id / "traceback.txt").exists()


def test_what_fails_for_another_reason_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="must match the size") as caught, memory_in_words(torch.device("cpu")):
        torch.zeros(2) + torch.zeros(3)
    assert not isinstance(caught.value, ResourceError)
