"""DICOM Segmentation and Label Map Segmentation (PS3.3 A.51, C.8.20) as label maps, placed by their own geometry.

Empty frames may have been left out and a segmentation need not have its source's planes: the grid comes from the frames
alone. Segments that share voxels get further label maps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from viewer.compute.label_image import COLORS
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.budget import check_claim
from viewer.io.dicom_decode import FAULTS, frames_of_dataset
from viewer.io.dicom_labels import dataset
from viewer.io.dicom_object import referring
from viewer.io.failure import OpenError
from viewer.io.seg_frames import Placed, frames_of
from viewer.io.seg_write import whole_of
from viewer.io.segment_codes import code_of, side_of
from viewer.scene.described import restore_segments

UNEVEN = 0.05  # of the distance between planes that a frame may lie beside its plane
DAMAGED = "Its segmentation is incomplete or damaged: {what}."
UNDECODED = (
    "Its pixels ({}) cannot be decoded: they are damaged or of a variant that is not known; save it uncompressed."
)

Frames = list[tuple[int, int]]  # number of the segment (0: a label map's) and slice of every frame


def read_seg(path: Path) -> Segmentation:
    """Raises OpenError: one sentence."""
    return segmentation_of(dataset(str(path)), path.stem)


def segmentation_of(ds: Dataset, name: str) -> Segmentation:
    """Of a whole data set. Raises OpenError: one sentence."""
    if "SegmentSequence" not in ds or "PixelData" not in ds:
        raise OpenError("It is a DICOM file, but no segmentation with pixels: choose one of modality SEG.")
    if not ds.file_meta.TransferSyntaxUID.is_transfer_syntax:
        raise OpenError(UNDECODED.format(ds.file_meta.TransferSyntaxUID.name))
    try:
        whole = whole_of(ds)
        grid, frames = _placed(ds, whole)
        segments = _segments(ds)
        if ds.SegmentationType == "LABELMAP":
            maps: tuple[NDArray[Any], ...] = (_label_map(ds, grid, frames),)
        else:
            maps, segments = _packed(ds, grid, frames, segments, whole)
    except OpenError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, NotImplementedError) as error:
        raise OpenError(DAMAGED.format(what="a part of its header or its pixels is missing or wrong")) from error
    badges = ("probabilities cut at one half",) if _is_cut(ds) else ()
    if whole is None:
        present = [np.bincount(array.ravel(), minlength=2) for array in maps]
        named = {one.key for one in segments}
        unnamed = [
            Segment(int(label), f"Label {label}", COLORS[int(label) % len(COLORS)], layer=layer)
            for layer, counts in enumerate(present)
            for label in np.flatnonzero(counts[1:]) + 1
            if (layer, int(label)) not in named
        ]
        title = str(ds.get("SeriesDescription", "") or ds.get("ContentLabel", "") or name)
        return Segmentation(
            maps[0], grid, (*segments, *unnamed), title, referring(ds), badges=badges, overlapping=maps[1:]
        )
    made = Provenance.from_json(whole["provenance"]) if whole["provenance"] else None
    segments, badges = restore_segments(whole["segments"]), tuple(whole["badges"])
    return Segmentation(
        maps[0], grid, segments, whole["name"], referring(ds), made, badges=badges, overlapping=maps[1:]
    )


def _is_cut(ds: Dataset) -> bool:
    return bool(ds.SegmentationType == "FRACTIONAL" and ds.get("MaximumFractionalValue", 1) > 1)


def _placed(ds: Dataset, whole: dict[str, Any] | None) -> tuple[Grid, Frames]:
    """The grid of the planes that the frames lie in, and the slice of each."""
    placed = frames_of(ds)
    if len(placed.numbers) != int(ds.NumberOfFrames):
        raise OpenError(DAMAGED.format(what=f"{ds.NumberOfFrames} frames, but {len(placed.numbers)} headers of frames"))
    if whole is not None:
        grid = Grid(tuple(whole["shape"]), np.array(whole["affine"]), whole["frame_of_reference"])
        slices = np.rint(grid.to_index(placed.positions)[:, 0]).astype(int)
    else:
        grid, slices = _grid(ds, placed)
    if grid.shape[1:] != (ds.Rows, ds.Columns):
        raise OpenError(DAMAGED.format(what="its sizes are impossible"))
    check_claim(math.prod(grid.shape), len(ds.PixelData))
    if slices.min() < 0 or slices.max() >= grid.shape[0]:
        raise OpenError(DAMAGED.format(what="a frame lies outside of its grid"))
    return grid, list(zip(placed.numbers, slices.tolist(), strict=True))


def _grid(ds: Dataset, placed: Placed) -> tuple[Grid, NDArray[np.signedinteger[Any]]]:
    positions, _, cosines, measures = placed
    if np.ptp(cosines, axis=0).max() > 1e-4:
        raise OpenError("Its frames lie in several directions, which one grid cannot hold.")
    row, column = cosines[0, :3], cosines[0, 3:]
    normal = np.cross(row, column)
    depth = positions @ normal
    levels = np.unique(np.round(depth, 3))
    told = float(measures.get("SpacingBetweenSlices", 0) or 0)
    gaps = np.diff(levels)
    thick = float(measures.get("SliceThickness", 0) or 0)
    step = abs(told) if told else float(gaps.min()) if len(gaps) else thick or 1.0
    if told and len(gaps) and gaps.min() < step * (1 - UNEVEN):
        step = float(gaps.min())  # some writers say the thickness of the source here
    slices = np.rint((depth - levels[0]) / step).astype(int)
    start = positions[int(np.argmin(depth))]
    beside = positions - (start + np.outer(slices, step * normal))
    if np.abs(beside).max() > UNEVEN * step + 0.01:
        raise OpenError("Its frames are not evenly spaced on parallel planes, which one grid cannot hold.")
    spacing = [step, *(float(mm) for mm in measures.PixelSpacing)]
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([normal, column, row]) * spacing
    affine[:3, 3] = start
    shape = (int(slices.max()) + 1, int(ds.Rows), int(ds.Columns))
    return Grid(shape, affine, str(ds.get("FrameOfReferenceUID", ""))), slices


def _segments(ds: Dataset) -> tuple[Segment, ...]:
    """All but a background of label maps."""
    from highdicom.color import CIELabColor

    found = []
    for n, item in enumerate(ds.SegmentSequence):
        number = int(item.SegmentNumber)
        if not number:
            continue
        color = COLORS[n % len(COLORS)]
        if item.get("RecommendedDisplayCIELabValue"):
            color = CIELabColor.from_dicom_value(list(item.RecommendedDisplayCIELabValue)).to_rgb()
        kind = (item.get("SegmentedPropertyTypeCodeSequence") or [Dataset()])[0]
        algorithm = item.get("SegmentAlgorithmType", "MANUAL")
        found.append(
            Segment(
                number,
                str(item.get("SegmentLabel", "") or f"Segment {number}"),
                color,
                code_of(kind),
                algorithm=algorithm if algorithm in ("MANUAL", "SEMIAUTOMATIC", "AUTOMATIC") else "AUTOMATIC",
                algorithm_name=str(item.get("SegmentAlgorithmName", "") or ""),
                side=side_of(kind),
            )
        )
    return tuple(found)


def _label_map(ds: Dataset, grid: Grid, frames: Frames) -> NDArray[Any]:
    array = np.zeros(grid.shape, np.uint8 if ds.BitsAllocated == 8 else np.uint16)
    background = int(ds.get("PixelPaddingValue", 0))
    for (_, k), frame in zip(frames, _planes(ds, len(frames)), strict=True):
        array[k] = frame
    if background:
        array[array == background] = 0
    return array


def _packed(
    ds: Dataset, grid: Grid, frames: Frames, segments: tuple[Segment, ...], whole: dict[str, Any] | None
) -> tuple[tuple[NDArray[Any], ...], tuple[Segment, ...]]:
    """Masks into label maps: each segment into the first that it fits in; what was written here into its own."""
    own = restore_segments(whole["segments"]) if whole else ()
    kinds = whole["dtypes"] if whole else []
    kind = np.uint8 if max((one.label for one in segments), default=1) < 256 else np.uint16
    maps = [np.zeros(grid.shape, one) for one in kinds] or [np.zeros(grid.shape, kind)]
    placed = {number: one.key for number, one in enumerate(own, 1)}
    alone = ds.get("SegmentsOverlap") == "NO"
    masks: dict[int, list[tuple[int, slice, NDArray[np.bool_]]]] = {}
    flats = [one.reshape(len(one), -1) for one in maps]
    for (number, k), (part, mask) in zip(frames, _bits(ds, len(frames)), strict=True):
        if number in placed or alone:
            layer, label = placed.get(number, (0, number))
            flats[layer][k, part][mask] = label
        else:
            masks.setdefault(number, []).append((k, part, mask))
    layers = {}
    for number, found in masks.items():
        layer = next((n for n, flat in enumerate(flats) if not _meets(flat, found)), len(flats))
        if layer == len(flats):
            maps.append(np.zeros(grid.shape, kind))
            flats.append(maps[-1].reshape(len(maps[-1]), -1))
        for k, part, mask in found:
            flats[layer][k, part][mask] = number
        layers[number] = layer
    return tuple(maps), tuple(Segment(**{**one.__dict__, "layer": layers.get(one.label, 0)}) for one in segments)


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
