"""One seed, many independent streams: every part that draws has a generator named after its place in the recipe."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator


def derive(seed: int, name: str) -> int:
    """A 63-bit seed for the stream of this name; adding a stream never changes another."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Streams:
    """All random streams of a run: the named ones, and torch's global one, which belongs to the backbone's dropout.

    Args:
        seed: The run's seed.
        device: Where named generators live.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed = seed
        self.device = device
        self._named: dict[str, torch.Generator] = {}

    def named(self, name: str) -> torch.Generator:
        """The generator of this name, made at first use."""
        if name not in self._named:
            self._named[name] = torch.Generator(self.device).manual_seed(derive(self.seed, name))
        return self._named[name]

    @contextmanager
    def initialising(self, name: str) -> Iterator[None]:
        """Within, the global generator is seeded for the initial weights of this part."""
        torch.manual_seed(derive(self.seed, f"init/{name}"))
        yield

    def start(self) -> None:
        """Seed the global generator for training."""
        torch.manual_seed(derive(self.seed, "dropout"))

    def state(self) -> dict[str, Tensor]:
        """State of every stream, uint8."""
        states = {f"named/{name}": generator.get_state() for name, generator in self._named.items()}
        states["global"] = torch.get_rng_state()
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    def restore(self, states: dict[str, Tensor]) -> None:
        """Set every stream to a state from `state`."""
        for name, generator in self._named.items():
            generator.set_state(states[f"named/{name}"])
        torch.set_rng_state(states["global"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.device)
