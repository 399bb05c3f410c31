"""A reader process: runs named functions on foreign files one by one, and goes with its parent.

It is capped in memory and has, on Linux, no network.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.compute.no_network import leave_network
from viewer.io.errors import sentence
from viewer.io.work_item import attach_slot
from viewer.processes.functions import function_of
from viewer.processes.messages import borrow

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from viewer.processes.shared_array import SharedHandle

if sys.platform != "win32":
    import resource

CALL_FAULT = "A request did not reach the reader process ({}): this is a fault of Tomolens, not of the file; report it."
WARM = (
    "viewer.io.reader.probe_file",
    "viewer.io.dicom.pixels.read",
    "viewer.io.find_files",
)  # imported before the first request


def serve(pipe: Connection, slot: SharedHandle, memory_limit: int, most_answer: int) -> None:
    """The life of a reader process.

    slot: see work_item. memory_limit: bytes of address space beyond what it has at the start. most_answer: bytes of one
    answer.
    """
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the window
    leave_network()
    attach_slot(slot)
    for module in WARM:
        import_module(module)
    _silence_output()
    baseline = _cap_memory(memory_limit)
    pipe.send((True, None))
    while True:
        try:
            mapped, request = pipe.recv()
        except (EOFError, OSError):
            return
        _set_limit(baseline + memory_limit + mapped)
        try:
            pipe.send_bytes(_pack(_answer(request), most_answer))
        except OSError:
            return


def _answer(request: bytes) -> tuple[bool, Any]:
    """(True, result) or (False, one sentence). This is the door at which whatever a foreign file raises ends.

    That is more than exceptions: a decoder in Rust panics, another one exits. Ctrl-C is no matter of the file.
    """
    try:
        name, arguments = borrow(request)
        function = function_of(name)
    except Exception as error:  # noqa: BLE001
        return False, CALL_FAULT.format(type(error).__name__)
    try:
        return True, function(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        return False, sentence(error)


def _pack(answer: tuple[bool, Any], most: int) -> bytes:
    """The answer in at most `most` bytes: what reaches the window must leave it room. Else a sentence."""
    try:
        data = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        data = b""
    if data and len(data) <= most:
        return data
    return pickle.dumps((False, f"What it holds takes more than the {most / 2**30:.1f} GB that there is room for."))


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _silence_output() -> None:
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
    _set_limit(baseline + limit)
    return baseline


def _set_limit(size: int) -> None:
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
