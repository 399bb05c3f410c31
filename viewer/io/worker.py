"""A reader process: runs named functions on foreign files one by one, capped in memory, and goes with its parent."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from viewer.data.shared import SharedHandle, attach_shared
from viewer.io import parcel
from viewer.io.failure import sentence

if sys.platform != "win32":
    import resource

WARM = ("viewer.io.look", "viewer.io.dicom_read", "viewer.io.find")  # imported before the first request

_desk = np.zeros(2, np.int64)  # which item of the request is worked on, and since when (monotonic ns); the client looks


def at(item: int) -> None:
    """Say that work on this item of the request begins: the client blames, and times, the item that is named here."""
    _desk[:] = item, time.monotonic_ns()


def alive() -> None:
    """Say that work on the present item goes on, so that it is not taken for hanging."""
    _desk[1] = time.monotonic_ns()


def serve(pipe: Connection, desk: SharedHandle, memory_limit: int) -> None:
    """The life of a reader process. memory_limit: bytes of address space beyond what it has at the start."""
    global _desk
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the window
    _desk = attach_shared(desk)
    for module in WARM:
        import_module(module)
    _silence()
    baseline = _cap_memory(memory_limit)
    pipe.send(True)
    while True:
        try:
            mapped, request = pipe.recv()
        except (EOFError, OSError):
            return
        _limit(baseline + memory_limit + mapped)
        pipe.send(_answer(request))


def _answer(request: bytes) -> tuple[bool, Any]:
    """(True, result) or (False, one sentence). This is the door at which whatever a foreign file raises ends."""
    try:
        function, arguments = parcel.unpack(request)
        return True, named(function)(*arguments)
    except Exception as error:  # noqa: BLE001
        return False, sentence(error)


@lru_cache
def named(name: str) -> Callable[..., Any]:
    """The function that "package.module:function" names."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _silence() -> None:
    """What libraries have to say about a foreign file may hold patient data and helps nobody in a terminal."""
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(sink, stream)
    os.close(sink)


def _cap_memory(limit: int) -> int:
    """Cap the address space at `limit` bytes beyond the present size, which is returned; no cap where none exists."""
    statm = Path("/proc/self/statm")
    baseline = int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0
    _limit(baseline + limit)
    return baseline


def _limit(size: int) -> None:
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
