"""Full ranking of every test user among all items, by a model with its initial weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case

if TYPE_CHECKING:
    from benchmarks.harness import Options

RECIPE = "methods/sasrec"


def cases(options: Options) -> dict[str, list[Case]]:
    """Seconds to metrics at 5, 10, 20."""
    case = Case(
        "evaluation",
        f"full ranking of all users of {options.data} among all items, metrics at 5, 10, 20",
        "s",
        "evaluation",
        peer="RecBole 1.2.1, Trainer.evaluate, eval_batch_size 4096",
        arguments={"data": options.data},
        prepare="prepare",
        recbole=True,
        notes="Same architecture, initial weights. Ours ranks with seen items kept and with them excluded; RecBole keeps them.",
    )
    return {"evaluation": [case]}


def prepare(*, data: str, folder: str) -> dict[str, Any]:
    """Write the data set as RecBole reads it."""
    from benchmarks import recbole_peer

    return recbole_peer.write_interactions(data=data, folder=folder)


def ours(*, data: str, folder: str) -> dict[str, Any]:
    """Median of three rankings after one to warm up."""
    from benchmarks import recipe, timing
    from sracl.evaluation.metrics import metrics
    from sracl.evaluation.ranking import rank

    setup = recipe.setup(RECIPE, [f"data.name={data}"])
    parts, settings = setup.parts, setup.values["evaluation"]

    def evaluate() -> None:
        ranks = rank(parts.backbone, parts.test, parts.seen_test, batch_size=settings["batch_size"])
        metrics(ranks.keep.numpy(), settings["cutoffs"], num_items=parts.data.num_items)

    return {"value": timing.milliseconds(evaluate, warmup=1, repeats=3) / 1e3, "users": len(parts.test), "items": parts.data.num_items}


def peer(*, data: str, folder: str) -> dict[str, Any]:
    """The same by RecBole's trainer."""
    from benchmarks import recbole_peer, timing

    config, model, _, _, test = recbole_peer.load(data=data, folder=folder, anomaly=False)
    trainer = recbole_peer.trainer(config, model)
    seconds = timing.milliseconds(lambda: trainer.evaluate(test, load_best_model=False), warmup=1, repeats=3) / 1e3
    return {"value": seconds, "eval_batch_size": config["eval_batch_size"]}
