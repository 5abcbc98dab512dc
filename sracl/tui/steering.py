"""What steers jobs from the terminal: commands of `sracl queue`, carried out beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.worker import get_current_worker

from sracl.compare.wording import age
from sracl.errors import SraclError
from sracl.plain import on_one_line
from sracl.tracking import jobs
from sracl.tracking.values import now
from sracl.tui.command import ask
from sracl.tui.store_screen import StoreScreen
from sracl.tui.widgets.question import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.tracking.jobs import JobRow

_RUNS = ("running", "stalled", "stale?")
"""States of a job that has a process, or may have one."""


class SteeringScreen(StoreScreen):
    """A screen whose keys steer jobs."""

    WRITES = frozenset({"cancel", "retry", "pause", "move", "hold", "checkpoint"})

    @work(thread=True, group="cancelling", exit_on_error=False)
    def cancel(self, reference: str) -> None:
        """Cancel a job that waits; one that runs after a yes, and at once where it was asked to end before.

        Args:
            reference: Number of the job, or id of its run.
        """
        worker = get_current_worker()
        try:
            with self.reader() as store:
                job = jobs.job(store, reference)  # as it is now: one that waited when the table was read may run
        except SraclError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", markup=False)
            return
        if not worker.is_cancelled:
            self.app.call_from_thread(self._cancel, job)

    def _cancel(self, job: JobRow) -> None:
        if not self.is_current:
            return  # it was left meanwhile, or asks already
        arguments = ["cancel", str(job.number)]
        if job.state not in _RUNS:
            self.steer(arguments, f"Job {job.number} is cancelled.")
            return
        again = job.wanted in ("cancel", "kill")
        told = f"Job {job.number} gets no more time." if again else f"Job {job.number} is asked to end; cancel it again to end it at once."

        def stop(is_meant: bool | None) -> None:
            if is_meant:
                self.steer(arguments, told)

        self.app.push_screen(Question(*stopping(job, again=again)), stop)

    def steer(self, arguments: Sequence[str], told: str) -> None:
        """Carry out `sracl queue ARGUMENTS`, and say what came of it; see `carry_out`."""
        self.carry_out(["queue", *arguments], told)

    @work(thread=True, group="steering", exit_on_error=False)
    def carry_out(self, arguments: Sequence[str], told: str) -> None:
        """Carry out a command that changes something, and say what came of it.

        Args:
            arguments: Of the command line.
            told: What to say when it is done; what the command says, where this is empty.
        """
        worker = get_current_worker()
        answer = ask(arguments, unwanted=lambda: worker.is_cancelled)
        if answer is None or worker.is_cancelled:
            return
        if answer.code:
            self.app.call_from_thread(self.notify, answer.reason, severity="error", markup=False)
        else:
            self.app.call_from_thread(self.notify, told or answer.out.strip() or answer.errors.strip(), markup=False)
        self.app.call_from_thread(self.refresh_rows)


def stopping(job: JobRow, *, again: bool) -> tuple[str, str]:
    """What is asked before a job that runs is ended, and what becomes of it and of its run.

    Args:
        job: It runs.
        again: Whether it was asked to end before, so that it is ended now.
    """
    name = on_one_line(f"job {job.number}, {job.label}")
    has_run = f"It has run for {age(now() - job.started)}" if job.started else "It runs"
    kept = "It can be retried"
    if job.run_id is not None:
        kept = "Its checkpoint, and texts, vectors and neighbours that are made, are kept: it can be retried from there"
    if again:
        return f"End {name}, at once?", f"{has_run}, and was asked to end. What it has not written yet is lost. {kept}."
    asked = "writes a checkpoint and ends" if job.run_id else "is asked to end"
    return f"Stop {name}?", f"{has_run}. It {asked}; after 20 s it is ended in any case. {kept}."
