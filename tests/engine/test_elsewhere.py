"""Every method can be trained on another device than the CPU, and computes there, on the ways of a GPU, what the CPU does.

The device is pretended (`tests.support.elsewhere`): no GPU is needed. That kernels of a real one agree is `test_gpu`'s to tell.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ATTENTION = ["backbone.dropout=0.0", "backbone.attention_dropout=0.0"]
METHODS = {
    "sasrec": ATTENTION,
    "sasrec_original": ATTENTION,
    "bert4rec": ATTENTION,
    "s3rec": ATTENTION,
    "cl4srec": ATTENTION,
    "coserec": ATTENTION,
    "duorec": ATTENTION,
    "iclrec": [*ATTENTION, "objective.intents.warmup_epochs=0"],
    "mclrec": ATTENTION,
    "icsrec": [*ATTENTION, "objective.fine.warmup_epochs=0"],
    "lrd": ["backbone.dropout=0.0"],
    "lrd_aux": ATTENTION,
    "llm_esr": ATTENTION,
    "bsarec": ATTENTION,
    "sasrec_repeat": ATTENTION,
    "sracl": [*ATTENTION, "objective.cross.synthesizer.dropout=0.0"],
}
"""Without chance in the encoder: its masks have the shapes of what is encoded, which are others there. All other draws are the same."""

WAITS = {"bert4rec": ["nonzero in sracl/objectives/cloze.py"], "sasrec_original": ["nonzero in sracl/objectives/next_item.py"]}
"""Where a step waits for a result, once: how many slots are hidden, how many positions are real."""


def elsewhere(wanted: list[str]) -> tuple[list[dict[str, Any]], str]:
    """What `tests.support.elsewhere` prints, and what it says on stderr."""
    command = [sys.executable, "-m", "tests.support.elsewhere", *wanted]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_every_method_computes_elsewhere_what_it_does_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path))
    small = ["data.num_users=120", "train.batch_size=32"]
    found, trouble = elsewhere([" ".join([f"methods/{name}", *small, *sets]) for name, sets in METHODS.items()])
    assert len(found) == len(METHODS), trouble
    for name, one in zip(METHODS, found, strict=True):
        assert one["there"] == pytest.approx(one["here"], rel=1e-4), name  # ranks, too: after an update of every weight
        assert one["waits"] == WAITS.get(name, []), name


MIXED = """
import torch
from tests.support import elsewhere

elsewhere._setup_privateuseone_for_python_backend("elsewhere")
with elsewhere.Devices():
    there = torch.ones(3, device="elsewhere:0")
    assert (there + 1).cpu().tolist() == [2.0, 2.0, 2.0]
    elsewhere.waits.clear()
    there.nonzero(), there[there > 0], there[torch.tensor([0])], there.cpu(), there.sum().item()
    there[there > 0] = there * 2
    torch.arange(3, device="elsewhere:0").repeat_interleave(there.long())
    print(*elsewhere.waits, sep="\\n")
    there + torch.ones(3)
"""


def test_two_devices_in_one_operation_do_not_pass_and_waiting_is_noticed() -> None:
    done = subprocess.run([sys.executable, "-c", MIXED], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "aten.add.Tensor of tensors on two devices: [('elsewhere', (3,)), ('cpu', (3,))]" in done.stderr
    noticed = [line.removesuffix(" in torch") for line in done.stdout.splitlines()]
    once = ["nonzero", "a boolean index", "an index that lies on the CPU", "a copy to the CPU", "_local_scalar_dense"]
    assert noticed == [*once, "a boolean index", "repeat_interleave"]
