"""The width that an objective was made for, and the one that it meets."""

from __future__ import annotations

from sracl.errors import PluginError


def refuse_other_width(hidden_size: int, width: int, *, objective: str = "an objective") -> None:
    """See that an objective's parameters are as wide as what they meet.

    Args:
        hidden_size: Width that the objective was made for.
        width: Width of the backbone's states, which is that of its item vectors.
        objective: Whose hidden_size it is.

    Raises:
        PluginError: They differ.
    """
    if width != hidden_size:
        raise PluginError(
            f"{objective} has hidden_size = {hidden_size}, but the backbone's states are {width} wide; set its hidden_size to {width} too."
        )
