"""What a run shows while it works: a progress bar on a terminal, one line an epoch elsewhere. All of it on stderr, and in its log."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sracl.runs.log import Log, logged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType


class Screen:
    """Reports on a sequence of runs.

    Args:
        quiet: Show nothing but problems.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(file=sys.stderr, highlight=False, quiet=quiet, soft_wrap=True)  # as it is now: a log takes its place
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
        self._log: Log | None = None

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
        self.told(text)

    @contextmanager
    def logging(self, file: Path, heading: str) -> Iterator[None]:
        """Keep what is told within at the end of a file.

        Args:
            file: In a folder that is there.
            heading: What it is that begins.
        """
        with logged(file, heading, lambda text: self.console.print(text, markup=False)) as self._log:
            try:
                yield
            finally:
                self._log = None

    def told(self, text: str) -> None:
        """Keep in the log what the terminal is told by others."""
        if self._log is not None:
            self._log.printed(f"{text}\n")

    def note(self, text: str) -> None:
        """Keep in the log what the terminal is not told."""
        if self._log is not None:
            self._log.note(f"{text}\n")

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
        seconds = values["seconds.train"] + values["seconds.validate"]
        text = f"{self._label}  epoch {epoch}/{self._epochs}  loss {values['loss']:.4f}  {self._validation}{seconds:.1f} s"
        if self._progress:  # the bar says so
            self.told(text)
        else:
            self.line(text)


def duration(seconds: float) -> str:
    """Seconds in the units people use, such as `2 min 05 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
