"""Requests on a pipe in which arrays travel by name: an array in shared memory is attached, never copied."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from viewer.processes.shared_array import attach_shared, share

LARGE = 1 << 16  # bytes from which an array is worth a segment


def pack(message: Any) -> tuple[bytes, list[np.ndarray[Any, Any]]]:
    """The message as bytes, and the shared arrays it names: keep them while the other side reads."""
    buffer = io.BytesIO()
    packer = _Packer(buffer, pickle.HIGHEST_PROTOCOL)
    packer.dump(message)
    return buffer.getvalue(), packer.kept


def unpack(data: bytes) -> Any:
    """The inverse of pack, for bytes that this program packed."""
    return pickle.loads(data)


class _Packer(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, protocol: int) -> None:
        super().__init__(buffer, protocol)
        self.kept: list[np.ndarray[Any, Any]] = []

    def reducer_override(self, thing: Any) -> Any:
        if not isinstance(thing, np.ndarray) or thing.nbytes < LARGE or thing.dtype.hasobject:
            return NotImplemented
        shared, handle = share(np.ascontiguousarray(thing))
        self.kept.append(shared)
        return attach_shared, (handle,)
