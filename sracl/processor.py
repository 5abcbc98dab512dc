"""What the processor is, and has instructions for."""

from __future__ import annotations

import platform
from pathlib import Path

import torch


def name(device: torch.device) -> str:
    """What computes on a device, as its maker calls it; the kind of machine where nobody says."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not on Linux
        lines = []
    told = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return told or platform.processor() or platform.machine()


def multiplies_bf16() -> bool:
    """Whether it multiplies matrices of bfloat16 faster than those of float32; False where torch does not tell."""
    features = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))
