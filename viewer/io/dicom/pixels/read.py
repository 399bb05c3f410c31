"""Read slices of DICOM files into shared memory, following a Plan. Runs in a reader process.

Raw pixels are read from the places that the index found, without parsing anything again.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from viewer.io.archive import open_unchanged, unpack
from viewer.io.dicom.pixels.stored_bits import significant_bits
from viewer.io.errors import FrameError, OpenError
from viewer.io.work_item import begin_item
from viewer.processes.shared_array import SharedHandle, open_shared, write_shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats
    from viewer.io.read_plan import Plan


class TargetSlice(NamedTuple):
    """One slice to fill: its place in the array (slices counted through all time points) and what it is made of.

    parts: (index into the plan's frames, weight), none for a slice that is not there.
    """

    place: int
    parts: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class ReadJob:
    """Some slices of an image. plan: its frames are those of the parts only, in one row [1, n].

    dtype and shape [j, i(, 3)]: of a loaded slice. shifts [n, 2]: how far each frame is moved in the plane (j, i), in
    voxels; None where no frame is moved.
    """

    plan: Plan
    targets: tuple[TargetSlice, ...]
    dtype: str
    shape: tuple[int, ...]
    shifts: Floats | None = None

    @property
    def is_compressed(self) -> bool:
        """True where a frame of it must be decoded."""
        return bool((self.plan.frames["offset"] < 0).any())

    @property
    def names(self) -> list[str]:
        """The file that each target is read from first; "" for a target without."""
        files = self.plan.frames["file"][0]
        return [self.plan.files[files[target.parts[0][0]]] if target.parts else "" for target in self.targets]


def read_slices(handle: SharedHandle, job: ReadJob) -> dict[int, str]:
    """Put every slice of the job where it belongs.

    Returns which targets of the job cannot be decoded, and why: they are blank. Raises OpenError, one sentence, where
    the files are not what was indexed.
    """
    lost = {}
    with open_shared(handle) as segment, closing(_Files(job.plan)) as files:
        size = int(np.prod(job.shape)) * np.dtype(job.dtype).itemsize
        _import_decoders(job)
        for number, target in enumerate(job.targets):
            begin_item(number)
            place = handle.offset + target.place * size
            if _send_slice(job, target, files, segment, place, size):
                continue
            try:
                pixels = _load_slice(job, target, files)
            except FrameError as error:
                lost[number], pixels = str(error), np.full(job.shape, job.plan.blank, job.dtype)
            write_shared(segment, place, pixels)
    return lost


def slices(job: ReadJob) -> Iterator[NDArray[Any]]:
    """The slices of the job, one after the other."""
    _import_decoders(job)
    with closing(_Files(job.plan)) as files:
        for number, target in enumerate(job.targets):
            begin_item(number)
            yield _load_slice(job, target, files)


def _import_decoders(job: ReadJob) -> None:
    """Import decoders now, where they are needed: their import is not counted as time that a frame takes."""
    if job.is_compressed:
        import_module("viewer.io.dicom.pixels.decode")


class _Files:
    """The files of a plan; the last one stays open, the last decoded frame at hand (a mosaic is many slices)."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._decoded: tuple[tuple[int, int], NDArray[Any]] | None = None
        self._number = -1
        self._file: BinaryIO | None = None

    def open(self, number: int) -> BinaryIO:
        if number != self._number or self._file is None:
            self.close()
            plan = self._plan
            self._file = unpack(open_unchanged(plan.files[number], plan.stamps[number]))
            self._number = number
        return self._file

    def decode(self, number: int, frame: int) -> NDArray[Any]:
        from viewer.io.dicom.pixels.decode import decode  # pydicom's decoders are for compressed pixels only

        if self._decoded is None or self._decoded[0] != (number, frame):
            self._decoded = (number, frame), decode(self._plan, number, frame)
        return self._decoded[1]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _send_slice(job: ReadJob, target: TargetSlice, files: _Files, segment: BinaryIO, place: int, size: int) -> bool:
    """Have the system copy a slice whose bytes are the same in file and memory; False where they are not."""
    plan = job.plan
    if sys.platform != "linux" or job.shifts is not None or len(target.parts) != 1 or plan.mosaic:
        return False
    frame = plan.frames[0, target.parts[0][0]]
    stored = np.dtype(plan.stored)
    whole = stored.kind == "f" or plan.bits_stored == 8 * stored.itemsize
    if frame["offset"] < 0 or frame["length"] < size or not whole or stored != np.dtype(job.dtype) or plan.rescale:
        return False
    file = files.open(int(frame["file"]))
    if isinstance(file, BytesIO):
        return False
    segment.seek(place)
    start = int(frame["offset"])
    while size:
        count = os.sendfile(segment.fileno(), file.fileno(), start, size)
        if not count:
            raise OpenError("It ends before its pixels do; copy it again from its source.")
        start, size = start + count, size - count
    return True


def _load_slice(job: ReadJob, target: TargetSlice, files: _Files) -> NDArray[Any]:
    """A slice as it is loaded: one stored slice, or a weighted mean of several, moved where the gantry was tilted."""
    if len(target.parts) == 1 and job.shifts is None:
        return _read_frame(job, target.parts[0][0], files)
    total = np.zeros(job.shape, np.float64)
    weights = np.zeros(job.shape[:2] + (1,) * (len(job.shape) - 2))
    for frame, weight in target.parts:
        shift = (0.0, 0.0) if job.shifts is None else job.shifts[frame]
        _add_shifted(total, weights, _read_frame(job, frame, files), weight, shift)
    with np.errstate(invalid="ignore"):
        values = np.where(weights > 0.5, total / weights, job.plan.blank)
    return values.astype(job.dtype) if np.dtype(job.dtype).kind == "f" else np.rint(values).astype(job.dtype)


def _add_shifted(
    total: NDArray[Any], weights: NDArray[Any], stored: NDArray[Any], weight: float, shift: Sequence[float]
) -> None:
    """Add a stored slice, moved by (j, i) voxels with linear interpolation."""
    whole = np.floor(shift).astype(int)
    part = np.asarray(shift) - whole
    for corner in np.ndindex(2, 2):
        share = weight * float(np.prod(np.where(corner, part, 1 - part)))
        if share < 1e-9:
            continue
        start = whole + corner
        low = np.maximum(start, 0)
        high = np.minimum(start + stored.shape[:2], total.shape[:2])
        if (high <= low).any():
            continue
        here = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        there = tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))
        total[here] += share * stored[there]
        weights[here] += share


def _read_frame(job: ReadJob, number: int, files: _Files) -> NDArray[Any]:
    """Frame `number` of the plan in the loaded type [j, i(, 3)]."""
    plan = job.plan
    frame = plan.frames[0, number]
    if frame["offset"] >= 0:
        pixels = _read_raw(plan, frame, files.open(int(frame["file"])))
    else:
        pixels = files.decode(int(frame["file"]), int(frame["frame"]))[frame["row"] :][: plan.rows]
    pixels = pixels[:, frame["column"] :][:, : plan.columns]
    if plan.rescale:
        pixels = pixels * np.float32(frame["slope"]) + np.float32(frame["intercept"])
    return pixels.astype(job.dtype, copy=False)


def _read_raw(plan: Plan, frame: Any, file: BinaryIO) -> NDArray[Any]:
    """The stored values of a frame, in the machine's byte order; of a mosaic, those rows of it that hold the slice."""
    columns = plan.stored_size[1]
    shape = (plan.rows, columns) if plan.samples == 1 else (plan.rows, columns, plan.samples)
    pixels = np.empty(shape, plan.stored)
    before = int(frame["row"]) * pixels[0].nbytes
    if frame["length"] < before + pixels.nbytes:
        raise OpenError("It holds fewer pixels than its header says; copy it again from its source.")
    file.seek(int(frame["offset"]) + before)
    remaining = pixels.reshape(-1).view(np.uint8).data
    while remaining:
        count = file.readinto(remaining)  # type: ignore[attr-defined]
        if not count:
            raise OpenError("It ends before its pixels do; copy it again from its source.")
        remaining = remaining[count:]
    if not pixels.dtype.isnative:
        pixels = pixels.byteswap(inplace=True).view(pixels.dtype.newbyteorder())
    return significant_bits(pixels, plan)
