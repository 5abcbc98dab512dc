"""Gives waiting jobs to free devices, and looks after them until they end.

Nothing is resident: whoever lets a job wait sees to it that one worker lives (`workers`), and it leaves when there is nothing
left to do. Its jobs do not depend on it: when it dies they go on, and the next worker takes them over.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.errors import NO_SPACE, BudgetError, ResourceError, UsageError
from sracl.jobs.children import Child, start
from sracl.jobs.devices import devices
from sracl.jobs.endings import ending
from sracl.tracking import identity, jobs
from sracl.tracking.jobs import CANNOT_BEGIN, LEASE
from sracl.tracking.queue import Queue
from sracl.tracking.values import now
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sracl.devices import Device
    from sracl.jobs.claims import Claims
    from sracl.tracking.jobs import JobRow, JobState, Waiting
    from sracl.tracking.store import Store

CHECKPOINT = signal.SIGUSR1
"""Has a training write a checkpoint and go on; all other commands ignore it."""

GRACE_SECONDS = 20.0
"""Between asking a process to end and ending it."""

_LOOK_SECONDS = 0.25
_ADOPT_SECONDS = 2.0
_DEVICES_SECONDS = 2.0
_RENEW_SECONDS = LEASE.total_seconds() / 3
_EXPLAINED = 100
"""Jobs at the head of the queue that are told why they wait, so that a long queue costs no more than a short one."""


@dataclass
class Charge:
    """A job that this worker looks after."""

    child: Child | None = None
    """None where it could not be started, or the worker before died while it started the job."""
    failure: str = ""
    """Why it could not be started."""
    asked: float | None = None
    """When its process was asked to end, in monotonic seconds."""


class Worker:
    """One worker of a project.

    Args:
        store: Holds the queue.
        claims: Which job has which device.
        slots: Jobs that may share the processor.
        report: Told what happens, a line each.
    """

    def __init__(self, store: Store, claims: Claims, *, slots: int, report: Callable[[str], None]) -> None:
        self._store, self._queue, self._claims = store, Queue(store), claims
        self._slots, self._report = slots, report
        self._me = identity.current()
        self._charges: dict[int, Charge] = {}
        self._devices: list[Device] = []
        self._due = dict.fromkeys(("adopt", "devices", "renew"), 0.0)
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._trouble = ""
        self.is_leaving = False
        """Whether it was told to leave."""

    def work(self, *, idle_exit: float | None) -> None:
        """Look after jobs until told to leave, or until there has been nothing to do for so many seconds.

        SIGTERM and Ctrl-C make it leave; its jobs go on, and the next worker takes them over.
        """
        with self._signals():
            idle_since = time.monotonic()
            while not self.is_leaving:
                waiting = self._try_turn()
                if self._charges or waiting:
                    idle_since = time.monotonic()
                elif idle_exit is not None and time.monotonic() - idle_since >= idle_exit:
                    return
                self._rest()
        if self._charges:
            self._report(f"leaving {how_many(len(self._charges), 'running job')} to the next worker")

    def _try_turn(self) -> bool:
        """A turn; what a full disk or a locked store keeps from being done is left to a later one, and said once."""
        try:
            waiting = self._turn()
        except (BudgetError, ResourceError, UsageError, OSError) as error:  # UsageError: a job was taken out just now
            if isinstance(error, OSError) and error.errno not in NO_SPACE:
                raise
            if str(error) != self._trouble:
                self._report(str(error))
            self._trouble = str(error)
            return True
        self._trouble = ""
        return waiting

    def _turn(self) -> bool:
        """Look at everything once; whether a job waits that may begin."""
        if self._is_due("adopt", _ADOPT_SECONDS):
            self._adopt()
        if self._charges:
            rows = {row.number: row for row in jobs.jobs(self._store, numbers=self._charges)}
            for number in self._charges.keys() - rows.keys():
                del self._charges[number]  # somebody took it out of the store
            for row in rows.values():
                self._look_after(row)
            if self._charges and self._is_due("renew", _RENEW_SECONDS):
                self._queue.renew(list(self._charges))
        if jobs.is_paused(self._store):
            return False
        return self._give_out(jobs.waiting(self._store))

    def _give_out(self, waiting: list[Waiting]) -> bool:
        """Start what there is a free device for, in the order of the queue; a job that asks for less may pass one that waits for more.

        Returns:
            Whether a job is left that may begin when others end.
        """
        if not waiting:
            return False
        if self._is_due("devices", _DEVICES_SECONDS) or not self._devices:
            self._devices = devices(self._slots)
        full: dict[tuple[str, object], str] = {}  # what was asked for in vain: the rest of the queue asks for the same
        for place, row in enumerate(waiting):
            asked = (row.resources["device"], row.resources["vram"])
            if asked not in full:
                found = self._claimed(row)
                if not isinstance(found, str):
                    self._start(row.number, *found)
                    continue
                full[asked] = found
            if row.reason != full[asked] and (place < _EXPLAINED or full[asked].startswith(CANNOT_BEGIN)):
                self._queue.explain(row.number, full[asked])
        return any(not reason.startswith(CANNOT_BEGIN) for reason in full.values())

    def _claimed(self, row: Waiting) -> tuple[Device, int] | str:
        """A device with a claim on it, or why there is none."""
        kind, vram = row.resources["device"], row.resources["vram"]
        gpus = [device for device in self._devices if device.is_gpu]
        suitable = gpus if kind == "cuda" or (kind == "auto" and gpus) else [device for device in self._devices if not device.is_gpu]
        fitting = [device for device in suitable if device.fits(vram)]
        if not suitable:
            return f"{CANNOT_BEGIN}needs a GPU, and there is none"
        if not fitting:
            return f"{CANNOT_BEGIN}needs {vram:.1f} GiB, the largest GPU has {max(device.capacity for device in suitable):.1f} GiB"
        reason = ""
        for device in sorted(fitting, key=lambda device: device.capacity - device.used):  # the fullest that will do
            claim = self._claims.take(device, vram)
            if isinstance(claim, int):
                return device, claim
            reason = claim
        return reason

    def _start(self, number: int, device: Device, claim: int) -> None:
        try:
            if not self._queue.claim(number, worker=self._me, device=device.key):
                return
            charge = self._charges[number] = Charge()  # from here on it is looked after, whatever fails
            row = next(iter(jobs.jobs(self._store, numbers=[number])), None)
            if row is None:
                return  # somebody has taken it out of the store just now
            try:
                charge.child = start(row, environment=self._environment(row, device), inherited=[claim])
            except Exception as error:  # whatever is wrong with a command ends this job only, and the others start
                charge.failure = f"cannot be started: {error}"
                return
        finally:
            os.close(claim)  # the job holds it now, if there is one
        self._report(f"job {number} begins on {device.key}: {row.label}")
        self._queue.started(number, charge.child.identity)
        charge.child.begin()

    def _environment(self, row: JobRow, device: Device) -> dict[str, str]:
        set_here = {"SRACL_JOB": str(row.number), "CUDA_VISIBLE_DEVICES": device.key if device.is_gpu else ""}
        if not device.is_gpu and self._slots > 1 and "OMP_NUM_THREADS" not in row.environment:
            set_here["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // self._slots))
        return set_here

    def _look_after(self, row: JobRow) -> None:
        """Do what is wanted of a job, and see whether it has ended."""
        charge = self._charges[row.number]
        child = charge.child
        if child is not None and not child.is_over:
            if row.pid is None:  # which could not be written down when it began
                self._queue.started(row.number, child.identity)
                child.begin()
            if row.wanted == "checkpoint":
                child.signal(CHECKPOINT)
                self._queue.heard(row.number)
            elif row.wanted:
                self._ask_to_end(row, charge, child)
            return
        state, code, reason = self._ending(row, charge)
        if state == "cancelled" and row.run_id:
            self._store.cancel(row.run_id, "by the user")
        self._queue.finish(row.number, state, code=code, reason=reason)
        del self._charges[row.number]
        self._report(f"job {row.number} {state}{f': {reason}' if reason else ''}")

    def _ending(self, row: JobRow, charge: Charge) -> tuple[JobState, int | None, str]:
        if charge.failure:
            return "failed", 1, charge.failure
        return ending(self._store, row, None if charge.child is None else charge.child.code)

    def _ask_to_end(self, row: JobRow, charge: Charge, child: Child) -> None:
        at = time.monotonic()
        if charge.asked is None:
            charge.asked = at
            child.signal(signal.SIGTERM)
            child.signal(signal.SIGCONT)  # a stopped process sees the other only now
            self._report(f"job {row.number} is asked to end")
        if row.wanted == "kill" or at - charge.asked >= GRACE_SECONDS:
            child.signal(signal.SIGKILL)

    def _adopt(self) -> None:
        """Take over what a worker left behind that is gone."""
        for row in jobs.jobs(self._store, written=["running"]):
            if row.number in self._charges or not jobs.is_abandoned(row.worker, row.lease, now()):
                continue
            if not self._queue.adopt(row.number, worker=self._me, former=row.worker):
                continue
            process = identity.owner(row)
            self._charges[row.number] = Charge(Child(process) if process else None)
            self._report(f"job {row.number} is taken over from a worker that is gone")

    def _is_due(self, what: str, seconds: float) -> bool:
        if time.monotonic() < self._due[what]:
            return False
        self._due[what] = time.monotonic() + seconds
        return True

    def _rest(self) -> None:
        """Until a job ends, or it is time to look again."""
        select.select([self._wake], [], [], _LOOK_SECONDS)
        with suppress(BlockingIOError):
            os.read(self._wake, 4096)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Every signal ends a rest; two of them end the work."""

        def leave(number: int, frame: object) -> None:
            self.is_leaving = True

        handlers: dict[signal.Signals, Callable[[int, object], None] | signal.Handlers] = {
            signal.SIGTERM: leave,
            signal.SIGINT: leave,
            signal.SIGCHLD: lambda number, frame: None,
            CHECKPOINT: signal.SIG_IGN,  # jobs ignore it, too, until they say otherwise: it would end one that does not know it
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        waker = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(waker)
            for number, handler in before.items():
                signal.signal(number, handler)
