"""Queue & devices: what waits, for what, and what runs where."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Static

from sracl import paths
from sracl.compare.wording import age
from sracl.devices import slots_asked_for
from sracl.errors import SraclError, UsageError
from sracl.jobs.claims import Claims
from sracl.jobs.devices import devices
from sracl.jobs.workers import ensure_worker, is_alive
from sracl.plain import on_one_line
from sracl.tracking import jobs
from sracl.tracking.values import now
from sracl.tui.queue.totals import is_worker_needed, totals
from sracl.tui.run.screen import RunScreen
from sracl.tui.steering import SteeringScreen
from sracl.tui.widgets.keys import Keys, key_of
from sracl.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from textual.app import ComposeResult

    from sracl.devices import Device
    from sracl.tracking.jobs import JobRow

_DEVICES_SECONDS = 2.0
_WAITING, _ENDED = 500, 200
"""Jobs that wait, and that ended, are shown up to so many: the first to begin, the last to end. A table of thousands takes seconds."""

_DEVICE_COLUMNS = ("device", "name", "busy", "memory", "claimed", "°C", "jobs")
_JOB_COLUMNS = ("job", "state", "what", "priority", "device", "age", "why")


class QueueScreen(SteeringScreen):
    """Devices above, jobs below in the order in which they begin.

    Args:
        store: The SQLite file; it may not be there yet.
    """

    CSS = """
    QueueScreen #devices { height: auto; max-height: 40%; }
    QueueScreen #jobs { height: 1fr; }
    QueueScreen #totals, QueueScreen #chosen { padding: 0 1; }
    QueueScreen #chosen { max-height: 30%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "app.pop_screen", "Back", key_display="q", id="back"),
        Binding("c", "cancel", "Cancel", id="queue.cancel"),
        Binding("R", "retry", "Retry", id="queue.retry"),
        Binding("space", "pause", "Pause, start", id="queue.pause"),
        Binding("plus", "move(1)", "Sooner", key_display="+", id="queue.sooner"),
        Binding("minus", "move(-1)", "Later", key_display="-", id="queue.later"),
        Binding("p", "checkpoint", "Checkpoint", id="queue.checkpoint"),
        Binding("D", "hold", "Hold all", id="queue.hold"),
        Binding("w", "worker", "Worker", id="queue.worker"),
    ]
    WRITES = SteeringScreen.WRITES | {"worker"}

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self._jobs: dict[str, JobRow] = {}
        """Those that are shown."""
        self._every: Sequence[JobRow] = ()
        self._later = 0
        """How many of those that wait are not shown."""
        self._is_on_hold = False
        self._has_worker = False
        self._slots = 1

    def compose(self) -> ComposeResult:
        """Two tables, totals, keys."""
        yield Rows(_DEVICE_COLUMNS, id="devices")
        yield Rows(_JOB_COLUMNS, id="jobs")
        yield Static("", id="chosen", markup=False)
        yield Static("", id="totals", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin in the jobs, and look at the devices now and then."""
        self.query_one("#devices", Rows).can_focus = False
        self.query_one("#jobs", Rows).focus()
        try:
            self._slots = slots_asked_for()
        except UsageError as error:
            self.notify(str(error), severity="error", timeout=20, markup=False)
        self._look_at_devices()
        self.set_interval(_DEVICES_SECONDS, self._look_at_devices)

    def action_cancel(self) -> None:
        """End the job under the cursor; a running one after a yes, and at once when it is cancelled again."""
        if job := self._chosen():
            self.cancel(str(job.number))

    def action_retry(self) -> None:
        """Let the job under the cursor wait again, after it has ended."""
        if job := self._chosen():
            self.steer(["retry", str(job.number)], f"Job {job.number} waits again; a run goes on after its last checkpoint.")

    def action_pause(self) -> None:
        """Hold the job under the cursor back, or let it go on."""
        if job := self._chosen():
            is_paused = job.state == "paused"
            told = f"Job {job.number} waits again." if is_paused else f"Job {job.number} is paused; a run after a checkpoint."
            self.steer(["start" if is_paused else "pause", str(job.number)], told)

    def action_checkpoint(self) -> None:
        """Have the job under the cursor write a checkpoint and go on."""
        if job := self._chosen():
            self.steer(["checkpoint", str(job.number)], f"Job {job.number} is asked for a checkpoint; its log tells when it stands.")

    def action_move(self, step: int) -> None:
        """Let the job under the cursor begin sooner or later."""
        if job := self._chosen():
            # a step, since another may be under way: what the table says may be of before it
            self.steer(["move", str(job.number), f"--by={step}"], f"Job {job.number} begins {'sooner' if step > 0 else 'later'} now.")

    def action_hold(self) -> None:
        """Let no waiting job begin, or let them begin again."""
        if self._is_on_hold:
            self.steer(["start"], "Waiting jobs begin again.")
        else:
            self.steer(["pause"], "No waiting job begins now; running ones go on.")

    @work(thread=True, group="worker", exit_on_error=False)
    def action_worker(self) -> None:
        """Start a worker, unless one works or it would have nothing to do."""
        try:
            told = self._start_worker()
        except SraclError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=20, markup=False)
            return
        self.app.call_from_thread(self.notify, told, timeout=20, markup=False)
        self.app.call_from_thread(self.refresh_rows)

    def _start_worker(self) -> str:
        """What came of it.

        Raises:
            SraclError: None can be started, or the store not be read.
        """
        found, on_hold = self._read() if self.store.is_file() else ([], False)
        if not is_alive() and not is_worker_needed(found, on_hold=on_hold):
            if any(job.state == "queued" for job in found):
                return "The queue is on hold. D lets waiting jobs begin, and starts a worker for them."
            return "There is nothing to do for a worker. Whatever lets a job wait starts one."
        prints = f"It prints to {paths.worker_log()}."
        if not ensure_worker():  # of two that are asked for at the same time one is started
            return f"A worker works already. {prints}"
        return f"A worker is started. It goes on when this is closed, and leaves when nothing is left to do. {prints}"

    @on(DataTable.RowHighlighted, "#jobs")
    def _tell(self) -> None:
        """Say in full what a narrow table cuts off of the job under the cursor."""
        job = self._chosen()
        self.query_one("#chosen", Static).update("" if job is None else _told(job))

    @on(DataTable.RowSelected, "#jobs")
    def _open(self) -> None:
        """Open the run of the job under the cursor."""
        job = self._chosen()
        if job is not None and job.run_id is not None:
            self.app.push_screen(RunScreen(self.store, job.run_id))

    @work(thread=True, exclusive=True, group="jobs", exit_on_error=False)
    def refresh_rows(self) -> None:
        """Read the jobs again, and draw what changed."""
        if not self.store.is_file():
            self.app.call_from_thread(self._show_jobs, [], False, False)
            return
        found, on_hold = self._read()
        self.app.call_from_thread(self._show_jobs, found, on_hold, is_alive())

    def _read(self) -> tuple[list[JobRow], bool]:
        """All jobs, and whether they are on hold."""
        with self.reader() as store:
            return jobs.jobs(store), jobs.is_paused(store)

    @work(thread=True, exclusive=True, group="devices", exit_on_error=False)
    def _look_at_devices(self) -> None:
        claims = Claims(paths.claims())
        found = {device.key: (device, claims.held(device)) for device in devices(self._slots)}
        self.app.call_from_thread(self._show_devices, found, is_alive())  # a worker that dies writes nothing to the store

    def _show_jobs(self, found: Sequence[JobRow], on_hold: bool, has_worker: bool) -> None:
        if not self.is_mounted:
            return
        self._every, self._is_on_hold, self._has_worker = found, on_hold, has_worker
        ended = sorted((job for job in found if job.state in jobs.ENDED), key=lambda job: job.finished or job.created, reverse=True)
        later = {job.number for job in [job for job in found if job.state == "queued"][_WAITING:]}
        shown = [job for job in found if job.state not in jobs.ENDED and job.number not in later] + ended[:_ENDED]
        self._jobs = {str(job.number): job for job in shown}
        self.query_one("#jobs", Rows).show_rows({key: _cells(job) for key, job in self._jobs.items()})
        self._tell()
        self._later = len(later)
        self._show_totals()

    def _show_totals(self) -> None:
        key = key_of(self, "queue.worker")
        said = totals(self._every, self._later, on_hold=self._is_on_hold, has_worker=self._has_worker, key=key)
        self.query_one("#totals", Static).update(said)

    def _show_devices(self, found: Mapping[str, tuple[Device, float]], has_worker: bool) -> None:
        if not self.is_mounted:
            return
        if has_worker != self._has_worker:
            self._has_worker = has_worker
            self._show_totals()
        on = {key: [job for job in self._jobs.values() if job.device == key and job.state in ("running", "stalled")] for key in found}
        self.query_one("#devices", Rows).show_rows({key: _device(device, held, on[key]) for key, (device, held) in found.items()})

    def _chosen(self) -> JobRow | None:
        return self._jobs.get(self.query_one("#jobs", Rows).selected_key or "")


def _told(job: JobRow) -> str:
    where = f"on {job.device}" if job.device and job.state in ("running", "stalled") else ""
    return on_one_line(f"job {job.number}, {job.label}: {', '.join(filter(None, (job.state, where, job.reason)))}")


def _cells(job: JobRow) -> tuple[str, ...]:
    state = f"{job.state}, to {job.wanted}" if job.wanted and job.state in ("running", "stalled") else job.state
    priority = f"{job.priority:+d}" if job.priority else ""
    return (str(job.number), state, job.label, priority, job.device[:12], age(now() - job.created), job.reason)


def _device(device: Device, held: float, running: Sequence[JobRow]) -> tuple[str, ...]:
    busy = "" if device.load is None else f"{device.load:.0%}"
    is_measured = device.is_gpu and device.capacity
    memory = f"{device.used:.1f} of {device.capacity:.1f} GiB" if is_measured else ""
    claimed = f"{held:.0f} of {device.capacity:.0f} slots" if not device.is_gpu else f"{held:.1f} GiB" if is_measured else ""
    heat = "" if device.temperature is None else f"{device.temperature:.0f}"
    return (device.key, device.name, busy, memory, claimed, heat, ", ".join(_share(device, job) for job in running))


def _share(device: Device, job: JobRow) -> str:
    """A job's number, and what it has of a GPU's memory."""
    memory = device.memory_of(job.pid)
    return f"{job.number} ({memory:.1f} GiB)" if memory else str(job.number)
