"""One engine process and the jobs that wait for it: one at a time, by priority, then first come, first served."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pickle import PicklingError
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from viewer.compute.engine.engine_process import HUNG, EngineProcess, exit_reason
from viewer.compute.engine.run_job import OUT_OF_MEMORY, Outcome
from viewer.processes.messages import lend, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.compute.engine.submission import SubmittedJob

log = logging.getLogger(__name__)

GRACE = 2.0  # seconds that a job has to follow a cancel
TICK = 0.25  # seconds between two looks at a process that runs a job


class ProcessQueue:
    """Everything here but add, cancel and close happens on the queue's own thread, so nothing needs a lock.

    The process starts with the first job, stays for the next ones, and is replaced when it crashed or had to be killed.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._process: EngineProcess | None = None
        self._waiting: list[SubmittedJob] = []
        self._current: SubmittedJob | None = None
        self._unheard = False  # the job was handed to a process that stood ready, which said nothing of it yet
        self._number = 0
        self._lent: list[Any] = []
        self._deadline = float("inf")
        self._orders: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._ringing = threading.Lock()
        self._door, self._bell = Pipe(duplex=False)
        self._open = True
        self._thread = threading.Thread(target=self._run, name=f"tomolens-queue-{device}", daemon=True)
        self._thread.start()

    # ---- from any thread
    def add(self, running: SubmittedJob) -> None:
        """Have a job wait for its turn."""
        self._order(partial(self._waiting.append, running))

    def cancel(self, running: SubmittedJob) -> None:
        """Take a job that waits out of the queue; ask a running one to stop, and end its process if it does not."""
        self._order(partial(self._cancel, running))

    def close(self) -> None:
        """End the process; what runs or waits is dropped without a word."""
        self._order(self._stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _order(self, order: Callable[[], None]) -> None:
        with self._ringing:
            if self._open:
                self._orders.put(order)
                self._bell.send_bytes(b".")

    # ---- on the queue's thread
    def _run(self) -> None:
        try:
            while self._open:
                self._begin_next()
                self._attend(wait(self._connections(), TICK if self._current else None))
                self._look_after()
        finally:
            if self._process is not None:
                self._process.leave() if self._current is None else self._process.end()
            self._door.close()
            self._bell.close()

    def _connections(self) -> list[Any]:
        return [self._door, *([self._process.pipe] if self._process else [])]

    def _attend(self, ready: list[Any]) -> None:
        if self._process is not None and self._process.pipe in ready:
            self._listen(self._process)
        if self._door in ready:
            self._door.recv_bytes()
            self._orders.get()()

    def _stop(self) -> None:
        with self._ringing:
            self._open = False

    def _cancel(self, running: SubmittedJob) -> None:
        if running in self._waiting:
            self._waiting.remove(running)
            running.end(Outcome("cancelled"))
        elif running is self._current and self._process is not None:
            self._deadline = time.monotonic() + GRACE
            self._send(self._process, "cancel")

    def _begin_next(self) -> None:
        if self._current is not None or not self._waiting:
            return
        running = min(self._waiting, key=lambda one: one.rank)
        self._waiting.remove(running)
        try:
            data, self._lent = lend((running.function, running.args))
        except MemoryError:
            running.end(Outcome("failed", sentence=OUT_OF_MEMORY.format(title="The job")))
        except (PicklingError, TypeError, AttributeError) as error:
            running.end(Outcome("failed", sentence=f"The job cannot be handed to the engine ({error})."))
        else:
            self._unheard = self._process is not None
            self._process = self._process or EngineProcess(self._device)
            self._current, self._number, self._deadline = running, self._number + 1, float("inf")
            running.begin()
            self._process.note_heartbeat()
            self._send(self._process, "run", data)

    def _send(self, process: EngineProcess, verb: str, data: bytes = b"") -> None:
        try:
            process.send(verb, self._number, data)
        except OSError:
            self._lost(process)

    def _listen(self, process: EngineProcess) -> None:
        try:
            kind, what = process.pipe.recv()
        except (EOFError, OSError):
            self._lost(process)
            return
        process.note_heartbeat()
        self._unheard = False
        if self._current is None:
            return
        if kind == "progress":
            self._current.advance(*what)
        elif kind == "preview":
            self._current.show(take(what))
        elif kind == "end" and what.device_lost:
            self._replace(process, what)
        elif kind == "end":
            self._finish(replace(what, value=take(what.value)) if what.state == "done" else what)

    def _look_after(self) -> None:
        process = self._process
        if self._current is None or process is None:
            return
        if time.monotonic() > self._deadline:
            log.info("a job did not follow the cancel within %.0f s: its process is replaced", GRACE)
            self._replace(process, Outcome("cancelled"))
        elif process.is_hung():
            log.error("the engine process for %s hangs", self._device)
            self._replace(process, Outcome("failed", sentence=HUNG))
        elif not process.alive and not process.pipe.poll():
            self._lost(process)

    def _lost(self, process: EngineProcess) -> None:
        """The process ended by itself."""
        self._process = None
        code = process.end()
        log.error("the engine process for %s ended with code %d", self._device, code)
        running = self._current
        if running is not None and self._unheard and not running.stopping:  # it was gone before the job came
            self._waiting.insert(0, running)
            self._current = None
            return
        self._finish(Outcome("failed", sentence=exit_reason(code), detail=f"exit code {code}"))

    def _replace(self, process: EngineProcess, outcome: Outcome) -> None:
        self._process = None
        process.end()
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        running, self._current, self._lent = self._current, None, []
        if running is not None:
            running.end(outcome)
