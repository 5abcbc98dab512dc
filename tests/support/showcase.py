"""An experiment that nobody ran, always the same: what snapshots and the pictures of README and docs/ show.

python -m tests.support.showcase docs        # renews the pictures
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import sqlite3
import sys
import tempfile
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from sracl.runs.exhibit import FILE, Item, Neighbour, Sequence, write
from sracl.tracking import identity
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.settings import Settings

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
_CLOCKS = ("sracl.tracking.queries", "sracl.tracking.jobs", "sracl.tui.runs.screen", "sracl.tui.run.screen", "sracl.tui.queue.screen")
_EPOCHS = 40
_REMOTE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Fonts that a picture would have its viewer fetch."""

PICTURES = {
    "runs": ((), "12 runs"),
    "run": (("j", "enter", "C"), "loss: 4"),
    "compare": (("4",), "vs w/o CL"),
    "neighbours": (("6", "u"), "Weights are those"),
}
"""Name -> keys that lead there, and what the screen shows then."""


def fill(home: Path) -> Path:
    """Write the store; its file."""
    path = home / ".sracl" / "store.db"
    variants = {"SRA-CL": 0.104, "Unlearnable": 0.100, "w/o cross": 0.095, "w/o CL": 0.091}
    with Store.open(path) as store:
        store.recipe("ablation", report={"baseline": "w/o CL"}, source="ablation.toml")
        number = 0
        for seed in (2024, 2025, 2026):
            for ordinal, (variant, best) in enumerate(variants.items()):
                run_id = f"{(number * 2654435761 + 0x5AC1) % 16**10:010x}"
                _run(store, run_id, variant, ordinal, seed, best + (seed - 2025) / 1000, home, last=number == 11, failed=number == 6)
                number += 1
    _exhibit(home / "exhibit")
    with closing(sqlite3.connect(path)) as connection, connection:
        for row in range(1, 13):
            moment = (NOW - timedelta(minutes=17 * (13 - row))).strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute(
                "UPDATE run SET created = ?, heartbeat = ? WHERE number = ?", (moment, NOW.strftime("%Y-%m-%d %H:%M:%S.%f"), row)
            )
        connection.execute("UPDATE artifact SET path = ?", (str(home / "exhibit" / FILE),))
    return path


def _run(store: Store, run_id: str, variant: str, ordinal: int, seed: int, best: float, home: Path, *, last: bool, failed: bool) -> None:
    values = {"train": {"epochs": _EPOCHS, "batch_size": 256}, "backbone": {"use": "sasrec", "hidden_size": 64}}
    store.register(
        run_id=run_id,
        digest=run_id,
        recipe="ablation",
        variant=variant,
        cell={},
        seed=seed,
        label=f"ablation/{variant}",
        dataset="demo",
        values={**values, "evaluation": {"cutoffs": [10]}},
        origins={"backbone.use": "ablation.toml:8"},
        leaky=(),
        folder=str(home / "runs" / run_id),
        environment={"torch": "2.13.0"},
        ordinal=ordinal,
    )
    store.start(run_id, identity.current(), {"device": "cuda"})
    for epoch in range(1, 13 if last else 20 if failed else _EPOCHS + 1):
        share = 1 - math.exp(-epoch / 9)
        wave = math.sin(epoch * 1.7 + seed) / 40
        figures = {
            "loss": 7.4 - 3.1 * share + wave,
            "cross": 2.2 - share + wave,
            "intra": 1.9 - 1.2 * share,
            "valid.mrr@10": best * (share + wave),
            "seconds.train": 21.5 + wave,
            "seconds.validate": 1.8,
        }
        store.log(run_id, epoch, {**figures, "valid.ndcg@10": 1.3 * best * (share + wave), "valid.hr@10": 2 * best * (share + wave)})
    if failed:
        store.finish(run_id, "failed", "the loss is nan after epoch 19")
    elif not last:
        store.metrics(
            run_id, split="test", protocol={"seen_items": "keep"}, group="all", values={"ndcg@10": best, "hr@10": 2.1 * best}, count=300
        )
        store.artifact(run_id, name="exhibit", path="", digest="", size=1, facts={})
        store.finish(run_id, "completed")


def _exhibit(folder: Path) -> None:
    folder.mkdir(parents=True)
    names = ("Rose hand balm", "Shea lip balm", "Almond hand cream", "Clay face mask", "Green tea toner", "Charcoal mask")
    texts = (
        "for dry hands, with a scent of roses",
        "cares for cracked lips",
        "rich, for the night",
        "draws oil from the skin",
        "calms red skin",
        "for pores",
    )
    pairs = {
        1: ((3, 0.83), (2, 0.61)),
        2: ((1, 0.61), (3, 0.52)),
        3: ((1, 0.83), (2, 0.52)),
        4: ((6, 0.88),),
        5: ((4, 0.44),),
        6: ((4, 0.88),),
    }
    items = [Item(n, f"B{n:04}", name, text, pairs[n]) for n, (name, text) in enumerate(zip(names, texts, strict=True), start=1)]
    near = (
        Neighbour("user-0107 up to 4", (3, 1, 2), "cares for dry skin, at night", 0.79, 0.55),
        Neighbour("user-0031 up to 3", (2, 1), "buys balms, of roses mostly", 0.71, 0.32),
        Neighbour("user-0244 up to 5", (1, 5, 4), "hands first, then the face", 0.58, 0.13),
    )
    sequences = [Sequence(0, "user-0003", (2, 1, 3, 4), "likes balms for hands and lips, and tries masks", near)]
    facts = {"dataset": "demo", "users": 1, "items": 6, "has_items": True, "has_sequences": True, "weighed_by": "attention"}
    write(folder / FILE, facts={**facts, "substitution": {"ratio": 0.5, "count": "exact"}}, items=items, sequences=sequences)


async def picture(app: SraclApp, *keys: str, size: tuple[int, int], shows: str) -> str:
    """The screen as SVG, when it shows a text after these keys."""
    from tests.tui.support import shows as shown

    with ExitStack() as stopped:
        for module in _CLOCKS:
            stopped.enter_context(patch(f"{module}.now", lambda: NOW))
        async with app.run_test(size=size) as pilot:
            if size[0] >= 80:
                await shown(pilot, "12 runs")
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            await shown(pilot, shows)
            drawn: list[str] = []
            while len(drawn) < 3 or len(set(drawn[-3:])) > 1:  # until nothing moves any more
                await pilot.pause(0.1)
                drawn.append(_REMOTE.sub("", app.export_screenshot(title="sracl")))
            return drawn[-1]


def main(folder: Path) -> None:
    """Write the pictures."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        home = Path(made) / "project"
        os.environ |= {"SRACL_HOME": str(home), "SRACL_CONFIG_DIR": made}
        path = fill(home)
        for name, (keys, shows) in PICTURES.items():
            svg = asyncio.run(picture(SraclApp(path, Settings()), *keys, size=(100, 28), shows=shows))
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
