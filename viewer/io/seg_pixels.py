"""The pixels of a segmentation: frames of labels, or of masks, into label maps [plane, row, column]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from viewer.data.segmentation import Segment
from viewer.io.dicom_decode import FAULTS, frames_of_dataset
from viewer.io.failure import OpenError
from viewer.scene.described import restore_segments

DAMAGED = "Its segmentation is incomplete or damaged: {what}."
UNDECODED = (
    "Its pixels ({}) cannot be decoded: they are damaged or of a variant that is not known; save it uncompressed."
)

Frames = list[tuple[int, int]]  # number of the segment (0: a label map's) and plane of every frame
Maps = tuple[NDArray[Any], ...]


def label_map(ds: Dataset, shape: tuple[int, int, int], frames: Frames) -> NDArray[Any]:
    array = np.zeros(shape, np.uint8 if ds.BitsAllocated == 8 else np.uint16)
    background = int(ds.get("PixelPaddingValue", 0))
    for (_, k), frame in zip(frames, _planes(ds, len(frames)), strict=True):
        np.copyto(array[k], frame, where=frame != background)
    return array


def packed(
    ds: Dataset,
    shape: tuple[int, int, int],
    frames: Frames,
    segments: tuple[Segment, ...],
    whole: dict[str, Any] | None,
) -> tuple[Maps, tuple[Segment, ...]]:
    """Masks into label maps: each segment into the first that it fits in; what was written here into its own."""
    own = restore_segments(whole["segments"]) if whole else ()
    kinds = whole["dtypes"] if whole else []
    kind = np.uint8 if max((one.label for one in segments), default=1) < 256 else np.uint16
    maps = [np.zeros(shape, one) for one in kinds] or [np.zeros(shape, kind)]
    placed = {number: one.key for number, one in enumerate(own, 1)}
    alone = ds.get("SegmentsOverlap") == "NO"
    masks: dict[int, list[tuple[int, slice, NDArray[np.bool_]]]] = {}
    flats = [one.reshape(len(one), -1) for one in maps]
    for (number, k), (part, mask) in zip(frames, _bits(ds, len(frames)), strict=True):
        if number in placed or alone:
            layer, label = placed.get(number, (0, number))
            there = flats[layer][k, part]
            if (np.isin(there[mask], (0, label), invert=True)).any():
                ds.SegmentsOverlap = "UNDEFINED"  # which they do, whatever it says
                return packed(ds, shape, frames, segments, None)
            there[mask] = label
        else:
            masks.setdefault(number, []).append((k, part, mask))
    layers = {}
    for number, found in masks.items():
        layer = next((n for n, flat in enumerate(flats) if not _meets(flat, found)), len(flats))
        if layer == len(flats):
            maps.append(np.zeros(shape, kind))
            flats.append(maps[-1].reshape(len(maps[-1]), -1))
        for k, part, mask in found:
            flats[layer][k, part][mask] = number
        layers[number] = layer
    return tuple(maps), tuple(replace(one, layer=layers.get(one.label, 0)) for one in segments)


def _meets(flat: NDArray[Any], found: Iterable[tuple[int, slice, NDArray[np.bool_]]]) -> bool:
    return any(flat[k, part][mask].any() for k, part, mask in found)


def _bits(ds: Dataset, count: int) -> Iterator[tuple[slice, NDArray[np.bool_]]]:
    """Of each frame: the run of its pixels, row by row, from the first to the last that is set, and its mask."""
    size = int(ds.Rows) * int(ds.Columns)
    if ds.SegmentationType == "BINARY" and not ds.file_meta.TransferSyntaxUID.is_encapsulated:
        packed = np.frombuffer(ds.PixelData, np.uint8)
        if len(packed) * 8 < count * size:
            raise OpenError(DAMAGED.format(what="it ends before its last frame; copy it again"))
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
        return
    half = (int(ds.get("MaximumFractionalValue", 1)) + 1) // 2 if ds.SegmentationType == "FRACTIONAL" else 1
    for frame in _planes(ds, count):
        rows = np.flatnonzero(frame.any(axis=1))
        low, high = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
        yield slice(low * frame.shape[1], high * frame.shape[1]), frame[low:high].ravel() >= half


def _planes(ds: Dataset, count: int) -> Iterator[NDArray[Any]]:
    found = 0
    try:
        for frame in frames_of_dataset(ds):
            found += 1
            yield frame
    except FAULTS as error:
        raise OpenError(UNDECODED.format(ds.file_meta.TransferSyntaxUID.name)) from error
    if found != count:
        raise OpenError(DAMAGED.format(what="it ends before its last frame; copy it again"))
