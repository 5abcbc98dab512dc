"""One training step of SRA-CL: batch, losses, backward, optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.harness import NEVER_UNMAP, SLEEPING, Case

if TYPE_CHECKING:
    from benchmarks.harness import Options

RECIPE = "methods/sracl"
PEER = "plain implementation (benchmarks/reference.py)"


def cases(options: Options) -> dict[str, list[Case]]:
    """As the system has it, with an allocator that never gives pages back, and with threads that sleep between parallel parts."""
    shared: dict[str, Any] = {
        "unit": "ms",
        "module": "sracl_step",
        "sides": ("ours", "peer", "floor"),
        "peer": PEER,
        "arguments": {"data": options.data, "warmup": 5, "steps": 5 if options.quick else 30},
        "prepare": "prepare",
    }
    what = f"SRA-CL step, {options.data}, batch 256"
    neutral = Case("sracl_step_malloc_neutral", f"{what}, malloc never unmaps", environment=NEVER_UNMAP, **shared)
    passive = Case("sracl_step_passive", f"{what}, idle threads sleep", environment=SLEEPING, **shared)
    return {"sracl_step": [Case("sracl_step", what, **shared)], "sracl_step_malloc_neutral": [neutral], "sracl_step_passive": [passive]}


def prepare(*, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """Fill the cache of texts, vectors and neighbours."""
    from benchmarks import recipe

    recipe.setup(RECIPE, [f"data.name={data}"])
    return {}


def ours(*, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """Median milliseconds a step."""
    from benchmarks import recipe, timing

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    step = recipe.stepper(setup.parts)
    return timing.turns((step(rows) for rows in setup.steps(warmup + steps)), warmup=warmup)


def peer(*, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """The same batches through the plain implementation."""
    from benchmarks import recipe, reference, timing

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    return timing.turns(reference.train(setup, setup.steps(warmup + steps)), warmup=warmup)


def floor(*, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """Matrix products of the minimal arithmetic of the same steps."""
    from benchmarks import floor, recipe

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    return floor.measure(setup, setup.steps(warmup + steps)[warmup:])
