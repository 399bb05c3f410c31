"""Values between processes: pickled, but for their large arrays, which stay in shared memory.

Lent values (a job's input) belong to the sender, who must keep them while the receiver works; the receiver may not
write to them. Given values (a result) belong to the receiver.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.processes.shared_array import SharedHandle, adopt_shared, attach_shared, create_shared, drop_shared, share

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 64 * 1024  # bytes; below, a copy on the pipe costs less than a segment


class _Packer(pickle.Pickler):
    """Leaves the handle of a segment where a large array was; an array that occurs twice is one segment."""

    def __init__(self, file: io.BytesIO, give: bool) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._give = give
        self.segments: dict[int, tuple[NDArray[Any], SharedHandle, NDArray[Any]]] = {}  # by the id of the array

    def persistent_id(self, value: Any) -> SharedHandle | None:
        if type(value) is not np.ndarray or value.dtype.kind not in "biufc" or value.nbytes < SMALL:
            return None
        if id(value) not in self.segments:
            self.segments[id(value)] = (*self._segment(value), value)
        return self.segments[id(value)][1]

    def _segment(self, array: NDArray[Any]) -> tuple[NDArray[Any], SharedHandle]:
        if not self._give:
            return share(array)
        copy, handle = create_shared(array.shape, array.dtype, own=False)
        copy[...] = array
        return copy, handle


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, own: bool) -> None:
        super().__init__(file)
        self._own = own
        self._arrays: dict[SharedHandle, NDArray[Any]] = {}

    def persistent_load(self, handle: SharedHandle) -> NDArray[Any]:
        if handle not in self._arrays:
            self._arrays[handle] = adopt_shared(handle) if self._own else attach_shared(handle)
            self._arrays[handle].setflags(write=self._own)
        return self._arrays[handle]


def lend(value: Any) -> tuple[bytes, list[NDArray[Any]]]:
    """The message that lends a value, and the arrays to keep until the receiver is done. Raises MemoryError."""
    file = io.BytesIO()
    packer = _Packer(file, give=False)
    packer.dump(value)
    return file.getvalue(), [array for array, _, _ in packer.segments.values()]


def borrow(data: bytes) -> Any:
    """The value that another process lends; its large arrays are read-only."""
    return _Unpacker(io.BytesIO(data), own=False).load()


def give(value: Any) -> bytes:
    """The message that gives a value away; unless it is taken, its segments stay. Raises MemoryError."""
    file = io.BytesIO()
    packer = _Packer(file, give=True)
    try:
        packer.dump(value)
    except BaseException:
        for _, handle, _ in packer.segments.values():
            drop_shared(handle)
        raise
    return file.getvalue()


def take(data: bytes) -> Any:
    """The value that another process gave: its segments are this process's from now on."""
    return _Unpacker(io.BytesIO(data), own=True).load()
