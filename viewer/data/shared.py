"""Arrays in shared memory: written by one process, read by another, never copied on the way.

A segment is a file in the system's memory file system (the temporary folder where there is none). The array keeps the
mapping alive through numpy's base; the file goes when the owner's mapping goes.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psutil
from numpy.typing import NDArray

PREFIX = "tomolens-"
FOLDER = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())


_handles: weakref.WeakKeyDictionary[Any, SharedHandle] = weakref.WeakKeyDictionary()  # mapping -> its segment


@dataclass(frozen=True)
class SharedHandle:
    """What travels on a pipe in place of an array."""

    name: str
    shape: tuple[int, ...]
    dtype: str


def create_shared(shape: tuple[int, ...], dtype: Any, *, own: bool = True) -> tuple[NDArray[Any], SharedHandle]:
    """A new zeroed array and its handle. With own=False the process that attaches with own=True removes the segment.

    Raises MemoryError where the system cannot hold it.
    """
    kind = np.dtype(dtype)
    size = max(1, int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
    path = FOLDER / f"{PREFIX}{os.getpid()}-{uuid4().hex}"
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
    except OSError as error:
        raise MemoryError(f"no room for {size / 2**20:.0f} MB of shared memory: {error.strerror}") from error
    handle = SharedHandle(path.name, tuple(int(n) for n in shape), kind.str)
    return _array(block, handle, own=own), handle


def attach_shared(handle: SharedHandle, *, own: bool = False) -> NDArray[Any]:
    """The array another process made. Raises FileNotFoundError when its owner let it go."""
    with (FOLDER / handle.name).open("r+b") as file:
        block = mmap.mmap(file.fileno(), 0)
    return _array(block, handle, own=own)


def share(array: NDArray[Any]) -> tuple[NDArray[Any], SharedHandle]:
    """The array as a segment: itself where it is one already, else a copy. Keep what is returned while others read."""
    root = array
    while isinstance(root, np.ndarray) and root.base is not None:
        root = root.base
    handle = _handles.get(root.obj if isinstance(root, memoryview) else root)
    if handle and handle.shape == array.shape and array.flags.c_contiguous and handle.dtype == array.dtype.str:
        return array, handle
    copy, handle = create_shared(array.shape, array.dtype)
    copy[...] = array
    return copy, handle


def drop_shared(handle: SharedHandle) -> None:
    """Remove a segment that nobody attached to."""
    with contextlib.suppress(FileNotFoundError):
        (FOLDER / handle.name).unlink()


def sweep_shared() -> int:
    """Remove the segments of processes that are gone (killed, or crashed); how many there were."""
    count = 0
    for path in FOLDER.glob(f"{PREFIX}*"):
        owner = path.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            with contextlib.suppress(OSError):
                path.unlink()
                count += 1
    return count


def _reserve(descriptor: int, size: int) -> None:
    """Take the memory now: a full memory file system must say so here, not as a bus error at the first write."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)


def _array(block: mmap.mmap, handle: SharedHandle, *, own: bool) -> NDArray[Any]:
    _handles[block] = handle
    if own:
        weakref.finalize(block, drop_shared, handle)
    return np.ndarray(handle.shape, handle.dtype, buffer=block)
