"""The engine without a process of its own, for the command line and tests: a job cannot tell the difference.

It cannot be killed either: a cancel waits for the job's next progress.
"""

from __future__ import annotations

import threading
from itertools import count
from queue import PriorityQueue
from typing import TYPE_CHECKING

from viewer.compute.engine.engine import Engine
from viewer.compute.engine.job import Job
from viewer.compute.engine.run_job import Outcome, run_job
from viewer.processes.messages import borrow, lend

if TYPE_CHECKING:
    from viewer.compute.engine.submission import JobQueue, SubmittedJob


class ThreadQueue:
    """Jobs one at a time on a thread, by priority, then first come, first served."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._waiting: PriorityQueue[tuple[int, int, SubmittedJob | None]] = PriorityQueue()
        self._numbers = count()
        self._open = True
        self._turn = threading.Lock()  # a job begins, or ends before it has begun
        self._thread = threading.Thread(target=self._run, name=f"tomolens-runner-{device}", daemon=True)
        self._thread.start()

    def add(self, running: SubmittedJob) -> None:
        """Have a job wait for its turn."""
        self._waiting.put((running.rank, next(self._numbers), running))

    def cancel(self, running: SubmittedJob) -> None:
        """End a job that waits; a running one ends at its next progress."""
        with self._turn:
            if running.state == "queued":
                running.end(Outcome("cancelled"))

    def close(self) -> None:
        """Stop at the job's next progress; a job that does not get there is left to its thread."""
        self._open = False
        self._waiting.put((-1, next(self._numbers), None))  # before all that wait
        self._thread.join(2.0)

    def _run(self) -> None:
        while (running := self._waiting.get()[-1]) is not None:
            with self._turn:
                if running.ended:
                    continue
                running.begin()
            running.end(self._perform(running))

    def _perform(self, running: SubmittedJob) -> Outcome:
        job = Job(
            tell=running.advance,
            show=running.show,
            cancelled=lambda: running.stopping or not self._open,
            device=self._device,
        )
        data, _lent = lend(running.args)  # as the engine's: copies where they are not shared, and read-only
        return run_job(running.function, borrow(data), job)


class Runner(Engine):
    """An Engine in this process."""

    queue: type[JobQueue] = ThreadQueue
