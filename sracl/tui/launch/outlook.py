"""What a dry run says, as the screen shows it: totals first, then runs and stages; and what became of runs that were enqueued."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sracl.runs.screen import duration
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

_TIMED, _ABSENT = "timed here", "data set absent"


def outlook(found: Mapping[str, Any]) -> Group:
    """The matrix of runs with states and times, and the stages with what is cached.

    Args:
        found: What `sracl run RECIPE --dry-run --json` says.
    """
    runs, stages = found["runs"], found["stages"]
    parts: list[RenderableType] = [Text(totals(runs, stages), style="bold"), Text(), _runs(runs)]
    if stages:
        parts += [Text(), _stages(stages)]
    if requests := found["requests"]:
        parts += [Text(), _requests(requests)]
    return Group(*parts)


def describes(found: Mapping[str, Any]) -> bool:
    """Whether texts are written for these runs, which a language model might be paid for."""
    return any("describe " in stage["name"] for stage in found["stages"])


def charges(found: Sequence[Mapping[str, Any]]) -> Group:
    """What each language model would charge for the texts of the recipe.

    Args:
        found: What `sracl llm plan RECIPE --json` says.
    """
    parts: list[RenderableType] = []
    for outlay in found:
        table = _grid("US dollars", "language model", "price of")
        for price in outlay["prices"]:
            batch = ", in batches" if price["batch"] else ""
            table.add_row(Text(f"{price['total']:.2f}"), Text(f"{price['llm']}{batch}"), Text(price["price_date"]))
        parts += [Text(), Text(f"What language models would charge for its texts ({outlay['dataset']}):", style="bold"), table]
    return Group(*parts)


def totals(runs: Sequence[Mapping[str, Any]], stages: Sequence[Mapping[str, Any]]) -> str:
    """How many runs, in which states, for how long; how many stages are cached."""
    kinds = Counter("same as another" if run["state"].startswith("same") else run["state"].partition(",")[0] for run in runs)
    left = [run for run in runs if run["state"] != "done" and not run["state"].startswith("same")]
    lines = [f"{how_many(len(runs), 'run')}: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}"]
    hindered = [run["basis"] for run in left if run["seconds"] is None]
    if absent := hindered.count(_ABSENT):
        lines.append(f"The data of {absent} are not here; `sracl data list` shows where they are looked for.")
    lines += [reason for reason in dict.fromkeys(hindered) if reason != _ABSENT]
    if left and not hindered:
        timed = all(run["basis"] == _TIMED for run in left)
        time = duration(sum(run["seconds"] for run in left))
        lines.append(f"at most about {time} of training" if timed else f"roughly {time} of training; nothing like it was timed here")
    if stages:
        lines.append(f"stages before training: {sum(stage['cached'] for stage in stages)} of {len(stages)} cached")
    return "\n".join(lines)


def enqueued(entries: Sequence[dict[str, Any]]) -> str:
    """What became of the runs, as `sracl run --detach --json` says it."""
    new = [entry["label"] for entry in entries if entry["status"] == "queued"]
    others = Counter(entry["status"] for entry in entries if entry["status"] != "queued")
    first = f"{new[0]} is enqueued" if len(new) == 1 else f"{len(new)} jobs are enqueued; 3 shows the queue" if new else ""
    return ", ".join(filter(None, (first, *(f"{count} {status}" for status, count in others.items()))))


def _runs(runs: Sequence[Mapping[str, Any]]) -> Table:
    table = _grid("at most", "run", "state")
    for run in runs:
        time = "" if run["seconds"] is None or run["state"] == "done" else duration(run["seconds"])
        table.add_row(Text(time), Text(run["label"]), Text(run["state"]))
    return table


def _stages(stages: Sequence[Mapping[str, Any]]) -> Table:
    table = _grid("cached", "stage", "runs")
    for stage in stages:
        table.add_row(Text("yes" if stage["cached"] else "no"), Text(stage["name"]), Text(str(stage["runs"])))
    return table


def _requests(requests: Sequence[Mapping[str, Any]]) -> Table:
    table = _grid("to be asked", "US dollars", "texts")
    for each in requests:
        dollars = "unknown" if each["dollars"] is None else f"{each['dollars']:.2f}"
        key = f"; {each['key_missing']} is not set" if each["key_missing"] else ""
        of = f"{each['texts']} of {each['dataset']} with {each['provider']} ({each['model']}){key}"
        table.add_row(Text(f"{each['missing']:,} of {each['requests']:,}"), Text(dollars), Text(of))
    return table


def _grid(*headers: str) -> Table:
    """Columns without lines, folded to the width that there is."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header in headers:
        table.add_column(header, overflow="fold")
    return table
