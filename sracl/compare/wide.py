"""A leaderboard as papers print it: the data sets beside one another, a row a method."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sracl.registry.wording import set_to
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.compare.board import Beside, Block, Leaderboard, Row

_OF_DATA = ("dataset", "data")
"""Facts of a protocol in which data sets differ."""
_CHOICE = "data.name"


def side_by_side(board: Leaderboard) -> Leaderboard:
    """The same figures with one block for all data sets of a protocol, a column for each data set and metric.

    Columns are called `office hr@20`. Rows of one recipe and label are one row, whose figures stay those of each data set; what a
    matrix over data sets or validation chose is no part of a label then. A protocol that only one data set has stays as it is.
    """
    together: dict[str, list[Block]] = {}
    for block in board.blocks:
        rules = {name: fact for name, fact in block.protocol.items() if name not in _OF_DATA}
        together.setdefault(f"{block.split} {block.group} {sorted(rules.items())}", []).append(block)
    return replace(board, blocks=tuple(blocks[0] if len(blocks) == 1 else _joined(blocks) for blocks in together.values()))


def _joined(blocks: Sequence[Block]) -> Block:
    names = _names(blocks)
    rows: dict[tuple[str, str], Row] = {}
    apart = []
    for name, block in zip(names, blocks, strict=True):
        labels = {row.label: _shortened(row, block.dataset) for row in block.rows}
        short = Counter((row.recipe, labels[row.label]) for row in block.rows)
        for row in block.rows:
            own = _of_columns(row, name, labels)
            if short[own.recipe, own.label] > 1:  # one chose the data set by a matrix, another by itself
                own = replace(own, cell=row.cell, label=row.label)
            known = rows.get((own.recipe, own.label))
            if known is not None and _beside_another(known, own):
                apart.append(f"{own.label} is set beside {own.baseline} on {name}, which tables of {name} alone show")
            rows[own.recipe, own.label] = own if known is None else _added(known, own)
    recipes = list(dict.fromkeys(row.recipe for row in rows.values()))
    first = blocks[0]
    return replace(
        first,
        dataset=", ".join(names),
        fingerprint=", ".join(block.fingerprint for block in blocks),
        users=None,
        metrics=tuple(f"{name} {metric}" for name, block in zip(names, blocks, strict=True) for metric in block.metrics),
        rows=tuple(rows.values() if first.is_sorted else sorted(rows.values(), key=lambda row: recipes.index(row.recipe))),
        notes=(*_notes(names, blocks), *apart),
    )


def _names(blocks: Sequence[Block]) -> list[str]:
    """Data sets, each with its fingerprint where another version of it is there."""
    often = Counter(block.dataset for block in blocks)
    return [block.dataset if often[block.dataset] == 1 else f"{block.dataset}·{block.fingerprint[:6]}" for block in blocks]


def _notes(names: Sequence[str], blocks: Sequence[Block]) -> tuple[str, ...]:
    counts = [f"{how_many(block.users, 'user')} of {name}" for name, block in zip(names, blocks, strict=True) if block.users is not None]
    said: dict[str, list[str]] = {}
    for name, block in zip(names, blocks, strict=True):
        for note in block.notes:
            said.setdefault(_without_choice(note, block.dataset), []).append(name)
    told = [note if len(of) == len(blocks) else f"{', '.join(of)}: {note}" for note, of in said.items()]
    return (*([", ".join(counts)] if counts else []), *told)


def _shortened(row: Row, dataset: str) -> str:
    """What a row is called where other data sets stand beside its own: validation may have chosen other values on each."""
    return row.name if row.chosen_among > 1 else _without_choice(row.label, dataset)


def _of_columns(row: Row, name: str, labels: Mapping[str, str]) -> Row:
    """The row with its figures, and all that is compared with them, under the names of columns, and rows by their short labels."""

    def moved(values: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{name} {metric}": value for metric, value in values.items()}

    return replace(
        row,
        cell={} if row.chosen_among > 1 else {path: value for path, value in row.cell.items() if path != _CHOICE},
        label=labels[row.label],
        figures=moved(row.figures),
        baseline=row.baseline and labels.get(row.baseline, row.baseline),
        differences=moved(row.differences),
        published=tuple(replace(beside, values=moved(beside.values), differences=moved(beside.differences)) for beside in row.published),
        tests=moved(row.tests),
    )


def _without_choice(text: str, dataset: str) -> str:
    return text.replace(f" {set_to({_CHOICE: dataset})[0]}", "")


def _added(row: Row, other: Row) -> Row:
    """Both as one; of the second no difference where it is one from another row than the first's."""
    same = not _beside_another(row, other)
    return replace(
        row,
        runs=(*row.runs, *other.runs),
        seeds=tuple(sorted({*row.seeds, *other.seeds})),
        figures={**row.figures, **other.figures},
        leaky=tuple(dict.fromkeys((*row.leaky, *other.leaky))),
        differing=tuple(dict.fromkeys((*row.differing, *other.differing))),
        baseline=(row.baseline or other.baseline) if same else row.baseline,
        differences={**row.differences, **other.differences} if same else row.differences,
        published=_published((*row.published, *other.published)),
        tests={**row.tests, **other.tests} if same else row.tests,
    )


def _beside_another(row: Row, other: Row) -> bool:
    """Whether differences of the two are from two rows."""
    return bool(row.baseline and other.baseline and row.baseline != other.baseline)


def _published(cards: Sequence[Beside]) -> tuple[Beside, ...]:
    """Those of one card as one."""
    found: dict[str, Beside] = {}
    for card in cards:
        known = found.get(card.source)
        found[card.source] = (
            card
            if known is None
            else replace(known, values={**known.values, **card.values}, differences={**known.differences, **card.differences})
        )
    return tuple(found.values())
