"""The engine process, from within: takes one job at a time from the pipe, and answers on it."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from pickle import PicklingError
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from viewer.compute.engine.job import Job
from viewer.compute.engine.run_job import Outcome, out_of_memory, run_job
from viewer.compute.no_network import leave_network, no_network
from viewer.processes.messages import borrow, give
from viewer.processes.shared_array import sweep_owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

BEAT = 0.5  # seconds between two signs of life while a job runs


def serve(pipe: Connection[Any, Any], device: str) -> None:
    """Work until the other end of the pipe is gone: closed, or dead with its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the window's to answer
    faulthandler.enable()
    leave_network()
    with no_network():
        _Worker(pipe, device).work()


class _Worker:
    """Jobs run on the main thread; another one listens, so that a cancel, and the window's end, are heard meanwhile."""

    def __init__(self, pipe: Connection[Any, Any], device: str) -> None:
        self._pipe, self._device = pipe, device
        self._sending = threading.Lock()
        self._jobs: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
        self._cancelled = -1

    def work(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            number, data = self._jobs.get()
            self._run(number, data)
            gc.collect()  # what the job held goes now, not when the next one comes

    def _listen(self) -> None:
        try:
            while True:
                verb, number, data = self._pipe.recv()
                if verb == "run":
                    self._jobs.put((number, data))
                else:
                    self._cancelled = number
        except (EOFError, OSError):
            _leave()

    def _run(self, number: int, data: bytes) -> None:
        job = Job(
            tell=lambda fraction, text: self._send("progress", (fraction, text)),
            show=lambda value: self._send("preview", give(value)),
            cancelled=lambda: self._cancelled == number,
            device=self._device,
        )
        with self._heartbeat():
            function, args = borrow(data)
            outcome = _packed(run_job(function, args, job), job)
        self._send("end", outcome)

    @contextmanager
    def _heartbeat(self) -> Iterator[None]:
        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT):
                self._send("beat", None)

        self._send("beat", None)
        threading.Thread(target=beat, daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _send(self, kind: str, what: Any) -> None:
        try:
            with self._sending:
                self._pipe.send((kind, what))
        except OSError:
            _leave()


def _packed(outcome: Outcome, job: Job) -> Outcome:
    """The outcome with its value as it goes on the pipe."""
    if outcome.state != "done":
        return outcome
    try:
        return replace(outcome, value=give(outcome.value))
    except MemoryError:
        return out_of_memory(job)
    except (PicklingError, TypeError, AttributeError) as error:
        return Outcome("failed", sentence=f"{job.title} failed: its result cannot be handed over ({error}).")


def _leave() -> None:
    """Nobody is there to answer to: take the segments that were not adopted along."""
    sweep_owner(os.getpid())
    os._exit(0)
