"""How time grows with the work: the slope of log time over log size, 1 where it is linear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.harness import Options

ITEMS, SAMPLES = 12_000, 20_000
WARMUP, ROUNDS = 2, 7


def cases(options: Options) -> dict[str, list[Case]]:
    """One result for each size that is varied; the others stay at batch 256, L 20, k 10, 12,000 items."""

    def case(name: str, what: str, side: str, sizes: Sequence[int], notes: str = "") -> Case:
        sizes = sizes[:3] if options.quick else sizes
        return Case(
            f"growth_{name}",
            f"{what}, {', '.join(f'{size:,}' for size in sizes)}: exponent",
            "",
            "growth",
            sides=("ours",),
            arguments={"vary": side, "sizes": list(sizes)},
            repeats=min(options.repeats, 3),
            notes=f"Generated data, histories of full length. {notes}".strip(),
        )

    rest = "Fitted to the time beyond that of the first size, which is the rest of the work."
    return {
        "growth": [
            case("batch", "SRA-CL step over sequences in the batch", "batch_size", (64, 128, 256, 512, 1024)),
            case("length", "SRA-CL step over L", "length", (10, 20, 50)),
            case("neighbours", "SRA-CL step over k", "neighbours", (0, 5, 10, 20), rest),
            case("users", "evaluation over users", "users", (1_000, 4_000, 16_000)),
            case("items", "evaluation of 2,000 users over items", "items", (100, 10_000, 40_000, 160_000), rest),
        ]
    }


def ours(*, vary: str, sizes: list[int], folder: str) -> dict[str, Any]:
    """The exponent, and the median milliseconds at each size; sizes take turns, so that a busy moment hits all alike."""
    from statistics import median

    from benchmarks import timing

    build: Callable[..., Callable[[], object]] = evaluation if vary in ("users", "items") else step
    works = {size: build(**{vary: size}) for size in sizes}
    rounds = [{size: timing.milliseconds(work, warmup=0, repeats=1) for size, work in works.items()} for _ in range(WARMUP + ROUNDS)]
    points = [(size, median(times[size] for times in rounds[WARMUP:])) for size in sizes]
    rest = points[0][1] if vary in ("neighbours", "items") else 0.0
    return {"value": exponent([(size, time - rest) for size, time in points if time > rest]), "points": points}


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Slope of log y over log x by least squares."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def step(*, batch_size: int = 256, length: int = 20, neighbours: int = 10) -> Callable[[], object]:
    """A function that makes an SRA-CL step; without neighbours it has no contrast across sequences."""
    import torch

    from sracl.augmenters.semantic_substitute import SemanticSubstitute
    from sracl.data.samples import SequenceNeighbours
    from sracl.engine.phases import parameters
    from sracl.engine.step import Weighted, training_loss
    from sracl.losses.cross_entropy import cross_entropy
    from sracl.losses.nt_xent import nt_xent
    from sracl.objectives.cross_sequence import CrossSequence
    from sracl.objectives.intra_sequence import IntraSequence
    from sracl.objectives.next_item import NextItem
    from sracl.optimizers.adam import Adam
    from sracl.synthesizers.attention import Attention

    generator = torch.Generator().manual_seed(0)
    samples = histories(SAMPLES, length, ITEMS)
    backbone = sasrec(ITEMS, length)
    similar = torch.randint(1, ITEMS + 1, (ITEMS + 1, 10), generator=generator)
    similar[0] = 0
    objectives = [
        Weighted("next", 1.0, NextItem(loss=cross_entropy)),
        Weighted("intra", 0.1, IntraSequence(augmenter=SemanticSubstitute(similar, generator), loss=nt_xent)),
    ]
    if neighbours:
        ids = torch.randint(SAMPLES, (SAMPLES, neighbours), generator=generator)
        found = SequenceNeighbours(ids, torch.arange(SAMPLES), samples, torch.rand(SAMPLES, 128, generator=generator))
        objectives.append(Weighted("cross", 0.1, CrossSequence(found, synthesizer=Attention(found, generator), loss=nt_xent)))
    optimizer = Adam()(parameters(backbone, objectives))

    def train() -> None:
        rows = torch.randint(SAMPLES, (batch_size,), generator=generator)
        loss, _ = training_loss(backbone, objectives, samples.batch(rows))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return train


def evaluation(*, users: int = 2_000, items: int = ITEMS) -> Callable[[], object]:
    """A function that ranks all items for these users."""
    from sracl.evaluation.ranking import rank

    table = histories(users, 20, items)
    backbone = sasrec(items, 20)
    seen = table.items.view(users, 20)
    return lambda: rank(backbone, table, seen)


def histories(count: int, length: int, items: int) -> Any:
    """A `SequenceTable` of random histories, all of full length."""
    import torch

    from sracl.data.samples import SequenceTable

    generator = torch.Generator().manual_seed(1)
    chosen = torch.randint(1, items + 1, (count * length,), generator=generator)
    starts = torch.arange(count) * length
    targets = torch.randint(1, items + 1, (count,), generator=generator)
    return SequenceTable(chosen, starts, starts + length, max_length=length, users=torch.arange(count), targets=targets)


def sasrec(items: int, length: int) -> Any:
    """A SASRec with initial weights and default sizes."""
    import torch

    from sracl.backbones.sasrec import SASRec
    from sracl.interfaces import SequenceSpec

    torch.manual_seed(0)
    return SASRec(SequenceSpec(items, length))
