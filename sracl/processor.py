"""What the processor has instructions for."""

from __future__ import annotations

import torch


def multiplies_bf16() -> bool:
    """Whether it multiplies matrices of bfloat16 faster than those of float32; False where torch does not tell."""
    features = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))
