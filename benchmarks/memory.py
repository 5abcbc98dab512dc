"""The most memory that training and evaluation take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.harness import Case

if TYPE_CHECKING:
    from benchmarks.harness import Options


def cases(options: Options) -> dict[str, list[Case]]:
    """Peaks of the whole process; what it held just before the first step, or ranking, is kept with them."""
    repeats, steps = min(options.repeats, 3), 10 if options.quick else 60
    training = Case(
        "training_memory",
        f"peak memory of {steps} SRA-CL steps, {options.data}, batch 256",
        "MiB",
        "training_memory",
        peer="plain implementation (benchmarks/reference.py)",
        arguments={"data": options.data, "steps": steps},
        prepare="prepare",
        repeats=repeats,
        notes="Largest resident set of a process that loads the data, the semantic tables and the model, and trains.",
    )
    evaluation = Case(
        "evaluation_memory",
        f"peak memory of full ranking, {options.data}",
        "MiB",
        "evaluation_memory",
        peer="RecBole 1.2.1, Trainer.evaluate, eval_batch_size 4096",
        arguments={"data": options.data},
        prepare="prepare",
        recbole=True,
        repeats=repeats,
        notes="Largest resident set of a process that loads the data and the model, and evaluates.",
    )
    return {"training_memory": [training], "evaluation_memory": [evaluation]}
