"""Results as a Markdown table, between two comments of a README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.harness import Result

ROOT = Path(__file__).resolve().parents[1]
READMES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
COUNTS = ("sequences", "tokens", "products")
"""What results that hold it on both sides are told by: a table of their own has it as shares of the peer's."""
HEADER = ("", "ours", "peer", "ratio", "floor", "ours ÷ floor", "load", "peer is")


def rewrite(results: Path, readmes: Iterable[Path] = READMES) -> list[Path]:
    """Put the table into every README that has the two comments.

    Args:
        results: Folder of result files.
        readmes: Files looked at.

    Returns:
        Those rewritten.

    Raises:
        BenchmarkError: There are no results, or none of the files has the comments.
    """
    found = stored(results)
    if not found:
        raise BenchmarkError(f"{results} holds no results; `python -m benchmarks` makes them")
    done = []
    for readme in readmes:
        text = readme.read_text(encoding="utf-8")
        if BEGIN not in text or END not in text:
            continue
        before, rest = text.split(BEGIN, 1)
        after = rest.split(END, 1)[1]
        readme.write_text(f"{before}{BEGIN}\n\n{markdown(found)}\n{END}{after}", encoding="utf-8")
        done.append(readme)
    if not done:
        raise BenchmarkError(f"no README has the lines {BEGIN} and {END}")
    return done


def stored(results: Path) -> list[Result]:
    """All results of a folder, files of one figure first; files of other shape (leaderboards) are passed over."""
    single: list[Result] = []
    several: list[Result] = []
    for path in sorted(results.glob("*.json")):
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        entries = content if isinstance(content, list) else [content]
        kept = several if isinstance(content, list) else single
        kept += [entry for entry in entries if {"name", "ours", "ratio", "unit"} <= entry.keys()]
    return single + several


def markdown(results: list[Result]) -> str:
    """Machines, then tables: figures beside a peer and those that stand alone, and those with counts beside the peer's."""
    counted = [result for result in results if _is_counted(result)]
    ordered = sorted((result for result in results if not _is_counted(result)), key=lambda result: result["ratio"] is None)
    settings = dict.fromkeys(_setting(result) for result in [*ordered, *counted])
    tables = [_table([HEADER, *map(_row, ordered)])] if ordered else []
    for peer in dict.fromkeys(result["peer_is"] for result in counted):
        header = (f"÷ {peer}", *COUNTS, "time", "ours", "peer", "load")
        tables.append(_table([header, *(_count_row(result) for result in counted if result["peer_is"] == peer)]))
    return "\n\n".join(["\n".join(settings), *tables]) + "\n"


def _is_counted(result: Result) -> bool:
    details = result.get("details", {})
    return all(name in details.get(side, {}) for side in ("ours", "peer") for name in COUNTS)


def _table(rows: list[tuple[str, ...]]) -> str:
    """The first row heads it; the first column and that of peers are text."""
    ruled = tuple("---" if number == 0 or title == "peer is" else "---:" for number, title in enumerate(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], ruled, *rows[1:]))


def _count_row(result: Result) -> tuple[str, ...]:
    ours, peer = result["details"]["ours"], result["details"]["peer"]
    return (
        f"`{result['name']}`: {result['what']}",
        *(f"{ours[name] / peer[name]:.2f}" for name in COUNTS),
        f"**{1 / result['ratio']:.2f}**",
        _figure(result["ours"], result["unit"]),
        _figure(result["peer"], result["unit"]),
        _load(result),
    )


def line(result: Result) -> str:
    """A result for the terminal."""
    found = dict(zip(HEADER, _row(result), strict=True))
    return "  ".join(f"{title} {value}".strip() for title, value in found.items() if value and title not in ("peer is", "load"))


def _row(result: Result) -> tuple[str, ...]:
    unit = result["unit"]
    ratio, over = result["ratio"], result["over_floor"]
    return (
        f"`{result['name']}`: {result['what']}",
        _figure(result["ours"], unit),
        _figure(result["peer"], unit),
        f"**{ratio:.2f}×**" if ratio else "",
        _figure(result["floor"], unit),
        f"{over:.2f}" if over else "",
        _load(result),
        result["peer_is"] or "",
    )


def _load(result: Result) -> str:
    return f"{result['load']['before']:.1f}, {result['load']['others']:.1f}"


def _figure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.{0 if value >= 1000 else 1 if value >= 10 else 2}f} {unit}".rstrip()


def _setting(result: Result) -> str:
    machine, versions = result["machine"], result["versions"]
    bf16 = " and ".join(name for flag, name in (("avx512_bf16", "AVX-512"), ("amx_bf16", "AMX")) if machine[flag])
    return (
        f"{machine['cpu']}, {result['threads']} threads of {machine['cores']} cores, bf16 instructions: {bf16 or 'none'}; "
        f"torch {versions['torch']}, Python {versions['python']}."
    )
