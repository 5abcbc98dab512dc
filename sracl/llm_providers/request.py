"""A request, as the answers to it are kept: all that decides them, and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Request:
    """All that decides an answer."""

    provider: str
    """Who is asked: the address of a server, or the name of a component that computes answers itself."""
    model: str
    body: Mapping[str, Any]
    """The full request."""
    sample: int = 0
    """Number of the answer, for whoever wants several to one request."""

    @cached_property
    def text(self) -> str:
        """The body as JSON that is the same text for equal bodies."""
        return json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @cached_property
    def key(self) -> str:
        """Hash of all of it, 64 hexadecimal digits."""
        decisive = json.dumps([self.provider, self.model, self.text, self.sample], ensure_ascii=False)
        return hashlib.sha256(decisive.encode()).hexdigest()
