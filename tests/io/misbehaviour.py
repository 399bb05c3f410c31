"""What a foreign file may do to a reader process; run there by Reader.call."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.volume import Volume
from viewer.io.failure import OpenError


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
