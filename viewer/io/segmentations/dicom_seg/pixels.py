"""The pixels of a segmentation: frames of labels, or of masks, into label maps [plane, row, column].

A frame that cannot be decoded costs the file, not itself: a segment without one of its frames has another shape and
volume, and nothing that is computed of a segment asks whether it is whole. The sentence names the frame; where a
decoder hangs at it or takes the process along, the reader's does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viewer.io.dicom.pixels.decode import FAULTS, frames_of_dataset
from viewer.io.dicom.pixels.frame_bits import DEFLATED_FRAMES, is_encapsulated
from viewer.io.errors import OpenError
from viewer.scene.journal.serialization import restore_segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom.dataset import Dataset

    from viewer.data.arrays import Json, Mask
    from viewer.data.segmentation import Segment

DAMAGED = "Its segmentation is incomplete or damaged: {what}."
UNDECODED = (
    "Its pixels ({}) cannot be decoded: they are damaged or of a variant that is not known; save it uncompressed."
)

NAMES = {DEFLATED_FRAMES: "Deflated Image Frame Compression"}
UNDECODED_FRAME = (
    "Its frame {number:,} of {count:,} ({syntax}) cannot be decoded, and segments without it would mislead: copy it "
    "again from its source, or have it saved uncompressed."
)
SEVERAL_VALUES = (
    "Its frame {number:,} of {count:,} is binary by its header but holds several values, and nothing tells which of "
    "them are in the segment: have it saved as a label map or as fractions."
)

Frames = list[tuple[int, int]]  # number of the segment (0: a label map's) and plane of every frame
Maps = tuple[NDArray[Any], ...]


def label_map(ds: Dataset, shape: tuple[int, int, int], frames: Frames) -> NDArray[Any]:
    """The labels [plane, row, column] of a label map's frames, 0 for its background. Raises OpenError."""
    array = np.zeros(shape, np.uint8 if ds.BitsAllocated == 8 else np.uint16)
    background = int(ds.get("PixelPaddingValue", 0))
    for (_, k), frame in zip(frames, _decoded_frames(ds, len(frames)), strict=True):
        np.copyto(array[k], frame, where=frame != background)
    return array


def pack_masks(
    ds: Dataset,
    shape: tuple[int, int, int],
    frames: Frames,
    segments: tuple[Segment, ...],
    record: Json | None,
) -> tuple[Maps, tuple[Segment, ...]]:
    """Masks as label maps [plane, row, column], each segment in the first that it fits in; and the segments.

    record: what this program wrote of the very file (own_record), by which each segment gets its map and label back.
    Raises OpenError.
    """
    own = restore_segments(record["segments"]) if record else ()
    kinds = record["dtypes"] if record else []
    kind = np.uint8 if max((one.label for one in segments), default=1) < 256 else np.uint16
    maps = [np.zeros(shape, one) for one in kinds] or [np.zeros(shape, kind)]
    placed = {number: one.key for number, one in enumerate(own, 1)}
    alone = ds.get("SegmentsOverlap") == "NO"
    masks: dict[int, list[tuple[int, slice, Mask]]] = {}
    flats = [one.reshape(len(one), -1) for one in maps]
    for (number, k), (part, mask) in zip(frames, _frame_masks(ds, len(frames)), strict=True):
        if number in placed or alone:
            layer, label = placed.get(number, (0, number))
            there = flats[layer][k, part]
            if (np.isin(there[mask], (0, label), invert=True)).any():
                ds.SegmentsOverlap = "UNDEFINED"  # which they do, whatever it says
                return pack_masks(ds, shape, frames, segments, None)
            there[mask] = label
        else:
            masks.setdefault(number, []).append((k, part, mask))
    layers = {}
    for number, found in masks.items():
        layer = next((n for n, flat in enumerate(flats) if not _overlaps(flat, found)), len(flats))
        if layer == len(flats):
            maps.append(np.zeros(shape, kind))
            flats.append(maps[-1].reshape(len(maps[-1]), -1))
        for k, part, mask in found:
            flats[layer][k, part][mask] = number
        layers[number] = layer
    return tuple(maps), tuple(replace(one, layer=layers.get(one.label, 0)) for one in segments)


def _overlaps(flat: NDArray[Any], found: Iterable[tuple[int, slice, Mask]]) -> bool:
    return any(flat[k, part][mask].any() for k, part, mask in found)


def _frame_masks(ds: Dataset, count: int) -> Iterator[tuple[slice, Mask]]:
    """Of each frame: the run of its pixels, row by row, from the first to the last that is set, and its mask."""
    size, binary = int(ds.Rows) * int(ds.Columns), ds.SegmentationType == "BINARY"
    if binary and int(ds.get("BitsAllocated", 1)) == 1 and not is_encapsulated(ds.file_meta.TransferSyntaxUID):
        yield from _native_masks(np.frombuffer(ds.PixelData, np.uint8), count, size)
        return
    half = 1 if binary else (int(ds.get("MaximumFractionalValue", 1)) + 1) // 2
    value = 0  # the one of a binary frame that is not 0; it is not 1 in all programs
    for number, frame in enumerate(_decoded_frames(ds, count), 1):
        rows = np.flatnonzero(frame.any(axis=1))
        low, high = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
        part = frame[low:high].ravel()
        if binary and part.size:
            value = value or int(part.max())
            if (part[part != 0] != value).any():
                raise OpenError(SEVERAL_VALUES.format(number=number, count=count))
        yield slice(low * frame.shape[1], high * frame.shape[1]), part >= half


def _native_masks(packed: NDArray[np.uint8], count: int, size: int) -> Iterator[tuple[slice, Mask]]:
    """As `_frame_masks`, of native frames of `size` bits, which follow each other without a gap (PS3.5 8.1.1)."""
    need = -(-count * size // 8)
    if len(packed) < need:
        raise OpenError(DAMAGED.format(what="it ends before its last frame; copy it again"))
    if len(packed) > need + need % 2:
        raise OpenError(DAMAGED.format(what=f"its pixels take {len(packed):,} bytes where {need:,} are told of"))
    for n in range(count):
        first, last = n * size // 8, ((n + 1) * size + 7) // 8
        filled = np.flatnonzero(packed[first:last])
        if not len(filled):
            yield slice(0, 0), np.zeros(0, np.bool_)
            continue
        begin, end = first + int(filled[0]), first + int(filled[-1]) + 1
        low, high = max(begin * 8, n * size), min(end * 8, (n + 1) * size)
        bits = np.unpackbits(packed[begin:end], bitorder="little").view(np.bool_)
        yield slice(low - n * size, high - n * size), bits[low - begin * 8 : high - begin * 8]


def _decoded_frames(ds: Dataset, count: int) -> Iterator[NDArray[Any]]:
    found, syntax = 0, ds.file_meta.TransferSyntaxUID
    try:
        for frame in frames_of_dataset(ds):
            found += 1
            yield frame
    except FAULTS as error:
        name = NAMES.get(syntax, syntax.name)
        raise OpenError(UNDECODED_FRAME.format(number=found + 1, count=count, syntax=name)) from error
    if found != count:
        raise OpenError(DAMAGED.format(what="it ends before its last frame; copy it again"))
