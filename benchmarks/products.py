"""Counts the arithmetic of matrix products, hand-written derivatives included, where torch's own counter passes over some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from torch import Tensor

FIRST_FACTOR = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1}
"""Operations, in place or not -> the argument that is the left factor; the right one follows."""


class Products(TorchDispatchMode):
    """While it is entered, adds up the multiplications of all matrix products, of the way back too; slows them all down."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.multiplications = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        """Carry the operation out, and count it if it is one of products."""
        place = FIRST_FACTOR.get(func._schema.name.removeprefix("aten::").removesuffix("_"))
        if place is not None:
            left: Tensor = args[place]
            right: Tensor = args[place + 1]
            self.multiplications += left.numel() * right.shape[-1]
        return func(*args, **(kwargs or {}))
