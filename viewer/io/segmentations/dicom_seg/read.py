"""DICOM Segmentation and Label Map Segmentation (PS3.3 A.51, C.8.20) as label maps, placed frame by frame.

Empty frames may have been left out and a segmentation need not have its source's planes: frames come on the slices of
an image whose pixels they share, else on a grid of their own. Segments that share voxels get further label maps.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset

from viewer.compute.labels.label_image import COLORS
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.dicom.export.object_header import object_source
from viewer.io.dicom.pixels.frame_bits import DEFLATED_FRAMES
from viewer.io.errors import OpenError
from viewer.io.memory_budget import check_claim
from viewer.io.segmentations.dicom_codes import code_of, side_of
from viewer.io.segmentations.dicom_seg.frames import frame_places
from viewer.io.segmentations.dicom_seg.pixels import DAMAGED, UNDECODED, Frames, Maps, label_map, pack_masks
from viewer.io.segmentations.dicom_seg.write import own_record
from viewer.io.segmentations.frame_planes import Fit, Planes, fill_grid, fit, own_fit
from viewer.io.segmentations.label_maps import LabelLayers
from viewer.scene.journal.serialization import restore_segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from viewer.data.arrays import Json
    from viewer.data.study import Source
    from viewer.data.transform import ImageReference

SKEWED = 1e-2  # of the products of a frame's direction cosines
CUT = "probabilities cut at one half"
ANOTHER_FRAME = "placed on the images that it names, whose frame of reference is another"


def segmentation_of(ds: Dataset, name: str, images: Sequence[ImageReference] = ()) -> Segmentation:
    """The segments of a whole data set, on the first of the images whose voxels its frames fill.

    Without such an image they are on a grid of their own. Raises OpenError: one sentence.
    """
    if "SegmentSequence" not in ds or "PixelData" not in ds:
        raise OpenError("It is a DICOM file, but no segmentation with pixels: choose one of modality SEG.")
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax != DEFLATED_FRAMES and not syntax.is_transfer_syntax:
        raise OpenError(UNDECODED.format(syntax.name))
    try:
        return _segmentation(ds, name, images)
    except OpenError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, NotImplementedError) as error:
        raise OpenError(DAMAGED.format(what="a part of its header or its pixels is missing or wrong")) from error


def _segmentation(ds: Dataset, name: str, images: Sequence[ImageReference]) -> Segmentation:
    record = own_record(ds)
    planes, frames = _planes_of(ds, images)
    maps, segments = _decode(ds, frames, len(planes.starts), record)
    source = object_source(ds)
    if record is None:
        grid, maps, segments, badges = _place_on_grid(ds, planes, maps, segments, _candidate_images(ds, source, images))
        title = str(ds.get("SeriesDescription", "") or ds.get("ContentLabel", "") or name)
        provenance = None
    else:
        check_claim(math.prod(record["shape"]), len(ds.PixelData))
        grid, maps = _place_on_own_grid(record, planes, maps)
        segments, badges, title = restore_segments(record["segments"]), tuple(record["badges"]), record["name"]
        provenance = Provenance.from_json(record["provenance"]) if record["provenance"] else None
    return Segmentation(maps[0], grid, segments, title, source, provenance, badges=badges, overlapping=maps[1:])


def _candidate_images(
    ds: Dataset, source: Source, images: Sequence[ImageReference]
) -> Iterator[tuple[ImageReference, tuple[str, ...]]]:
    """The images that it may be of, and what must be said then: those in its frame of reference, or that it names."""
    frame, named = str(ds.get("FrameOfReferenceUID", "")), set(source.sop_instance_uids)
    for image in images:
        other = image.grid.frame_of_reference
        if not frame or not other or frame == other:
            yield image, ()
        elif named & set(image.source.sop_instance_uids):
            yield image, (ANOTHER_FRAME,)


def _place_on_grid(
    ds: Dataset,
    planes: Planes,
    maps: Maps,
    segments: tuple[Segment, ...],
    images: Iterable[tuple[ImageReference, tuple[str, ...]]],
) -> tuple[Grid, Maps, tuple[Segment, ...], tuple[str, ...]]:
    """On the first image whose voxels hold all that is marked, else on a grid of their own."""
    cut = (CUT,) if _is_probability(ds) else ()
    for image, badges in images:
        found = fit(planes, image.grid)
        if found is None:
            continue
        voxels, lost, met = fill_grid(found, maps)
        if not lost:
            return image.grid, *_separate_segments(found, maps, segments, voxels, met), (*cut, *badges, *found.badges())
    found, badges = own_fit(planes, str(ds.get("FrameOfReferenceUID", "")))
    check_claim(math.prod(found.grid.shape), len(ds.PixelData))
    voxels, _, met = fill_grid(found, maps)
    return found.grid, *_separate_segments(found, maps, segments, voxels, met), (*cut, *badges, *found.badges())


def _separate_segments(
    found: Fit, maps: Maps, segments: tuple[Segment, ...], voxels: Maps, met: bool
) -> tuple[Maps, tuple[Segment, ...]]:
    """The voxels, or where segments of several planes meet in one, segment by segment in as many maps as it takes."""
    if not met:
        return voxels, segments
    layers = LabelLayers(found.grid.shape, maps[0].dtype)
    placed = []
    for segment in segments:
        (mask,), _, _ = fill_grid(found, (maps[segment.layer] == segment.label,))
        placed.append(replace(segment, layer=layers.add(mask, segment.label)))
    return tuple(layers.maps), tuple(placed)


def _place_on_own_grid(record: Json, planes: Planes, maps: Maps) -> tuple[Grid, Maps]:
    """On the grid that this program wrote it from."""
    grid = Grid(tuple(record["shape"]), np.array(record["affine"]), record["frame_of_reference"])
    found = fit(planes, grid)
    if found is None:
        raise OpenError(DAMAGED.format(what="its sizes are impossible"))
    voxels, lost, _ = fill_grid(found, maps)
    if lost:
        raise OpenError(DAMAGED.format(what="a frame lies outside of its grid"))
    return grid, voxels


def _is_probability(ds: Dataset) -> bool:
    return bool(ds.SegmentationType == "FRACTIONAL" and ds.get("MaximumFractionalValue", 1) > 1)


def _planes_of(ds: Dataset, images: Sequence[ImageReference]) -> tuple[Planes, Frames]:
    """The planes that frames lie in, sorted by place, and segment and plane of every frame."""
    placed = frame_places(ds, images)
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


def _decode(ds: Dataset, frames: Frames, count: int, record: Json | None) -> tuple[Maps, tuple[Segment, ...]]:
    """Label maps [plane, row, column] and segments."""
    shape = (count, int(ds.Rows), int(ds.Columns))
    check_claim(math.prod(shape), len(ds.PixelData))
    segments = _segments(ds)
    if ds.SegmentationType == "LABELMAP":
        maps: Maps = (label_map(ds, shape, frames),)
    else:
        maps, segments = pack_masks(ds, shape, frames, segments, record)
    named = {one.key for one in segments}
    unnamed = (
        Segment(int(label), f"Label {label}", COLORS[int(label) % len(COLORS)], layer=layer)
        for layer, array in enumerate(maps if record is None else ())
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
