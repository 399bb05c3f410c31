"""The reader processes and the thread that hands out work to them, listens, and stops what hangs.

One thread owns all state here, so there are no locks: other threads only put functions into its inbox (`Pool.do`).
"""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing.connection import Connection, wait
from pickle import PicklingError
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from viewer.data.shared import create_shared
from viewer.io import parcel
from viewer.io.failure import sentence
from viewer.io.worker import serve

log = logging.getLogger(__name__)

TICK = 0.25  # seconds between looks at the clock
CANCEL_GRACE = 0.5  # seconds that cancelled work may go on before its process is stopped
FAILED_STARTS = 3  # processes that die before they can work, until we give up


class Owner(Protocol):
    """What a unit of work belongs to."""

    @property
    def cancelled(self) -> bool: ...


@dataclass(eq=False)
class Unit:
    """One request to a reader process. All callbacks run on the pool's thread.

    function: "module:name". urgency: lower goes first; equals in their order. seconds: for each item. stopped: called
    with the item at work and why, where the process died or had to be killed; failed: with the sentence it answered.
    """

    owner: Owner
    function: str
    arguments: tuple[Any, ...]
    done: Callable[[Any], None]
    failed: Callable[[str], None]
    stopped: Callable[[int, str], None]
    urgency: int = 1
    seconds: float = 0.0  # 0: the pool's
    progressed: Callable[[int], None] | None = None  # told now and then which item it is at


@dataclass(eq=False)
class _Worker:
    """A process, our end of its pipe, its desk (see worker.at), and what it works on."""

    process: Any
    pipe: Connection
    desk: NDArray[np.int64]
    ready: bool = False
    unit: Unit | None = None
    kept: list[Any] = field(default_factory=list)
    cancelled_at: float = 0.0


class Pool:
    """count: processes. memory_limit: bytes each may take. seconds: that a file may take."""

    def __init__(self, count: int, memory_limit: int, seconds: float) -> None:
        self.count, self._memory_limit, self.seconds = count, memory_limit, seconds
        self._context = multiprocessing.get_context("spawn")
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._listen, self._call = multiprocessing.Pipe(duplex=False)
        self._waiting: dict[int, list[Unit]] = {}
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tomolens-reader", daemon=True)
        self._thread.start()

    def do(self, function: Callable[[], None]) -> None:
        """Run it on the pool's thread, soon; nothing happens after `close`."""
        if self._thread.is_alive():
            self._inbox.put(function)
            self._call.send_bytes(b"!")

    def add(self, unit: Unit) -> None:
        """Queue a unit. On the pool's thread only."""
        self._waiting.setdefault(unit.urgency, []).append(unit)

    def warm(self) -> None:
        """Start the processes now."""
        self.do(self._start_all)

    def close(self) -> None:
        """Stop everything at once; nothing is called afterwards, and nothing is left."""
        if self._thread.is_alive():
            self.do(self._shut)
            self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            self._hand_out()
            pipes = {worker.pipe: worker for worker in self._workers}
            busy = any(worker.unit for worker in self._workers)
            for ready in wait([self._listen, *pipes], TICK if busy else None):
                if ready is self._listen:
                    self._read_inbox()
                elif self._workers and not self._closing:
                    self._hear(pipes[ready])  # type: ignore[index]
            self._look_at_clock()
        for worker in self._workers:
            _end(worker)
        self._workers.clear()
        self._listen.close()
        self._call.close()

    def _shut(self) -> None:
        self._closing = True

    def _read_inbox(self) -> None:
        self._listen.recv_bytes()
        try:
            self._inbox.get_nowait()()
        except Empty:
            log.debug("a wake-up without a message")

    # ---- work out
    def _hand_out(self) -> None:
        """Give the most urgent units to idle processes; start processes where there is work and room."""
        self._waiting = {
            urgency: kept
            for urgency, units in self._waiting.items()
            if (kept := [u for u in units if not u.owner.cancelled])
        }
        if self._waiting:
            self._start_all()
        for worker in self._workers:
            if self._waiting and worker.ready and worker.unit is None:
                self._give(worker, self._next())

    def _next(self) -> Unit:
        urgency = min(self._waiting)
        unit = self._waiting[urgency].pop(0)
        if not self._waiting[urgency]:
            del self._waiting[urgency]
        return unit

    def _give(self, worker: _Worker, unit: Unit) -> None:
        try:
            data, worker.kept = parcel.pack((unit.function, unit.arguments))
        except (MemoryError, PicklingError, TypeError, AttributeError) as error:
            unit.failed(sentence(error))
            return
        worker.unit, worker.cancelled_at = unit, 0.0
        worker.desk[:] = 0, time.monotonic_ns()
        try:
            worker.pipe.send((sum(array.nbytes for array in worker.kept), data))
        except OSError:
            self._lost(worker, "crashed")

    def _start_all(self) -> None:
        while len(self._workers) < self.count and self._failed_starts < FAILED_STARTS:
            try:
                self._workers.append(self._start())
            except (OSError, MemoryError):
                log.exception("a reader process cannot be started")
                self._failed_starts += 1
        if not self._workers:
            self._failed_starts, waiting, self._waiting = 0, self._waiting, {}
            for unit in chain(*waiting.values()):
                unit.failed("The reader process cannot be started: close other programs and try again.")

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        desk, handle = create_shared((2,), np.int64)
        process = self._context.Process(
            target=serve, args=(theirs, handle, self._memory_limit), name="tomolens-reader", daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours, desk)

    # ---- answers in
    def _hear(self, worker: _Worker) -> None:
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._lost(worker, "crashed")
            return
        self._failed_starts = 0
        if not worker.ready:
            worker.ready = True
            return
        unit, worker.unit, worker.kept = worker.unit, None, []
        if unit is None or unit.owner.cancelled:
            return
        fine, result = answer
        (unit.done if fine else unit.failed)(result)

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        for worker in [one for one in self._workers if one.unit is not None]:
            unit = worker.unit
            if unit is None:
                continue
            limit = unit.seconds or self.seconds
            if unit.owner.cancelled:
                worker.cancelled_at = worker.cancelled_at or now
            if worker.cancelled_at and now - worker.cancelled_at > CANCEL_GRACE:
                self._lost(worker, "was cancelled")
            elif now - worker.desk[1] / 1e9 > limit:
                self._lost(worker, f"took longer than {limit:g} s")
            elif unit.progressed:
                unit.progressed(int(worker.desk[0]))

    def _lost(self, worker: _Worker, why: str) -> None:
        """A process died or must: take it away and tell the owner of its work; the next one starts when needed."""
        self._workers.remove(worker)
        if not worker.ready:
            self._failed_starts += 1
        _end(worker)
        log.warning("a reader process %s", why)
        unit = worker.unit
        if unit is not None and not unit.owner.cancelled:
            unit.stopped(int(worker.desk[0]), why)


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.process.close()
    worker.pipe.close()
