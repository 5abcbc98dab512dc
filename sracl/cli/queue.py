"""`sracl queue`: jobs that wait for a device, have one, or had one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sracl import listing
from sracl.cli import complete
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Callable

    from sracl.tracking.jobs import JobRow
    from sracl.tracking.queue import Queue

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_Jobs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="JOB…", help="Numbers of jobs, or runs: how their ids begin, @last, or @best:METRIC.", autocompletion=complete.jobs
    ),
]
_Some = Annotated[
    list[str],
    typer.Argument(
        metavar="JOB…", help="Numbers of jobs, or runs: how their ids begin, @last, or @best:METRIC.", autocompletion=complete.jobs
    ),
]


@app.command("ls")
def ls(
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also jobs that ended more than a day ago.")] = False,
    state: Annotated[
        Literal["queued", "running", "stalled", "stale?", "paused", "completed", "failed", "cancelled", "interrupted"] | None,
        typer.Option(help="Only jobs in this state, however long ago they ended."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything about each job, as JSON.")] = False,
) -> None:
    """List jobs in the order in which they begin; those that ended come last, for a day."""
    from sracl.compare.wording import age
    from sracl.tracking.values import now

    rows = [row for row in _rows(everything=everything or state is not None) if state in (None, row.state)]
    if as_json:
        print(listing.as_json([_as_json(row) for row in rows]))
        return
    if not rows:
        print(f"No job is {state}." if state else "No job waits or runs. `sracl run RECIPE --detach` adds some.", file=sys.stderr)
        return
    table = [["state", "job", "run", "what", "priority", "device", "age", "why"]]
    for row in rows:
        priority = str(row.priority) if row.priority else ""
        wanted = f"{row.state}, to {row.wanted}" if row.wanted and row.state in ("running", "stalled") else row.state
        aged = age(now() - row.created)
        table.append([wanted, str(row.number), row.run_id or "", row.label, priority, row.device[:12], aged, row.reason])
    print(listing.aligned(table, left=8))
    if _is_paused():
        print("The queue is on hold; `sracl queue start` lets waiting jobs begin.", file=sys.stderr)


@app.command("add")
def add(
    recipes: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE...", help="Recipe files, or names of shipped ones.", autocompletion=complete.recipes),
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one value. Repeatable.", autocompletion=complete.settings),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds instead of the recipe's: 2024,2025, or a count such as 3.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.", envvar="SRACL_DEVICE")] = "auto",
    priority: Annotated[int, typer.Option(help="The higher begins first.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the jobs as JSON.")] = False,
) -> None:
    """Let the runs of recipes wait for devices: the same as `sracl run --detach`, with a priority."""
    from sracl.cli.detach import detach
    from sracl.cli.planning import planned, seeds_from

    detach(planned(recipes, sets=sets or (), seeds=seeds_from(seeds)), device=device, priority=priority, as_json=as_json)


@app.command("cancel")
def cancel(
    chosen: _Jobs = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait or run.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Give running ones no time to end (else 20 s).")] = False,
) -> None:
    """Cancel jobs. A running one writes a checkpoint, and `retry` goes on from there."""
    _each(_chosen(chosen, everything, lambda row: row.is_active or row.state == "paused"), lambda queue, n: queue.cancel(n, at_once=now))


@app.command("pause")
def pause(chosen: _Jobs = None) -> None:
    """Hold jobs back; running ones stop after a checkpoint. Without a number: let no waiting job begin."""
    if not chosen:
        _hold(paused=True)
        print("No waiting job begins now; running ones go on. `sracl queue start` ends this.", file=sys.stderr)
        return
    _each(_chosen(chosen), lambda queue, number: queue.pause(number))


@app.command("checkpoint")
def checkpoint(chosen: _Some) -> None:
    """Have running jobs write a checkpoint and go on: what a crash after it takes away is less."""
    _each(_chosen(chosen), lambda queue, number: queue.checkpoint(number))


@app.command("start")
def start(chosen: _Jobs = None) -> None:
    """Let paused jobs go on. Without a number: let waiting jobs begin again."""
    if not chosen:
        _hold(paused=False)
        _ensure_worker()
        return
    _each(_chosen(chosen), lambda queue, number: queue.resume(number))


@app.command("retry")
def retry(
    chosen: _Jobs = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed or were interrupted.")] = False,
    state: Annotated[
        Literal["failed", "interrupted", "cancelled"] | None, typer.Option(help="All in this state; `sracl queue ls --state` lists them.")
    ] = None,
) -> None:
    """Let jobs that ended wait again; a run goes on after its last checkpoint."""
    states = [*(("failed", "interrupted") if failed else ()), *([state] if state else [])]
    rows = _chosen(chosen, bool(states), lambda row: row.state in states)
    if states:
        which = " or ".join(dict.fromkeys(states))
        numbers = ", ".join(str(row.number) for row in rows)
        print(f"{how_many(len(rows), 'job')} in state {which}: {numbers}" if rows else f"No job is {which}.", file=sys.stderr)
    if rows:
        _each(rows, lambda queue, number: queue.retry(number))


@app.command("move")
def move(
    chosen: _Some,
    priority: Annotated[int | None, typer.Option("--priority", "-p", help="The higher begins first; 0 at first.")] = None,
    by: Annotated[int | None, typer.Option(help="So much higher than it is, or lower with --by=-1.")] = None,
) -> None:
    """Give jobs another priority; among equal ones the lower number begins first."""
    from sracl.errors import UsageError

    if (priority is None) == (by is None):
        raise UsageError("Say either a priority, by --priority, or how much higher or lower it is to be, by --by.")

    def moved(queue: Queue, number: int) -> str:
        if by is not None:
            return f"priority {queue.shift(number, by)}"
        queue.move(number, priority or 0)
        return f"priority {priority}"

    _each(_chosen(chosen), moved)


@app.command("wait")
def wait(chosen: _Jobs = None) -> None:
    """Wait until jobs have ended; without a number, all that wait or run now. Ends with the worst of their exit codes.

    Where waiting would have no end it ends with 6: the queue is on hold, or what is left needs a device that is not there.
    """
    from sracl import paths
    from sracl.jobs.waiting import wait as until_ended
    from sracl.plain import on_one_line
    from sracl.tracking.reader import Reader

    def told(row: JobRow) -> None:
        why = f": {on_one_line(row.reason)}" if row.reason else ""
        print(f"{row.number}  {row.label}  {row.state}{why}", file=sys.stderr, flush=True)

    numbers = [row.number for row in _chosen(chosen, not chosen, lambda row: row.needs_worker)]
    if not numbers:
        return
    with Reader.open(paths.store_file()) as store:
        raise typer.Exit(until_ended(store, numbers, told))


def _rows(*, everything: bool) -> list[JobRow]:
    """Jobs that have not ended, and then the others, the last to end first."""
    from datetime import timedelta

    from sracl import paths
    from sracl.tracking import jobs
    from sracl.tracking.reader import Reader
    from sracl.tracking.values import now

    if not paths.store_file().is_file():
        return []
    with Reader.open(paths.store_file()) as store:
        rows = jobs.jobs(store)
    since = now() - timedelta(days=1)
    ended = [row for row in rows if row.state in jobs.ENDED and (everything or (row.finished or row.created) > since)]
    return [row for row in rows if row.state not in jobs.ENDED] + sorted(ended, key=lambda row: row.finished or row.created, reverse=True)


def _chosen(references: list[str] | None, all_that: bool = False, fits: Callable[[JobRow], bool] | None = None) -> list[JobRow]:
    """The jobs that a command line names."""
    from sracl import paths
    from sracl.errors import UsageError
    from sracl.tracking import jobs
    from sracl.tracking.reader import Reader

    if all_that and references:
        raise UsageError(f"Either these jobs, {' '.join(references)}, or all of them, not both.")
    if all_that and fits is not None:
        return [row for row in _rows(everything=True) if fits(row)]
    if not references:
        raise UsageError("Which jobs? Give their numbers, or an option that means many (-h tells them); `sracl queue ls` lists them.")
    with Reader.open(paths.store_file()) as store:
        return [jobs.job(store, reference) for reference in references]


def _each(rows: list[JobRow], act: Callable[[Queue, int], str]) -> None:
    """Do something to every job, though it cannot be done to some; see to it that a worker notices."""
    from sracl import paths
    from sracl.errors import UsageError
    from sracl.tracking.queue import Queue
    from sracl.tracking.store import Store

    refused: list[UsageError] = []
    with Store.open(paths.store_file()) as store:
        for row in rows:
            try:
                state = act(Queue(store), row.number)
            except UsageError as error:
                refused.append(error)
                print(error, file=sys.stderr)
                continue
            done = "its worker has been told" if state == "running" else state
            print(f"{row.number}  {row.label}  {done}")
    _ensure_worker()
    if refused:
        raise typer.Exit(UsageError.exit_code)


def _hold(*, paused: bool) -> None:
    from sracl import paths
    from sracl.tracking.queue import Queue
    from sracl.tracking.store import Store

    with Store.open(paths.store_file()) as store:
        Queue(store).hold(paused)


def _is_paused() -> bool:
    from sracl import paths
    from sracl.tracking import jobs
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        return jobs.is_paused(store)


def _ensure_worker() -> None:
    """Have a worker, if there is anything for it to do."""
    from sracl.jobs.workers import ensure_worker

    if any(row.needs_worker for row in _rows(everything=False)):
        ensure_worker()


def _as_json(row: JobRow) -> dict[str, Any]:
    moments = {name: moment.isoformat() if moment else None for name, moment in _moments(row).items()}
    return {
        "job": row.number,
        "run": row.run_id,
        "label": row.label,
        "state": row.state,
        "wanted": row.wanted,
        "reason": row.reason,
        "code": row.code,
        "attempt": row.attempt,
        "priority": row.priority,
        "resources": dict(row.resources),
        "device": row.device,
        "host": row.host,
        "pid": row.pid,
        "log": row.log,
        "command": list(row.command),
        **moments,
    }


def _moments(row: JobRow) -> dict[str, Any]:
    return {"created": row.created, "started": row.started, "finished": row.finished}
