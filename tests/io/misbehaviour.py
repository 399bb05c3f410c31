"""What a foreign file may do to a reader process; run there by Reader.call."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.volume import Volume
from viewer.files.regular_file import open_regular
from viewer.io import archive
from viewer.io.dicom.pixels import decode, read
from viewer.io.dicom.pixels.read import ReadJob
from viewer.io.errors import OpenError
from viewer.io.reader import probe_file
from viewer.io.reader.file_report import FileReport
from viewer.io.reader.pool import Pool, PoolRequest
from viewer.io.segmentations.segmentation_file import read_segmentation
from viewer.io.work_item import begin_item
from viewer.processes.shared_array import SharedHandle

if TYPE_CHECKING:
    import pytest


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
    begin_item(3)
    compute()


def compute() -> None:
    while True:
        pass


def boast(size: int) -> bytes:
    return bytes(size)


def fill(handle: SharedHandle, job: ReadJob) -> dict[int, str]:
    """As read.read_slices, but the process crashes at files called so."""
    for number, name in enumerate(job.names):
        begin_item(number)
        if "crash" in name:
            crash()
    return read.read_slices(handle, job)


def segments(path: Path, harm: str) -> int:
    """How many segments a file has, where the decoder of its frames does harm at the second: a function of these."""
    decoded, frames = decode.run_bits, iter(range(100))

    def run_bits(*arguments: Any) -> NDArray[np.uint8]:
        if harm and next(frames) == 1:
            globals()[harm]()
        return decoded(*arguments)

    decode.run_bits = run_bits
    try:
        return len(read_segmentation(path).segments)
    finally:
        decode.run_bits = decoded


def call_out(port: int) -> str:
    """As a decoder that was taken over would: by Python, by C alone, and by a program that it starts."""
    ask = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
    told = [str(subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False).returncode)]
    told.append(str(ctypes.CDLL(None).socket(socket.AF_INET, socket.SOCK_STREAM, 0)))
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError as error:
        told.append(type(error).__name__)
    return " ".join(told)


SLOW = {"slow": 0.2, "stuck": 60.0}  # seconds that it takes to open a file in a folder called so


def slow_look(paths: list[str]) -> list[FileReport]:
    """As probe_files, on a slow drive."""

    def opened(path: str) -> FileIO:
        if os.path.exists(path):
            time.sleep(SLOW.get(os.path.basename(os.path.dirname(path)), 0))
        return open_regular(path)

    archive.open_regular = opened
    return probe_file.probe_files(paths)


def on_a_slow_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reader processes look at files by `slow_look`."""
    add = Pool.add

    def slow(self: Pool, unit: PoolRequest) -> None:
        unit.function = unit.function.replace("viewer.io.reader.probe_file:probe_files", f"{__name__}:slow_look")
        add(self, unit)

    monkeypatch.setattr(Pool, "add", slow)
