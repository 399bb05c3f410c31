"""DICOM Segmentation and Label Map Segmentation (PS3.3 A.51, C.8.20) as label maps, placed frame by frame.

Empty frames may have been left out and a segmentation need not have its source's planes: frames come on the slices of
an image whose pixels they share, else on a grid of their own. Segments that share voxels get further label maps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from viewer.compute.label_image import COLORS
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.transform import End
from viewer.io.dicom_decode import FAULTS
from viewer.io.dicom_labels import dataset
from viewer.io.dicom_object import referring
from viewer.io.failure import OpenError
from viewer.io.label_layers import LabelLayers
from viewer.io.planes import Fit, Planes, filled, fit, own_fit
from viewer.io.seg_frames import frames_of
from viewer.io.seg_write import whole_of
from viewer.io.segment_codes import code_of, side_of
from viewer.scene.described import restore_segments

MOST = 1 << 33  # voxels
SKEWED = 1e-2  # of the products of a frame's direction cosines
CUT = "probabilities cut at one half"
ANOTHER_FRAME = "placed on the images that it names, whose frame of reference is another"
DAMAGED = "Its segmentation is incomplete or damaged: {what}."
UNDECODED = (
    "Its pixels ({}) cannot be decoded: they are damaged or of a variant that is not known; save it uncompressed."
)

Frames = list[tuple[int, int]]  # number of the segment (0: a label map's) and plane of every frame
Maps = tuple[NDArray[Any], ...]


def read_seg(path: Path, images: Sequence[End] = ()) -> Segmentation:
    """Raises OpenError: one sentence."""
    return segmentation_of(dataset(str(path)), path.stem, images)


def segmentation_of(ds: Dataset, name: str, images: Sequence[End] = ()) -> Segmentation:
    """Of a whole data set, on the first of the images whose voxels its frames fill. Raises OpenError: one sentence."""
    if "SegmentSequence" not in ds or "PixelData" not in ds:
        raise OpenError("It is a DICOM file, but no segmentation with pixels: choose one of modality SEG.")
    if not ds.file_meta.TransferSyntaxUID.is_transfer_syntax:
        raise OpenError(UNDECODED.format(ds.file_meta.TransferSyntaxUID.name))
    try:
        return _segmentation(ds, name, images)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        if isinstance(error, OpenError):
            raise
        raise OpenError(DAMAGED.format(what="a part of its header or its pixels is missing")) from error


def _segmentation(ds: Dataset, name: str, images: Sequence[End]) -> Segmentation:
    whole = whole_of(ds)
    planes, frames = _planes_of(ds)
    maps, segments = _decoded(ds, frames, len(planes.starts), whole)
    source = referring(ds)
    if whole is None:
        grid, maps, segments, badges = _placed(ds, planes, maps, segments, _in_question(ds, source, images))
        title = str(ds.get("SeriesDescription", "") or ds.get("ContentLabel", "") or name)
        made = None
    else:
        grid, maps = _as_written(whole, planes, maps)
        segments, badges, title = restore_segments(whole["segments"]), tuple(whole["badges"]), whole["name"]
        made = Provenance.from_json(whole["provenance"]) if whole["provenance"] else None
    return Segmentation(maps[0], grid, segments, title, source, made, badges=badges, overlapping=maps[1:])


def _in_question(ds: Dataset, source: Source, images: Sequence[End]) -> Iterator[tuple[End, tuple[str, ...]]]:
    """The images that it may be of, and what must be said then: those in its frame of reference, or that it names."""
    frame, named = str(ds.get("FrameOfReferenceUID", "")), set(source.sop_instance_uids)
    for image in images:
        other = image.grid.frame_of_reference
        if not frame or not other or frame == other:
            yield image, ()
        elif named & set(image.source.sop_instance_uids):
            yield image, (ANOTHER_FRAME,)


def _placed(
    ds: Dataset,
    planes: Planes,
    maps: Maps,
    segments: tuple[Segment, ...],
    images: Iterable[tuple[End, tuple[str, ...]]],
) -> tuple[Grid, Maps, tuple[Segment, ...], tuple[str, ...]]:
    """On the first image whose voxels hold all that is marked, else on a grid of their own."""
    cut = (CUT,) if _is_cut(ds) else ()
    for image, said in images:
        found = fit(planes, image.grid)
        if found is None:
            continue
        voxels, lost, met = filled(found, maps)
        if not lost:
            return image.grid, *_apart(found, maps, segments, voxels, met), (*cut, *said, *found.badges())
    found, said = own_fit(planes, str(ds.get("FrameOfReferenceUID", "")))
    if np.prod(found.grid.shape, dtype=float) > MOST:
        raise OpenError(DAMAGED.format(what="its sizes are impossible"))
    voxels, _, met = filled(found, maps)
    return found.grid, *_apart(found, maps, segments, voxels, met), (*cut, *said, *found.badges())


def _apart(
    found: Fit, maps: Maps, segments: tuple[Segment, ...], voxels: Maps, met: bool
) -> tuple[Maps, tuple[Segment, ...]]:
    """The voxels, or where segments of several planes meet in one, segment by segment in as many maps as it takes."""
    if not met:
        return voxels, segments
    layers = LabelLayers(found.grid.shape, maps[0].dtype)
    placed = []
    for segment in segments:
        (mask,), _, _ = filled(found, (maps[segment.layer] == segment.label,))
        placed.append(replace(segment, layer=layers.put(mask, segment.label)))
    return tuple(layers.maps), tuple(placed)


def _as_written(whole: dict[str, Any], planes: Planes, maps: Maps) -> tuple[Grid, Maps]:
    """On the grid that this program wrote it from."""
    grid = Grid(tuple(whole["shape"]), np.array(whole["affine"]), whole["frame_of_reference"])
    found = fit(planes, grid)
    if np.prod(grid.shape, dtype=float) > MOST or found is None:
        raise OpenError(DAMAGED.format(what="its sizes are impossible"))
    voxels, lost, _ = filled(found, maps)
    if lost:
        raise OpenError(DAMAGED.format(what="a frame lies outside of its grid"))
    return grid, voxels


def _is_cut(ds: Dataset) -> bool:
    return bool(ds.SegmentationType == "FRACTIONAL" and ds.get("MaximumFractionalValue", 1) > 1)


def _planes_of(ds: Dataset) -> tuple[Planes, Frames]:
    """The planes that frames lie in, sorted by place, and segment and plane of every frame."""
    placed = frames_of(ds)
    if len(placed.numbers) != int(ds.NumberOfFrames):
        raise OpenError(DAMAGED.format(what=f"{ds.NumberOfFrames} frames, but {len(placed.numbers)} headers of frames"))
    across, down = placed.cosines[:, :3], placed.cosines[:, 3:]
    gram = np.stack([(across**2).sum(axis=1), (down**2).sum(axis=1), (across * down).sum(axis=1)])
    if np.abs(gram - [[1], [1], [0]]).max() > SKEWED:
        raise OpenError(DAMAGED.format(what="rows and columns of its frames are not at right angles"))
    about = np.hstack([placed.positions.round(3), placed.cosines.round(4), placed.spacing.round(5)])
    _, first, owners = np.unique(about[:, ::-1], axis=0, return_index=True, return_inverse=True)
    planes = Planes(
        placed.positions[first],
        down[first] * placed.spacing[first, :1],
        across[first] * placed.spacing[first, 1:],
        (int(ds.Rows), int(ds.Columns)),
        placed.between,
        placed.thickness,
    )
    return planes, list(zip(placed.numbers, owners.ravel().tolist(), strict=True))


def _decoded(ds: Dataset, frames: Frames, count: int, whole: dict[str, Any] | None) -> tuple[Maps, tuple[Segment, ...]]:
    """Label maps [plane, row, column] and segments."""
    shape = (count, int(ds.Rows), int(ds.Columns))
    if np.prod(shape, dtype=float) > MOST:
        raise OpenError(DAMAGED.format(what="its sizes are impossible"))
    segments = _segments(ds)
    if ds.SegmentationType == "LABELMAP":
        maps: Maps = (_label_map(ds, shape, frames),)
    else:
        maps, segments = _packed(ds, shape, frames, segments, whole)
    named = {one.key for one in segments}
    unnamed = (
        Segment(int(label), f"Label {label}", COLORS[int(label) % len(COLORS)], layer=layer)
        for layer, array in enumerate(maps if whole is None else ())
        for label in np.flatnonzero(np.bincount(array.ravel(), minlength=2)[1:]) + 1
        if (layer, int(label)) not in named
    )
    return maps, (*segments, *unnamed)


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


def _label_map(ds: Dataset, shape: tuple[int, int, int], frames: Frames) -> NDArray[Any]:
    array = np.zeros(shape, np.uint8 if ds.BitsAllocated == 8 else np.uint16)
    background = int(ds.get("PixelPaddingValue", 0))
    for (_, k), frame in zip(frames, _planes(ds, len(frames)), strict=True):
        np.copyto(array[k], frame, where=frame != background)
    return array


def _packed(
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
                return _packed(ds, shape, frames, segments, None)
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
    from pydicom.pixels.utils import iter_pixels

    found = 0
    try:
        for frame in iter_pixels(ds):
            found += 1
            yield frame
    except FAULTS as error:
        raise OpenError(UNDECODED.format(ds.file_meta.TransferSyntaxUID.name)) from error
    if found != count:
        raise OpenError(DAMAGED.format(what="it ends before its last frame; copy it again"))
