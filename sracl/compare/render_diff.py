"""A diff of runs as text: a table for people, Markdown for notes, JSON for programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from sracl import listing
from sracl.compare.render import escaped, piped
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from sracl.compare.diff import Diff, Line, Section

Format = Literal["table", "markdown", "json"]

ABSENT = "-"
"""Stands where a run has nothing."""


def as_markdown(found: Diff) -> str:
    """One table a section; what a value was set in follows it in brackets."""
    parts = [piped(("run", "label", "state")), piped(["---"] * 3)]
    parts += [piped((run.id, escaped(run.label), run.state)) for run in found.runs]
    for section in found.sections:
        if section.lines:
            parts += ["", f"### {section.name}", "", piped(headers(found, section)), piped(["---"] * (len(found.runs) + 1))]
            parts += [piped([escaped(cell) for cell in row]) for row in rows(found, section)]
    if is_empty(found):
        parts += ["", nothing(found)]
    return "\n".join(parts)


def as_json(found: Diff) -> str:
    """`{"schema": 1, "data": {"runs": …, "sections": …}, "errors": []}`; values whole, those of runs that have none left out."""
    data = {
        "runs": [{"id": run.id, "label": run.label, "state": run.state} for run in found.runs],
        "sections": {section.name: [_line(line) for line in section.lines] for section in found.sections},
    }
    return listing.as_json(data)


def headers(found: Diff, section: Section) -> list[str]:
    """What heads the columns of a section: one for the paths, and one a run."""
    return [section.name, *found.ids]


def rows(found: Diff, section: Section) -> list[list[str]]:
    """Path and each run's value of every line of a section, as text; where a value was set stands in brackets behind it.

    Where all runs have a value from the same place, that tells nothing and is left out.
    """
    return [[line.path, *(_cell(line, run_id) for run_id in found.ids)] for line in section.lines]


def is_empty(found: Diff) -> bool:
    """Whether there is no line at all."""
    return not any(section.lines for section in found.sections)


def nothing(found: Diff) -> str:
    """What is said where there is no line."""
    return f"Nothing differs in {', '.join(section.name for section in found.sections)}."


def _cell(line: Line, run_id: str) -> str:
    if run_id not in line.values:
        return ABSENT
    value = line.values[run_id]
    text = _number(value) if isinstance(value, float) and line.path.startswith(("test.", "valid.")) else in_toml(value).strip('"')
    places = set(line.origins.values())
    told = line.origins.get(run_id)
    return f"{text} ({told})" if told and len(places) > 1 else text


def _number(value: float) -> str:
    return "nan" if math.isnan(value) else f"{value:.4f}"


def _line(line: Line) -> dict[str, Any]:
    return {"path": line.path, "values": dict(line.values), "origins": dict(line.origins), "differs": line.differs}
