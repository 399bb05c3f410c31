"""The voxels of NIfTI-1, NIfTI-2 and Analyze files, as stored. Runs in a reader process.

SimpleITK tells the geometry; the voxels are read here, because it turns NaN and whatever a file lacks into zeros
without a word. Layout: nifti1.h and nifti2.h of https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from viewer.io.contents import Stamp, damage_told, open_unchanged, unpacking
from viewer.io.failure import OpenError
from viewer.io.plan import Plan

TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
# By the size of the header: where the data type, vox_offset, and scl_slope with scl_inter stand, and their codes.
LAYOUTS = {348: ((70, "h"), (108, "f"), (112, "2f")), 540: ((12, "h"), (168, "q"), (176, "2d"))}
HEADER = 540
PIECE = 1 << 20
DAMAGED = "It is cut off or damaged: its voxels end too early; copy it again from its source."


@dataclass(frozen=True)
class Voxels:
    """Where and how voxels are stored: one number each, dtype in the file's byte order."""

    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float


def voxels_of(header: bytes) -> Voxels:
    """From the first bytes of a (decompressed) header. Raises OpenError with one sentence."""
    for order in "<>":
        layout = LAYOUTS.get(struct.unpack_from(f"{order}i", header)[0]) if len(header) >= 348 else None
        if layout and len(header) >= layout[2][0] + 16:
            break
    else:
        raise OpenError("It is no NIfTI or Analyze file: its header has a wrong size.")
    (code,), (offset,), (slope, intercept) = (struct.unpack_from(order + kind, header, at) for at, kind in layout)
    if code not in TYPES:
        raise OpenError(f"Its voxels are of a kind that is not shown (NIfTI data type {code}).")
    magic = header[344:347] if layout is LAYOUTS[348] else header[4:7]
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0 or not magic.startswith(b"n"):
        slope, intercept = 1.0, 0.0
    if not math.isfinite(offset) or not 0 <= offset < 1 << 40:
        raise OpenError("Its header does not tell where its voxels begin.")
    dtype = np.dtype(order + TYPES[code])
    return Voxels(dtype, int(offset), slope, intercept)


def header_of(path: str, stamp: Stamp | None) -> bytes:
    """The first bytes of the header. Raises OpenError where the file is not what was indexed."""
    with _unpacked(open_unchanged(path, stamp)) as stream:
        return stream.read(HEADER)


def planes(plan: Plan, shape: tuple[int, ...], skip: int = 0) -> Iterator[NDArray[Any]]:
    """Slices [j, i] in the order of the file and the machine's byte order, the first `skip` left out.

    shape: (slices, j, i). Raises OpenError where the file ends before its voxels do, or is not what was indexed.
    """
    voxels = voxels_of(header_of(plan.files[0], plan.stamps[0]))
    count, *plane = shape
    length = math.prod(plane) * voxels.dtype.itemsize
    with _unpacked(open_unchanged(plan.files[-1], plan.stamps[-1])) as stream:
        stream.seek(voxels.offset + skip * length)
        for _ in range(skip, count):
            data = stream.read(length)
            if len(data) != length:
                raise OpenError(DAMAGED)
            yield np.frombuffer(data, voxels.dtype).reshape(plane).astype(voxels.dtype.newbyteorder("="), copy=False)


@contextmanager
def _unpacked(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file unpacked while it is read, where it is packed."""
    with file, damage_told():
        yield unpacking(file) or cast(BinaryIO, BufferedReader(cast(RawIOBase, file), PIECE))
