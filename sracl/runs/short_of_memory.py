"""Memory that ran out, in the user's words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from sracl.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_A_GPU = re.compile(r"out of memory|STATUS_ALLOC_FAILED")
_OF_THE_PROCESSOR = re.compile(r"DefaultCPUAllocator|not enough memory")
"""Of what is raised as a mere RuntimeError: by libraries beside CUDA, and by torch where the processor's memory runs out."""

_WANTED = re.compile(r"(?:tried|unable) to allocate ([\d.,]+ ?\w+)", re.IGNORECASE)

_GIB = 1 << 30


@contextmanager
def memory_in_words(device: torch.device) -> Iterator[None]:
    """Whatever is being computed when the memory runs out.

    Args:
        device: Where tensors live.

    Raises:
        ResourceError: It did: with how much was wanted, as far as that is known, and what helps.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is one of the latter
        if (whose := _whose(error, device)) is None:
            raise
        raise ResourceError(
            f"{whose} is full{_wanted(str(error))}. Smaller batches need less of it: train.batch_size, evaluation.batch_size, or the "
            "batch_size of a text encoder or language model on this machine. Where jobs share a GPU, `vram` under [resources] says "
            "how much of it each needs."
        ) from error


def _whose(error: Exception, device: torch.device) -> str | None:
    """The memory that ran out; None where it was something else that went wrong."""
    if isinstance(error, MemoryError) or _OF_THE_PROCESSOR.search(str(error)):
        return "the memory of this machine"
    if isinstance(error, torch.OutOfMemoryError) or _OF_A_GPU.search(str(error)):
        return f"the memory of the GPU ({device})"
    return None


def _wanted(said: str) -> str:
    """How much more was asked for; nothing where that is not told."""
    if not (found := _WANTED.search(said)):
        return ""
    amount = found[1]
    if amount.endswith("bytes"):
        amount = f"{int(amount.removesuffix('bytes')) / _GIB:,.2f} GiB"
    return f": {amount} more was asked for"
