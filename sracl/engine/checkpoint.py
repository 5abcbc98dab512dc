"""Checkpoints: one safetensors file each, replaced atomically, JSON facts in its header, nothing pickled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from sracl.errors import NO_SPACE, BudgetError, DataError
from sracl.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and facts to a file that is complete whenever it exists.

    Raises:
        BudgetError: No space is left; the previous file is untouched.
    """
    # clones, since the format has no place for tensors that share their memory, such as tied weights
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    content = save(copies, metadata={"facts": json.dumps(facts)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda part: part.write_bytes(content), durable=True)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise BudgetError(
                f"no space left for {path} ({len(content) / 1e6:.1f} MB); the previous checkpoint is intact. "
                "Free some space and run the same command again to continue."
            ) from error
        raise


def read(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of a checkpoint.

    Raises:
        DataError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt", device=device) as file:
            facts = json.loads((file.metadata() or {})["facts"])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118  (not a mapping)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise DataError(f"{path} is no readable checkpoint ({error}). Delete it to train this run from its start.") from error


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin so, by what comes after."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def differences(here: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> Iterator[str]:
    """What keeps the tensors of a checkpoint from being those that are here, each as a clause."""
    for name, value in here.items():
        if name not in kept:
            yield f"{name} is not in it"
        elif kept[name].shape != value.shape:
            yield f"{name} is {list(kept[name].shape)} in it and {list(value.shape)} here"
    yield from (f"{name} is in it and not here" for name in kept if name not in here)
