"""What a foreign file may do to a reader process; run there by Reader.call."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.shared import SharedHandle
from viewer.data.volume import Volume
from viewer.io import dicom_read
from viewer.io.dicom_read import Job
from viewer.io.failure import OpenError
from viewer.io.worker import at


def total(volume: Volume) -> float:
    return float(volume.array.sum())


def process() -> int:
    return os.getpid()


def hang() -> None:
    time.sleep(1000)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    ctypes.string_at(0)


def devour() -> NDArray[Any]:
    return np.ones(64 << 30, np.uint8)


def object_to() -> None:
    raise OpenError("This cannot be opened.")


def stumble() -> None:
    raise KeyError("secret patient name")


def panic() -> None:
    """As a library in Rust does, or one that ends the program."""
    raise SystemExit("secret patient name")


def spin() -> None:
    at(3)
    while True:
        pass


def boast(size: int) -> bytes:
    return bytes(size)


def fill(handle: SharedHandle, job: Job) -> dict[int, str]:
    """As dicom_read.fill, but the process crashes at files called so."""
    for number, name in enumerate(job.names):
        at(number)
        if "crash" in name:
            crash()
    return dicom_read.fill(handle, job)
