"""What steers jobs from the terminal: commands of `sracl queue`, carried out beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.worker import get_current_worker

from sracl.tui.command import ask
from sracl.tui.store_screen import StoreScreen

if TYPE_CHECKING:
    from collections.abc import Sequence


class SteeringScreen(StoreScreen):
    """A screen whose keys steer jobs."""

    WRITES = frozenset({"cancel", "retry", "pause", "move", "hold", "checkpoint"})

    @work(thread=True, group="steering", exit_on_error=False)
    def steer(self, arguments: Sequence[str], told: str) -> None:
        """Carry out `sracl queue ARGUMENTS`, and say what came of it.

        Args:
            arguments: Of the command line.
            told: What to say when it is done; what the command says, where this is empty.
        """
        worker = get_current_worker()
        answer = ask(["queue", *arguments], unwanted=lambda: worker.is_cancelled)
        if answer is None or worker.is_cancelled:
            return
        if answer.code:
            self.app.call_from_thread(self.notify, answer.reason, severity="error", markup=False)
        else:
            self.app.call_from_thread(self.notify, told or answer.out.strip() or answer.errors.strip(), markup=False)
        self.app.call_from_thread(self.refresh_rows)
