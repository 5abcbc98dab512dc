"""The most memory that training SRA-CL takes."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import peak_memory

RECIPE = "methods/sracl"


def prepare(*, data: str, steps: int, folder: str) -> dict[str, Any]:
    """Fill the cache of texts, vectors and neighbours."""
    from benchmarks import recipe

    recipe.setup(RECIPE, [f"data.name={data}"])
    return {}


def ours(*, data: str, steps: int, folder: str) -> dict[str, Any]:
    """MiB after these steps, and before the first."""
    from benchmarks import recipe

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    step, batches = recipe.stepper(setup.parts), setup.steps(steps)
    before = peak_memory()
    for rows in batches:
        step(rows)
    return {"value": peak_memory(), "before": before}


def peer(*, data: str, steps: int, folder: str) -> dict[str, Any]:
    """The same for the plain implementation."""
    from benchmarks import recipe, reference

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    training = reference.train(setup, setup.steps(steps))
    before = peak_memory()
    for _ in training:
        pass
    return {"value": peak_memory(), "before": before}
