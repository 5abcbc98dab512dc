"""A training step with the encoder in bfloat16, beside the same in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case

if TYPE_CHECKING:
    from benchmarks.harness import Options

METHODS = ("sasrec", "sracl")
WIDTHS = (64, 256)


def cases(options: Options) -> dict[str, list[Case]]:
    """Two methods in two widths; a ratio above 1 says that bfloat16 is faster."""
    return {
        "precision": [
            Case(
                f"precision_{name}_{width}",
                f"step of methods/{name} in bfloat16, {options.data}, batch 256, d {width}",
                "ms",
                "precision",
                peer="float32",
                arguments={"name": name, "width": width, "data": options.data, "warmup": 2, "steps": 3 if options.quick else 10},
                prepare="prepare",
                repeats=min(options.repeats, 3),
            )
            for name in METHODS
            for width in WIDTHS
        ]
    }


def prepare(*, name: str, width: int, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """Fill the cache of texts, vectors and neighbours."""
    from benchmarks import recipe

    recipe.setup(f"methods/{name}", [f"data.name={data}"])
    return {}


def ours(*, name: str, width: int, data: str, warmup: int, steps: int, folder: str, precision: str = "bfloat16") -> dict[str, Any]:
    """Median milliseconds a step; the feed-forward part is four times as wide as the states."""
    from benchmarks import recipe, timing

    sizes = [f"backbone.hidden_size={width}", f"backbone.inner_size={4 * width}"]
    setup = recipe.setup(f"methods/{name}", [f"data.name={data}", "train.batch_size=256", f"train.precision={precision}", *sizes])
    step = recipe.stepper(setup.parts)
    return timing.turns((step(rows) for rows in setup.steps(warmup + steps)), warmup=warmup)


def peer(*, name: str, width: int, data: str, warmup: int, steps: int, folder: str) -> dict[str, Any]:
    """The same in float32."""
    return ours(name=name, width=width, data=data, warmup=warmup, steps=steps, folder=folder, precision="float32")
