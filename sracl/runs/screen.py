"""What a run shows while it works: a progress bar on a terminal, one line an epoch elsewhere. All of it on stderr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


class Screen:
    """Reports on a sequence of runs.

    Args:
        quiet: Show nothing but problems.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, highlight=False, quiet=quiet, soft_wrap=True)
        self._progress: Progress | None = None
        if self.console.is_terminal and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[detail]}"), TimeElapsedColumn())
            self._progress = Progress(*columns, console=self.console, transient=True)
        self._task: TaskID | None = None
        self._label = ""
        self._metric = ""
        self._validation = ""
        self._epochs = 0
        self._started = time.monotonic()
        self._first_epoch: int | None = None

    def __enter__(self) -> Screen:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress:
            self._progress.stop()

    def line(self, text: str) -> None:
        """One line that stays."""
        self.console.print(text, markup=False)

    def begin(self, label: str, epochs: int, metric: str) -> None:
        """A run starts to train.

        Args:
            label: Recipe, variant and seed.
            epochs: At most so many.
            metric: The validation metric to show; empty where nothing is validated.
        """
        self._label, self._epochs, self._metric, self._validation = label, epochs, metric, ""
        self._started, self._first_epoch = time.monotonic(), None
        if self._progress:
            self._task = self._progress.add_task(label, total=None, detail="")

    def end(self) -> None:
        """The run is over; its bar goes."""
        if self._progress and self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Advance the bar: loss, validation metric, the longest that may remain."""
        if self._first_epoch is None:
            self._first_epoch = epoch
        if not self._progress or self._task is None:
            return
        done = (epoch - 1) * steps + step
        here = done - (self._first_epoch - 1) * steps
        remaining = (time.monotonic() - self._started) / here * (self._epochs * steps - done)
        detail = f"epoch {epoch}/{self._epochs}  loss {loss:.4f}  {self._validation}at most {duration(remaining)} left"
        self._progress.update(self._task, total=self._epochs * steps, completed=done, detail=detail)

    def checkpoint(self, epoch: int, step: int | None) -> None:
        """Say where training can go on."""
        where = f"step {step} of epoch {epoch}" if step is not None else f"epoch {epoch}: this method can go on only between epochs"
        self.line(f"{self._label}  checkpoint after {where}")

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Show an epoch's figures."""
        self._validation = f"{self._metric} {values[self._metric]:.4f}  " if self._metric else ""
        if not self._progress:
            seconds = values["seconds.train"] + values["seconds.validate"]
            self.line(f"{self._label}  epoch {epoch}/{self._epochs}  loss {values['loss']:.4f}  {self._validation}{seconds:.1f} s")


def duration(seconds: float) -> str:
    """Seconds in the units people use, such as `2 min 05 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
