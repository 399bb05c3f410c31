"""How the tests of the engine submit a job and hear of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from viewer.compute.engine.engine import Engine
from viewer.compute.engine.submission import SubmittedJob
from viewer.processes.shared_array import FOLDER, PREFIX

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and limits")


class Heard:
    """Everything that was said of one job."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.over = threading.Event()
        self.begun = threading.Event()

    def listeners(self) -> dict[str, Any]:
        return {
            name: self._listener(name) for name in ("started", "progress", "preview", "done", "failed", "cancelled")
        }

    def _listener(self, name: str) -> Callable[..., None]:
        def listen(*what: Any) -> None:
            self.said.append((name, *what))
            if name in ("progress", "done", "failed", "cancelled"):
                self.begun.set()
            if name in ("done", "failed", "cancelled"):
                self.over.set()

        return listen

    def end(self, seconds: float = 30) -> tuple[Any, ...]:
        assert self.over.wait(seconds), f"no end of the job; heard {self.said}"
        return self.said[-1]


def submit(engine: Engine, function: str, *args: Any, **options: Any) -> tuple[SubmittedJob, Heard]:
    heard = Heard()
    return engine.submit(f"engine_jobs:{function}", args, **options, **heard.listeners()), heard


def engine_pid(engine: Engine) -> int:
    return int(submit(engine, "where")[1].end()[1][0])


def segments() -> set[str]:
    return {path.name for path in FOLDER.glob(f"{PREFIX}{os.getpid()}-*")}


def children() -> set[int]:
    """Child processes, without the interpreter's own tracker of resources, which stays."""
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if "resource_tracker" not in str(child.cmdline())
    }
