"""The loss of the next item over growing catalogues: forward, backward, optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from benchmarks.harness import Options

    Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

BATCH, WIDTH = 256, 64
LOSSES = {
    "exact": "Exact.",
    "sampled": "A sample of 1,024 items with logQ correction: an estimate, where the peer is exact.",
    "sampled_sparse": "The same with sparse gradients and lazy_adam, which moves only the rows that a step met.",
}


def cases(options: Options) -> dict[str, list[Case]]:
    """10 thousand to a million items, exact and sampled."""
    sizes = (10_000, 50_000) if options.quick else (10_000, 100_000, 1_000_000)
    return {
        "catalogue": [
            Case(
                f"catalogue_{loss}_{items}",
                f"next-item step of {items:,} items, d {WIDTH}, batch {BATCH}, {loss}",
                "ms",
                "catalogue",
                peer="F.cross_entropy of all logits, torch.optim.Adam",
                arguments={"items": items, "loss": loss, "steps": 5 if items > 100_000 else 15},
                repeats=min(options.repeats, 3),
                notes=f"{about} Peak memory of each process, MiB, is among the details.",
            )
            for loss, about in LOSSES.items()
            for items in sizes
        ]
    }


def ours(*, items: int, loss: str, steps: int, folder: str) -> dict[str, Any]:
    """Milliseconds a step with our loss and optimizer."""
    import torch

    from sracl.losses.cross_entropy import cross_entropy
    from sracl.losses.sampled_softmax import SampledSoftmax
    from sracl.optimizers.adam import Adam
    from sracl.optimizers.lazy_adam import LazyAdam

    if loss == "exact":
        return _measure(cross_entropy, Adam(), items, steps)
    sparse = loss == "sampled_sparse"
    sampled = SampledSoftmax(torch.Generator().manual_seed(0), num_negatives=1024, sparse_gradients=sparse)
    return _measure(sampled, LazyAdam() if sparse else Adam(), items, steps)


def peer(*, items: int, loss: str, steps: int, folder: str) -> dict[str, Any]:
    """The same with all logits at once."""
    import torch
    import torch.nn.functional as F

    def cross_entropy(states: Tensor, item_table: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(states @ item_table[1:].T, targets - 1)

    return _measure(cross_entropy, torch.optim.Adam, items, steps)


def _measure(loss: Loss, adam: Callable[..., Any], items: int, steps: int) -> dict[str, Any]:
    import torch

    from benchmarks import timing
    from benchmarks.machine import peak_memory

    torch.manual_seed(0)
    table = torch.nn.Parameter(torch.randn(items + 1, WIDTH) * 0.02)
    states = torch.nn.Parameter(torch.randn(BATCH, WIDTH))
    targets = torch.randint(1, items + 1, (BATCH,))
    optimizer = adam([table, states])

    def step() -> None:
        value = loss(states, table, targets)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()

    before = peak_memory()
    milliseconds = timing.milliseconds(step, warmup=2, repeats=steps)
    return {"value": milliseconds, "before_mib": before, "peak_mib": peak_memory()}
