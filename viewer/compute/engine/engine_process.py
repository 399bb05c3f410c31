"""The engine process, from without: started, spoken to, watched, ended."""

from __future__ import annotations

import multiprocessing
import signal
import time

import psutil

from viewer.compute.engine.engine_worker import serve
from viewer.processes.shared_array import sweep_owner

PATIENCE = 60.0  # seconds of silence after which a process that does nothing counts as hung
KILLED = -9  # exit code of a process that the system, or we, ended by SIGKILL
BUSY = 0.05  # of one processor core: a silent process that uses more computes in code that holds the interpreter


class EngineProcess:
    """A process of a device, started. pipe: where its messages (kind, what) arrive."""

    def __init__(self, device: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, device), name=f"tomolens-{device}", daemon=True)
        self._process.start()
        theirs.close()
        self._watched = psutil.Process(self._process.pid)
        self.note_heartbeat()

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.is_alive()

    def send(self, verb: str, number: int, data: bytes = b"") -> None:
        """Send a verb ("run", "cancel") with a job's number. Raises OSError where the process is gone."""
        self.pipe.send((verb, number, data))

    def note_heartbeat(self) -> None:
        """Note that it gave a sign of life."""
        self._heard, self._used = time.monotonic(), self._seconds_used()

    def is_hung(self) -> bool:
        """True where it was silent for long, and not for being busy in C code that keeps the interpreter's lock."""
        silent = time.monotonic() - self._heard
        if silent < PATIENCE:
            return False
        if self._seconds_used() - self._used > BUSY * silent:
            self.note_heartbeat()
            return False
        return True

    def end(self) -> int:
        """Stop it and whatever it started, at once; returns its exit code (minus the signal, where one ended it)."""
        pid = int(self._process.pid or 0)
        if self.alive:
            self._kill()
        self._process.join()
        code = int(self._process.exitcode or 0)
        self.pipe.close()
        self._process.close()
        sweep_owner(pid)
        return code

    def leave(self) -> None:
        """Let it end by itself; the kill comes where it does not."""
        self.pipe.close()
        self._process.join(1.0)
        self.end()

    def _kill(self) -> None:
        try:
            offspring = self._watched.children(recursive=True)
        except psutil.NoSuchProcess:
            offspring = []
        for process in (self._process, *offspring):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue

    def _seconds_used(self) -> float:
        try:
            times = self._watched.cpu_times()
        except psutil.NoSuchProcess:
            return 0.0
        return float(times.user + times.system)


def exit_reason(code: int) -> str:
    """What an unexpected end of the process means, in one sentence."""
    if code == KILLED:
        return "The system stopped the job, most likely for want of memory: close other images, then run it again."
    cause = signal.strsignal(-code) if code < 0 else f"exit code {code}"
    return f"The job crashed ({cause}): run it again; if it crashes again, report it with the log."


HUNG = "The job stopped answering and was ended: run it again; if it happens again, report it with the log."
