"""The voxels of NIfTI-1, NIfTI-2 and Analyze files, as stored: nothing is scaled, rounded or turned on the way.

Runs in a reader process. See viewer/io/images/headers/nifti_header.py for what the header says.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from viewer.data.notice import Notice
from viewer.data.volume import Window
from viewer.io.archive import (
    GZIP,
    MAX_RATIO,
    Stamp,
    length_of,
    open_stored,
    open_unchanged,
    packing_of,
    unpacked_stream,
    unpacking_faults,
)
from viewer.io.errors import OpenError
from viewer.io.images.headers.nifti_header import HEADER, NiftiHeader, parse, placement
from viewer.io.images.stored_image import (
    COMPLEX,
    COMPLEX_VALUES,
    StoredImage,
    colour_notices,
    numbered_names,
    several_values_notice,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = 1 << 20
DAMAGED = "It is cut off or damaged: its voxels end too early; copy it again from its source."


Stamps = Sequence[Stamp | None]  # of the header and, where they lie apart, of the voxels


def header_of(path: str, stamp: Stamp | None) -> NiftiHeader:
    """What the header of a file says. stamp: as in `open_unchanged`. Raises OpenError with one sentence."""
    with _unpack_stream(open_unchanged(path, stamp)) as stream:
        return parse(stream.read(HEADER))


def stored_image(files: Sequence[str], stamps: Stamps, form: str = "") -> StoredImage:
    """What the header says, held against the bytes there are. form: as in nifti_header.placement.

    Raises OpenError with one sentence.
    """
    header = header_of(files[0], stamps[0])
    i, j, k, *further = header.sizes
    times, components, *sets = further
    surplus = _surplus_notices(header, files[-1])
    slope, intercept = header.scale
    low, high = header.window or (0.0, 0.0)
    parts = COMPLEX if header.samples == 2 else ("",)
    return StoredImage(
        (k, j, i),
        header.dtype,
        placement(header, form),
        (
            numbered_names("set", math.prod(sets)),
            numbered_names("time point", times),
            numbered_names("component", components),
            parts,
        ),
        header.samples if header.color else 0,
        slope,
        intercept,
        (Window((low + high) / 2, high - low, "file"),) if header.window else (),
        header.has_labels,
        header.times if times == math.prod(further) else (),
        (*_value_notices(header), *surplus),
    )


def planes(files: Sequence[str], stamps: Stamps, skip: int = 0) -> Iterator[tuple[int, NDArray[Any]]]:
    """(place, slice [j, i] or [j, i, channels]) in the order of the file, in the machine's byte order.

    Places count slices through all volumes as StoredImage.axes orders them. skip: slices of the file left out.
    Raises OpenError where the file ends before its voxels do.
    """
    header = header_of(files[0], stamps[0])
    i, j, k, times, components, *sets = header.sizes
    length = i * j * header.samples * header.dtype.itemsize
    native = header.dtype.newbyteorder("=")
    with _unpack_stream(open_unchanged(files[-1], stamps[-1])) as stream:
        stream.seek(header.offset + skip * length)
        for number in range(skip, math.prod(sets) * components * times * k):
            data = stream.read(length)
            if len(data) != length:
                raise OpenError(DAMAGED)
            plane = np.frombuffer(data, header.dtype).reshape(j, i, header.samples).astype(native, copy=False)
            block, slice_ = divmod(number, k)
            block, time = divmod(block, times)  # the file keeps components apart
            whole, component = divmod(block, components)
            place = (whole * times + time) * components + component
            if header.color:
                yield place * k + slice_, plane
                continue
            for part in range(header.samples):
                yield (place * header.samples + part) * k + slice_, plane[..., part]


def _value_notices(header: NiftiHeader) -> tuple[Notice, ...]:
    """What must be said of the values."""
    components, *sets = header.sizes[4:]
    notices = [*colour_notices(header.samples if header.color else 0, header.dtype)]
    if header.samples == 2:
        notices.append(COMPLEX_VALUES)
    if components > 1:
        notices.append(several_values_notice(components))
    if header.has_vectors:
        sentence = "Its vectors are shown as stored: their parts point to the right, the front and the head (RAS)."
        notices.append(Notice("vectors-as-stored", sentence))
    if math.prod(sets) > 1:
        sentence = "Its dimensions 6 and 7 are shown one after the other, like time points."
        notices.append(Notice("further-dimensions", sentence))
    if header.nifti and not (math.isfinite(header.raw["slope"]) and math.isfinite(header.raw["intercept"])):
        sentence = "The factor that scales its values is not a number; they are shown as stored."
        notices.append(Notice("damaged-scale", sentence, "not scaled"))
    return tuple(notices)


def _surplus_notices(header: NiftiHeader, pixels: str) -> tuple[Notice, ...]:
    """Says that the file holds more volumes than its header. Raises OpenError where it cannot hold as many."""
    there = length_of(pixels)
    volume = math.prod(header.sizes[:3]) * header.samples * header.dtype.itemsize
    need = volume * math.prod(header.sizes[3:])
    if need > MAX_RATIO * (there + HEADER):
        shape = " × ".join(map(str, header.sizes))
        raise OpenError(f"It claims {shape} voxels, more than its {there:,} bytes can hold; it is damaged or cut off.")
    left = (_unpacked_length(pixels, there) - header.offset - need) // volume
    if left < 1:
        return ()
    sentence = f"Its file holds {left} more volumes than its header tells of; they are not shown."
    return (Notice("surplus-volumes", sentence, "not whole"),)


def _unpacked_length(path: str, length: int) -> int:
    """Bytes after unpacking: as a gzip file says itself (modulo 4 GB); 0 where that is not told."""
    packing = packing_of(path)
    if not packing:
        return length
    if packing != GZIP or length < 18:
        return 0
    with open_stored(path) as file:
        file.seek(-4, os.SEEK_END)
        return int(struct.unpack("<I", file.read(4))[0])


@contextmanager
def _unpack_stream(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file unpacked while it is read, where it is packed."""
    with file, unpacking_faults():
        yield unpacked_stream(file) or cast("BinaryIO", BufferedReader(cast("RawIOBase", file), PIECE))
