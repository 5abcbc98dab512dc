"""Stop when validation has not improved for a while, and remember which epoch was best."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class EarlyStopping:
    """Watches one metric; larger is better; nothing is rounded, and a tie is no improvement.

    Args:
        metric: Name of the watched value, such as `valid.mrr@10`.
        patience: Epochs without improvement after which training stops; None: never.
    """

    metric: str
    patience: int | None
    best: float = float("-inf")
    best_epoch: int = 0
    last_epoch: int = 0

    def update(self, epoch: int, value: float) -> bool:
        """Take in an epoch's value; True when it is the best so far."""
        self.last_epoch = epoch
        if value > self.best:
            self.best, self.best_epoch = value, epoch
            return True
        return False

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self.last_epoch - self.best_epoch >= self.patience

    def state(self) -> dict[str, float | int]:
        """What a checkpoint keeps."""
        kept = asdict(self)
        return {name: kept[name] for name in ("best", "best_epoch", "last_epoch")}

    def restore(self, state: dict[str, float | int]) -> None:
        """Continue from `state`."""
        self.best, self.best_epoch, self.last_epoch = float(state["best"]), int(state["best_epoch"]), int(state["last_epoch"])
