"""`sracl cache`: texts, vectors and neighbours of the user's cache folder, what they take up, and what may go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from sracl import listing
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.runs.cache import Kept
    from sracl.tracking.artifacts import Resting

app = typer.Typer(no_args_is_help=True, add_completion=False)

_Resting: TypeAlias = "Mapping[str, Sequence[Resting]]"
"""Runs of this project by the digests of what they rest on."""

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("ls")
def ls(as_json: _Json = False) -> None:
    """List what the cache holds, the last used first: what each thing is, its size, and the runs of this project that rest on it.

    A thing was used last when a run read it, or else when it was made. Answers and vectors that were paid for stand apart.
    """
    from sracl import paths
    from sracl.compare.wording import size

    resting = _resting()
    found = _contents(resting)
    paid = _paid()
    downloads = _below(paths.downloads())
    if as_json:
        data = {
            "folder": str(paths.cache()),
            "artifacts": [_as_json(each, resting) for each in found],
            "paid": paid,
            "downloads": downloads,
        }
        print(listing.as_json(data))
        return
    if found:
        rows = [["stage", "digest", "with", "data", "size", "last used", "runs here", ""]]
        rows += [[*_cells(each), _runs_in_words(resting.get(each.digest, ())), each.remark] for each in found]
        print(listing.aligned(rows, left=8))
        print()
    lines = [f"{size(sum(each.bytes for each in found))} of texts, vectors and neighbours in {paths.cache()}"]
    for each in paid:
        lines.append(f"{size(each['bytes'])} that was paid for in {Path(each['file']).name}, which is never removed{_paid_in_words(each)}")
    if downloads["files"]:
        lines.append(f"{size(downloads['bytes'])} of downloaded data sets in {downloads['folder']}")
    if broken := [each for each in found if each.damage]:
        lines.append(f"{size(sum(each.bytes for each in broken))} of it cannot be used; `sracl cache gc` removes that.")
    print("\n".join(lines))


@app.command("gc")
def gc(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="What no run has used for so long: 30d, 2w, 12h; 0d is all.")
    ] = "30d",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it. Without this, only show what would go.")] = False,
    as_json: _Json = False,
) -> None:
    """Remove what was not used for long, and what is damaged or was left half-made; without --yes, show what would go.

    What goes is made anew when a run asks for it, from the same answers. Kept are answers and vectors that were paid for, texts by
    providers of others, downloads, what a process makes or uses now, and what runs of this project rest on that are not completed.
    """
    from sracl.compare.wording import length_of_time, size
    from sracl.tracking.values import now

    since = now() - length_of_time(older_than)
    resting = _resting()
    due = [each for each in _contents(resting) if each.damage or each.used < since]
    spared = [each for each in due if not each.damage and _unfinished(resting, each)]
    only = [each for each in due if each not in spared and _are_only_answers(each)]
    going = [each for each in due if each not in spared and each not in only]
    stayed = _remove(going, since) if yes else {}
    gone = [each for each in going if yes and str(each.folder) not in stayed]
    if as_json:
        print(listing.as_json([{**_as_json(each, resting), "removed": each in gone} for each in going]))
    elif going:
        rows = [["stage", "digest", "with", "data", "size", "last used", "why"]]
        rows += [[*_cells(each), each.damage or f"not used for {older_than}"] for each in going]
        print(listing.aligned(rows, left=7))
    if spared:
        runs = sorted({run.id for each in spared for run in _unfinished(resting, each)})
        print(f"{len(spared):,} more stay: runs that are not completed rest on them ({', '.join(runs)}).", file=sys.stderr)
    for each in only:
        print(f"{each.folder} stays: '{each.made_with}' is not of sracl, and its answers may be nowhere else.", file=sys.stderr)
    for folder, why in stayed.items():
        print(f"{folder} {why}.", file=sys.stderr)
    told = gone if yes else going
    counted = f"{how_many(len(told), 'thing')}, {size(sum(each.bytes for each in told))}"
    if not going:
        print(f"Nothing was unused for {older_than}, damaged or half-made: nothing to remove.", file=sys.stderr)
    elif yes:
        print(f"Removed {counted}.", file=sys.stderr)
    else:
        print(f"{counted}. Nothing was removed; the same command with --yes removes them.", file=sys.stderr)


def _are_only_answers(each: Kept) -> bool:
    """Whether something is texts by a provider of others: whether it keeps what it was answered, and was paid, is not known here."""
    from sracl.errors import UsageError
    from sracl.registry.catalog import OWNER, catalog

    if each.stage != "describe" or each.damage or each.is_begun:
        return False
    try:
        return catalog().find("llm_provider", each.made_with).owner != OWNER
    except UsageError:  # a plug-in that is not installed
        return True


def _contents(resting: _Resting) -> list[Kept]:
    from sracl import paths
    from sracl.runs.cache import contents

    return contents(paths.cache(), {digest: runs[0].dataset for digest, runs in resting.items()})


def _resting() -> _Resting:
    """What this project knows; nothing outside of one."""
    from sracl import paths
    from sracl.tracking import artifacts
    from sracl.tracking.reader import Reader

    if not paths.store_file().is_file():
        return {}
    with Reader.open(paths.store_file()) as store:
        return artifacts.resting_on(store)


def _unfinished(resting: _Resting, each: Kept) -> list[Resting]:
    """Runs that would have it made anew."""
    return [run for run in resting.get(each.digest, ()) if not run.is_completed]


def _paid() -> list[dict[str, Any]]:
    """The files with what was paid for: answers, and vectors of servers."""
    from sracl import paths
    from sracl.errors import SraclError
    from sracl.llm_providers.answers import Answers

    found = []
    for file in sorted(paths.cache().glob("*.db")):
        beside = [file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))]
        told: dict[str, Any] = {"file": str(file), "bytes": sum(each.stat().st_size for each in beside if each.is_file())}
        if file == Answers().file:
            told |= {"answers": None, "dollars": None, "problem": ""}
            try:
                accounts = Answers().accounts()
                told |= {"answers": sum(each.answered for each in accounts), "dollars": sum(each.dollars for each in accounts)}
            except SraclError as error:
                told["problem"] = str(error)
        found.append(told)
    return found


def _paid_in_words(paid: dict[str, Any]) -> str:
    if paid.get("problem"):
        return f": {paid['problem']}"
    return f": {how_many(paid['answers'], 'answer')}, {paid['dollars']:,.6f} dollars" if "answers" in paid else ""


def _below(folder: Path) -> dict[str, Any]:
    from sracl.runs.folder import size

    return {"folder": str(folder), "files": sum(path.is_file() for path in folder.rglob("*")), "bytes": size(folder)}


def _remove(going: list[Kept], since: Any) -> dict[str, str]:
    """Remove things one by one; folder -> why it stays."""
    from sracl.runs.cache import remove

    stayed: dict[str, str] = {}
    for each in going:
        try:
            why = remove(each, unused_since=since)
        except OSError as error:
            why = f"cannot be removed: {error.filename or each.folder}: {error.strerror}"
        if why:
            stayed[str(each.folder)] = why
    return stayed


def _cells(each: Kept) -> list[str]:
    from sracl.compare.wording import age, size
    from sracl.tracking.values import now

    stage = f"{each.stage} {each.of}".rstrip()
    return [stage, each.digest[:10], each.made_with, each.dataset, size(each.bytes), f"{age(now() - each.used)} ago"]


def _runs_in_words(runs: Sequence[Resting]) -> str:
    """How many rest on something, and of which recipes."""
    if not runs:
        return ""
    recipes = sorted({recipe for run in runs for recipe in run.recipes})
    more = ", …" if recipes[2:] else ""
    return f"{len(runs):,} of {', '.join(recipes[:2])}{more}" if recipes else f"{len(runs):,}"


def _as_json(each: Kept, resting: _Resting) -> dict[str, Any]:
    return {
        "stage": each.stage,
        "of": each.of,
        "digest": each.digest,
        "with": each.made_with,
        "dataset": each.dataset,
        "folder": str(each.folder),
        "bytes": each.bytes,
        "used": each.used.isoformat(timespec="seconds"),
        "damage": each.damage,
        "half_made": each.is_leftover or each.is_begun,
        "runs": [run.id for run in resting.get(each.digest, ())],
    }
