"""Samples without values: on the device `meta` whatever would make the host wait for one raises."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sracl.data.samples import SequenceTable


def samples(monkeypatch: pytest.MonkeyPatch) -> SequenceTable:
    """Nine samples of up to eight items; draws work as well."""
    for name in ("rand", "randint"):  # `meta` has no random generators; draws need only their shape
        draw: Any = getattr(torch, name)
        monkeypatch.setattr(torch, name, lambda *args, draw=draw, generator=None, **kwargs: draw(*args, **kwargs))
    with torch.device("meta"):
        ids = torch.zeros(9, dtype=torch.int64)
        return SequenceTable(torch.zeros(40, dtype=torch.int64), ids, ids, max_length=8, users=ids, targets=ids)
