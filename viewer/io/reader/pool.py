"""The reader processes and the thread that hands out work to them, listens, and stops what hangs.

One thread owns all state here, so there are no locks: others only put functions into its inbox (`call_soon`).
"""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import signal
import threading
import time
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing.connection import Connection, wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import psutil

from viewer.io.reader.reader_worker import CALL_FAULT, serve
from viewer.io.work_item import COMPUTED, DECODED, ITEM, NUMBERS, SINCE
from viewer.processes.messages import lend
from viewer.processes.shared_array import create_shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

TICK = 0.25  # seconds between looks at the clock
CANCEL_GRACE = 0.5  # seconds that cancelled work may go on before its process is stopped
FAILED_STARTS = 3  # processes that die before they can work, until we give up
ENDING = 1.0  # seconds that a process may take to end after its pipe is closed
DECODED_A_SECOND = 2 << 20  # bytes that the slowest decoder on the slowest machine makes
STUCK = 1.0  # seconds at one item after which a process no longer counts as one that others may wait for


class Owner(Protocol):
    """Who a request to a reader process is made for."""

    @property
    def cancelled(self) -> bool:
        """Whether no answer is wanted any more."""
        ...


@dataclass(eq=False)
class PoolRequest:
    """One request to a reader process. All callbacks run on the pool's thread.

    function: "module:name". urgency: lower goes first; equals in their order. seconds: for each item; computing: of
    these, that the processor may be busy with it (0: no limit), which does not depend on what else the machine does.
    stopped: called with the item at work and why, where the process died or had to be killed; failed: with the sentence
    it answered.
    """

    owner: Owner
    function: str
    arguments: tuple[Any, ...]
    done: Callable[[Any], None]
    failed: Callable[[str], None]
    stopped: Callable[[int, str], None]
    urgency: int = 1
    seconds: float = 0.0  # 0: the pool's
    computing: float = 0.0
    progressed: Callable[[int], None] | None = None  # told now and then which item it is at


@dataclass(eq=False)
class _Worker:
    """A process, our end of its pipe, its progress slot (see work_item), and what it works on."""

    process: Any
    pipe: Connection
    slot: NDArray[np.int64]
    ready: bool = False
    request: PoolRequest | None = None
    lent: list[Any] = field(default_factory=list)
    cancelled_at: float = 0.0


class Pool:
    """The reader processes, and the requests that wait for one.

    count: processes; one more where one of them is stuck and others wait. memory_limit: bytes each may take.
    most_answer: bytes of one answer. seconds: that a file may take. computing: that the processor may be busy with a
    frame, in seconds, apart from what its size adds.
    """

    def __init__(self, count: int, memory_limit: int, most_answer: int, seconds: float, computing: float) -> None:
        self.count, self.seconds, self.computing = count, seconds, computing
        self._memory_limit, self._most_answer = memory_limit, most_answer
        self._context = multiprocessing.get_context("spawn")
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._listen, self._call = multiprocessing.Pipe(duplex=False)
        self._waiting: dict[int, list[PoolRequest]] = {}
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tomolens-reader", daemon=True)
        self._thread.start()

    def call_soon(self, function: Callable[[], None]) -> None:
        """Run it on the pool's thread, soon; nothing happens after `close`."""
        if self._thread.is_alive():
            self._inbox.put(function)
            self._call.send_bytes(b"!")

    def add(self, request: PoolRequest) -> None:
        """Queue a request. On the pool's thread only."""
        self._waiting.setdefault(request.urgency, []).append(request)

    def warm(self) -> None:
        """Start the processes now."""
        self.call_soon(lambda: self._start_for(self.count))

    def frame_seconds(self, size: int) -> float:
        """Seconds that the processor may be busy with a compressed frame of `size` bytes when it is decoded."""
        return self.computing + size / DECODED_A_SECOND

    def close(self) -> None:
        """Stop everything at once; nothing is called afterwards, and nothing is left."""
        if self._thread.is_alive():
            self.call_soon(self._shut)
            self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            self._hand_out()
            pipes = {worker.pipe: worker for worker in self._workers}
            busy = any(worker.request for worker in self._workers)
            for ready in wait([self._listen, *pipes], TICK if busy else None):
                if ready is self._listen:
                    self._read_inbox()
                elif self._workers and not self._closing:
                    self._receive(pipes[ready])  # type: ignore[index]
            self._check_limits()
        for worker in self._workers:
            _kill(worker)
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
        """Give the most urgent requests to idle processes; start as many as have work, and room."""
        self._waiting = {
            urgency: wanted
            for urgency, requests in self._waiting.items()
            if (wanted := [one for one in requests if not one.owner.cancelled])
        }
        if self._waiting:
            self._start_for(sum(map(len, self._waiting.values())))
        for worker in self._workers:
            if self._waiting and worker.ready and worker.request is None:
                self._assign(worker, self._next_request())

    def _next_request(self) -> PoolRequest:
        urgency = min(self._waiting)
        request = self._waiting[urgency].pop(0)
        if not self._waiting[urgency]:
            del self._waiting[urgency]
        return request

    def _assign(self, worker: _Worker, request: PoolRequest) -> None:
        try:
            data, worker.lent = lend((request.function, request.arguments))
        except (MemoryError, pickle.PicklingError, TypeError, AttributeError) as error:
            request.failed(CALL_FAULT.format(type(error).__name__))
            return
        worker.request, worker.cancelled_at = request, 0.0
        worker.slot[:] = 0, time.monotonic_ns(), _processor_time(worker), 0
        try:
            worker.pipe.send((sum(array.nbytes for array in worker.lent), data))
        except OSError:
            self._drop_worker(worker)

    def _start_for(self, count: int) -> None:
        while self._needs_process(count) and self._failed_starts < FAILED_STARTS:
            try:
                self._workers.append(self._start())
            except (OSError, MemoryError):
                log.exception("a reader process cannot be started")
                self._failed_starts += 1
        if not self._workers:
            self._failed_starts, waiting, self._waiting = 0, self._waiting, {}
            for request in chain(*waiting.values()):
                request.failed("The reader process cannot be started: close other programs and try again.")

    def _needs_process(self, count: int) -> bool:
        free = sum(worker.request is None for worker in self._workers)
        return free < count and len(self._workers) < self.count + self._spare()

    def _spare(self) -> int:
        """One process more where one is stuck at something: what others wait for goes on meanwhile."""
        now = time.monotonic()
        return int(any(worker.request and now - worker.slot[SINCE] / 1e9 > STUCK for worker in self._workers))

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        slot, handle = create_shared((NUMBERS,), np.int64)
        arguments = theirs, handle, self._memory_limit, self._most_answer
        process = self._context.Process(target=serve, args=arguments, name="tomolens-reader", daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, slot)

    # ---- answers in
    def _receive(self, worker: _Worker) -> None:
        try:
            data = worker.pipe.recv_bytes(self._most_answer + 1)
            fine, result = pickle.loads(data)
        except (EOFError, OSError):
            self._drop_worker(worker)
            return
        except (MemoryError, pickle.UnpicklingError):
            self._drop_worker(worker, "gave an answer that there is no room for")
            return
        self._failed_starts = 0
        if not worker.ready:
            worker.ready = True
            return
        request, worker.request, worker.lent = worker.request, None, []
        if request is None or request.owner.cancelled:
            return
        (request.done if fine else request.failed)(result)

    def _check_limits(self) -> None:
        now = time.monotonic()
        for worker in [one for one in self._workers if one.request is not None]:
            request = worker.request
            if request is None:
                continue
            limit = request.seconds or self.seconds
            decoded = int(
                worker.slot[DECODED]
            )  # before the time that it has taken, which is that of the same item or a later
            computing = self.frame_seconds(decoded) if decoded else request.computing
            if request.owner.cancelled:
                worker.cancelled_at = worker.cancelled_at or now
            if worker.cancelled_at and now - worker.cancelled_at > CANCEL_GRACE:
                self._drop_worker(worker, "was cancelled")
            elif now - worker.slot[SINCE] / 1e9 > limit:
                self._drop_worker(worker, f"took longer than {limit:g} s")
            elif computing and (_processor_time(worker) - worker.slot[COMPUTED]) / 1e9 > computing:
                self._drop_worker(worker, f"computed for longer than {computing:.1f} s")
            elif request.progressed:
                request.progressed(int(worker.slot[ITEM]))

    def _drop_worker(self, worker: _Worker, why: str = "") -> None:
        """A process died (by itself where no `why` is given): tell whose work it was; the next starts when needed."""
        self._workers.remove(worker)
        if not worker.ready:
            self._failed_starts += 1
        why = why or _end_of_process(worker)
        if worker.slot[DECODED]:
            why += f" at frame {worker.slot[ITEM]}, without which the others would mislead"
        _kill(worker)
        log.warning("a reader process %s", why)
        request = worker.request
        if request is not None and not request.owner.cancelled:
            request.stopped(int(worker.slot[ITEM]), why)


def _processor_time(worker: _Worker) -> int:
    """What the processor has done for the process, in ns."""
    try:
        times = psutil.Process(worker.process.pid).cpu_times()
    except psutil.Error:
        return 0  # it has ended, which its pipe will tell
    return int(1e9 * (times.user + times.system))


def _end_of_process(worker: _Worker) -> str:
    """How a process ended whose pipe is closed."""
    worker.process.join(ENDING)
    code = worker.process.exitcode or 0
    return f"crashed ({signal.strsignal(-code)})" if code < 0 else "ended"


def _kill(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.process.close()
    worker.pipe.close()
