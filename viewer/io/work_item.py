"""The item of a request that a reader process works on: noted there by what reads files, watched by the pool."""

from __future__ import annotations

import time

import numpy as np

from viewer.processes.shared_array import SharedHandle, attach_shared

# The numbers of a progress slot: the item; since when (monotonic ns); what the process had computed by then (ns of the
# processor); bytes that a decoder makes of the item.
ITEM, SINCE, COMPUTED, DECODED = range(4)
NUMBERS = 4

_slot = np.zeros(NUMBERS, np.int64)


def attach_slot(handle: SharedHandle) -> None:
    """Note from now on in a slot, int64 [NUMBERS], that another process watches."""
    global _slot
    _slot = attach_shared(handle)


def begin_item(item: int, decoded: int = 0) -> None:
    """Say that work on this item of the request begins: the pool blames, and times, the item that is named here.

    decoded: bytes that a decoder makes of it, where the item is a frame and the request does not limit its items.
    """
    _slot[:] = item, time.monotonic_ns(), time.process_time_ns(), decoded


def keep_alive() -> None:
    """Say that work on the present item goes on, so that it is not taken for hanging."""
    _slot[SINCE], _slot[COMPUTED] = time.monotonic_ns(), time.process_time_ns()
