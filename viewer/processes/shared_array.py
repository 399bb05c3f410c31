"""Arrays in shared memory: written by one process, read by another, never copied on the way.

A segment is a file in the system's memory file system (the temporary folder where there is none). The array keeps the
mapping alive through numpy's base; the file goes when the owner's mapping goes.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import tempfile
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import numpy as np
import psutil

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREFIX = "tomolens-"
CHUNK = 1 << 22  # bytes that are written at once where memory cannot be reserved
FOLDER = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())


_handles: weakref.WeakKeyDictionary[mmap.mmap, SharedHandle] = weakref.WeakKeyDictionary()  # mapping -> its segment


@dataclass(frozen=True)
class SharedHandle:
    """What travels on a pipe in place of an array. offset: bytes from the segment's beginning to the array's."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int = 0


def create_shared(shape: tuple[int, ...], dtype: Any, *, own: bool = True) -> tuple[NDArray[Any], SharedHandle]:
    """A new zeroed array and its handle. With own=False the process that attaches with own=True removes the segment.

    Raises MemoryError where the system cannot hold it.
    """
    kind = np.dtype(dtype)
    size = _bytes(shape, kind)
    path = FOLDER / _name()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _reserve(descriptor, size)
            block = mmap.mmap(descriptor, size)
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise MemoryError(f"no room for {size >> 20} MB of shared memory in {FOLDER} ({why})") from error
    handle = SharedHandle(path.name, tuple(int(n) for n in shape), kind.str)
    return _array(block, handle, own=own), handle


def attach_shared(handle: SharedHandle, *, own: bool = False) -> NDArray[Any]:
    """The array another process made. Raises FileNotFoundError when its owner let it go."""
    skipped = handle.offset % mmap.ALLOCATIONGRANULARITY
    size = _bytes(handle.shape, np.dtype(handle.dtype))
    with (FOLDER / handle.name).open("r+b") as file:
        block = mmap.mmap(file.fileno(), skipped + size, offset=handle.offset - skipped)
    return _array(block, handle, own=own, skipped=skipped)


def open_shared(handle: SharedHandle) -> BinaryIO:
    """The segment as an unbuffered file: filling it by writes costs half of what the page faults of a mapping cost."""
    return (FOLDER / handle.name).open("r+b", buffering=0)


def write_shared(segment: BinaryIO, offset: int, values: NDArray[Any]) -> None:
    """Put values at an offset in bytes into a segment opened by open_shared."""
    segment.seek(offset)
    left = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
    while left:
        left = left[segment.write(left) :]


def adopt_shared(handle: SharedHandle) -> NDArray[Any]:
    """Take over a segment that another process made with own=False: it outlives that process and goes with the array.

    Raises FileNotFoundError when it is gone.
    """
    name = _name()
    (FOLDER / handle.name).rename(FOLDER / name)
    return attach_shared(replace(handle, name=name), own=True)


def share(array: NDArray[Any]) -> tuple[NDArray[Any], SharedHandle]:
    """The array as a segment: itself where it lies in one, else a copy. Keep what is returned while others read."""
    handle = handle_of(array)
    if handle:
        return array, handle
    copy, handle = create_shared(array.shape, array.dtype)
    copy[...] = array
    return copy, handle


def handle_of(array: NDArray[Any]) -> SharedHandle | None:
    """The handle of an array that lies, whole and in order, in a segment, such as one time point of several."""
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    owner = whole.base.obj if isinstance(whole.base, memoryview) else whole.base
    segment = _handles.get(owner) if isinstance(owner, mmap.mmap) else None
    if segment is None or not array.flags.c_contiguous:
        return None
    offset = segment.offset + array.ctypes.data - whole.ctypes.data
    return SharedHandle(segment.name, array.shape, array.dtype.str, offset)


def drop_shared(handle: SharedHandle) -> None:
    """Remove a segment that nobody attached to."""
    with contextlib.suppress(FileNotFoundError):
        (FOLDER / handle.name).unlink()


def sweep_shared() -> int:
    """Remove the segments of processes that are gone (killed, or crashed); how many there were."""
    owners = {path.name.removeprefix(PREFIX).split("-")[0] for path in FOLDER.glob(f"{PREFIX}*")}
    return sum(sweep_owner(int(pid)) for pid in owners if pid.isdigit() and not psutil.pid_exists(int(pid)))


def sweep_owner(pid: int) -> int:
    """Remove the segments that one process made and nobody adopted; how many there were."""
    count = 0
    for path in FOLDER.glob(f"{PREFIX}{pid}-*"):
        with contextlib.suppress(OSError):
            path.unlink()
            count += 1
    return count


def _name() -> str:
    return f"{PREFIX}{os.getpid()}-{uuid4().hex}"


def _bytes(shape: tuple[int, ...], kind: np.dtype[Any]) -> int:
    """Counted in Python's integers, which do not overflow; at least 1, as an empty file cannot be mapped."""
    return max(1, math.prod(int(n) for n in shape) * kind.itemsize)


def _reserve(descriptor: int, size: int) -> None:
    """Take the memory now: a full memory file system must say so here, not as a bus error at the first write."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:  # a file that was only made longer has holes, which are filled at the first write
        part = bytes(min(size, CHUNK))
        left = size
        while left:
            left -= os.write(descriptor, part[:left])


def _array(block: mmap.mmap, handle: SharedHandle, *, own: bool, skipped: int = 0) -> NDArray[Any]:
    _handles[block] = handle
    if own:
        weakref.finalize(block, drop_shared, handle)
    return np.ndarray(handle.shape, handle.dtype, buffer=block, offset=skipped)
