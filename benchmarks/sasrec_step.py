"""One training step of SASRec: batch, loss, backward, optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.harness import SLEEPING, Case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.harness import Options

RECIPE = "methods/sasrec"


def cases(options: Options) -> dict[str, list[Case]]:
    """Beside RecBole with and without the search for anomalies that importing its models switches on."""

    def case(name: str, mode: str, *, anomaly: bool, how: str = "", environment: Mapping[str, str] | None = None) -> list[Case]:
        return [
            Case(
                name,
                f"SASRec step, {options.data}, batch 256{how}",
                "ms",
                "sasrec_step",
                sides=("ours", "peer", "floor"),
                peer=f"RecBole 1.2.1, anomaly mode {mode}",
                arguments={"data": options.data, "warmup": 5, "steps": 10 if options.quick else 40, "anomaly": anomaly},
                prepare="prepare",
                recbole=True,
                environment=environment or {},
                notes=f"torch.autograd anomaly mode of the peer: {mode}; ours always without it.",
            )
        ]

    return {
        "sasrec_step": case("sasrec_step", "off", anomaly=False),
        "sasrec_step_passive": case("sasrec_step_passive", "off", anomaly=False, how=", idle threads sleep", environment=SLEEPING),
        "sasrec_step_as_shipped": case("sasrec_step_as_shipped", "on, as shipped", anomaly=True),
    }


def prepare(*, data: str, warmup: int, steps: int, anomaly: bool, folder: str) -> dict[str, Any]:
    """Write the data set as RecBole reads it."""
    from benchmarks import recbole_peer

    return recbole_peer.write_interactions(data=data, folder=folder)


def ours(*, data: str, warmup: int, steps: int, anomaly: bool, folder: str) -> dict[str, Any]:
    """Median milliseconds a step."""
    from benchmarks import recipe, timing

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    step = recipe.stepper(setup.parts)
    return timing.turns((step(rows) for rows in setup.steps(warmup + steps)), warmup=warmup)


def peer(*, data: str, warmup: int, steps: int, anomaly: bool, folder: str) -> dict[str, Any]:
    """The same with RecBole's loader and model."""
    from itertools import islice

    from benchmarks import recbole_peer, timing

    config, model, train, _, _ = recbole_peer.load(data=data, folder=folder, anomaly=anomaly)
    return timing.turns(islice(recbole_peer.training_steps(config, model, train), warmup + steps), warmup=warmup)


def floor(*, data: str, warmup: int, steps: int, anomaly: bool, folder: str) -> dict[str, Any]:
    """Matrix products of the minimal arithmetic of the same steps."""
    from benchmarks import floor, recipe

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    return floor.measure(setup, setup.steps(warmup + steps)[warmup:])
