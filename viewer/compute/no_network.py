"""Jobs have no network: neither a plugin nor the code in a model file can send anything out or fetch anything.

Python's own sockets are refused by an audit hook, which cannot be taken away again. In an engine process on Linux the
kernel refuses them as well: to libraries in C, and to every program that is started from there. Processes that read
foreign files leave the network in the same way: what takes one of them over by a decoder can tell nobody what it sees.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import platform
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

SENTENCE = (
    "it asked for the network, which plugins and models do not have here: get what it needs yourself, and give it "
    "as a file."
)
LOCAL = tuple(int(getattr(socket, name)) for name in ("AF_UNIX", "AF_NETLINK") if hasattr(socket, name))
EVENTS = frozenset(
    f"socket.{name}"
    for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo", "connect", "bind", "sendto", "sendmsg")
)

# The kernel's filter: https://docs.kernel.org/userspace-api/seccomp_filter.html, linux/filter.h, linux/seccomp.h.
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2  # of prctl
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # instructions
ALLOW, ERROR = 0x7FFF0000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENT = 0, 4, 16  # where the data of a call hold them
SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # architecture, number of the call socket()
IO_URING, OTHER_TABLE = 425, 0x40000000  # io_uring_setup(), whose rings open sockets too; calls of x32

_jobs = 0  # that run in this process without a network
_changing = threading.Lock()
_hooked = False


class Offline(Refusal, ConnectionError):
    """What a job gets that asks for the network; libraries that can do without take it for a broken connection."""

    def __init__(self) -> None:
        super().__init__(SENTENCE)


@contextmanager
def no_network() -> Iterator[None]:
    """Within it, whatever asks for the network in this process gets Offline. Sockets between processes go on."""
    global _jobs
    _hook()
    with _changing:
        _jobs += 1
    try:
        yield
    finally:
        with _changing:
            _jobs -= 1


def offline_cause(error: BaseException | None) -> Offline | None:
    """The Offline that an exception is, or comes from."""
    while error is not None and not isinstance(error, Offline):
        error = error.__cause__ or error.__context__
    return error


def leave_network() -> None:
    """The same for the whole process and what it starts, for good, where the kernel can: on Linux."""
    known = SOCKET.get(platform.machine()) if sys.platform == "linux" else None
    if known is None:
        return
    refuse = RETURN, 0, 0, ERROR | errno.EACCES
    code = [
        (LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, known[0]), refuse,
        (LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, OTHER_TABLE), refuse,
        (EQUAL, 0, 1, IO_URING), refuse,
        (EQUAL, 1, 0, known[1]), (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, ARGUMENT), *((EQUAL, len(LOCAL) - n, 0, family) for n, family in enumerate(LOCAL)),
        refuse, (RETURN, 0, 0, ALLOW),
    ]  # fmt: skip
    steps = (_Step * len(code))(*(_Step(*step) for step in code))
    program = _Program(len(code), ctypes.cast(steps, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SECCOMP, FILTER, ctypes.byref(program), 0, 0):
        log.warning("the kernel cannot keep this process off the network (error %d)", ctypes.get_errno())


class _Step(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("steps", ctypes.c_void_p))


def _hook() -> None:
    global _hooked
    with _changing:
        if not _hooked:
            sys.addaudithook(_watch)
            _hooked = True


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _jobs or not event.startswith("socket."):
        return
    if event == "socket.__new__":
        family = int(arguments[1])
    elif event in EVENTS:
        family = int(getattr(arguments[0], "family", -1))
    else:
        return
    if family not in LOCAL:
        raise Offline
