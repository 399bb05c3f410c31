"""Contours of an RT Structure Set (PS3.3 C.8.8.5, C.8.8.6) as label maps on the grid of an image.

A voxel is inside where its centre is (even-odd rule over all contours of a plane, which serves key-holes, rings within
rings and CLOSEDPLANAR_XOR alike). Slices between contours stay empty: nothing is invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from viewer.compute.label_image import COLORS
from viewer.data.grid import Grid
from viewer.data.segmentation import Algorithm, Segment, Segmentation, State
from viewer.io.contour_grid import own_grid
from viewer.io.dicom_object import referring
from viewer.io.failure import OpenError, damage_told
from viewer.io.segment_codes import code_of, review_of, side_of

BESIDE = 0.51  # slices that a contour may lie beside the slice it is drawn on
ALGORITHMS: dict[str, Algorithm] = {"MANUAL": "MANUAL", "SEMIAUTOMATIC": "SEMIAUTOMATIC", "AUTOMATIC": "AUTOMATIC"}
STATES: dict[str, State] = {"APPROVED": "completed", "REJECTED": "rejected"}  # Approval Status, PS3.3 C.8.8.16
BADGE = "contours left out"
ALONE = "drawn without its images, in squares of 1 mm"


def contours_of(ds: Dataset, images: Sequence[Grid], name: str) -> Segmentation:
    """On the first of the images that shares its frame of reference; on a grid of its own where none does.

    Raises OpenError: one sentence.
    """
    with damage_told("Its contours are incomplete or damaged: a part of its header is missing or wrong."):
        return _contours(ds, images, name)


def _contours(ds: Dataset, images: Sequence[Grid], name: str) -> Segmentation:
    frames = {str(one.get("ReferencedFrameOfReferenceUID", "")) for one in ds.StructureSetROISequence}
    grid = next((one for one in images if one.frame_of_reference in frames), None)
    badges: tuple[str, ...] = ()
    if grid is None:
        rings = [_points(one) for item in ds.get("ROIContourSequence", ()) for one in item.get("ContourSequence", ())]
        grid, badges = own_grid(rings, next(iter(frames))), (ALONE,)
    drawn = {int(one.ReferencedROINumber): one for one in ds.get("ROIContourSequence", ())}
    observed = {int(one.ReferencedROINumber): one for one in ds.get("RTROIObservationsSequence", ())}
    rois = list(ds.StructureSetROISequence)
    kind = np.uint8 if len(rois) < 256 else np.uint16
    maps: list[NDArray[np.unsignedinteger]] = [np.zeros(grid.shape, kind)]
    segments, left = [], 0
    for label, roi in enumerate(rois, 1):
        item = drawn.get(int(roi.ROINumber), Dataset())
        mask, skipped = _mask(item, grid)
        left += skipped
        layer = next((n for n, one in enumerate(maps) if not one[mask].any()), len(maps))
        if layer == len(maps):
            maps.append(np.zeros(grid.shape, kind))
        maps[layer][mask] = label
        color = item.get("ROIDisplayColor") or COLORS[label % len(COLORS)]
        red, green, blue = (min(max(int(part), 0), 255) for part in color)
        algorithm = ALGORITHMS.get(str(roi.get("ROIGenerationAlgorithm", "") or "MANUAL"), "AUTOMATIC")
        title = str(roi.get("ROIName", "") or f"ROI {roi.ROINumber}")
        made = Segment(label, title, (red, green, blue), layer=layer, algorithm=algorithm)
        segments.append(_as_observed(made, observed.get(int(roi.ROINumber), Dataset()), ds))
    title = str(ds.get("StructureSetLabel", "") or name)
    badges += (BADGE,) if left else ()
    return Segmentation(
        maps[0], grid, tuple(segments), title, referring(ds), badges=badges, overlapping=tuple(maps[1:])
    )


def _as_observed(segment: Segment, observed: Dataset, ds: Dataset) -> Segment:
    """With its code, side and review: of this program's own words, else of the status that all have in common."""
    kind = (observed.get("RTROIIdentificationCodeSequence") or [Dataset()])[0]
    state, reader = STATES.get(str(ds.get("ApprovalStatus", "")), "not started"), str(ds.get("ReviewerName", "") or "")
    if state == "not started" or not reader:
        reader = str(observed.get("ROIInterpreter", "") or "")
    told = review_of(str(observed.get("ROIObservationDescription", "") or "")) or (state, reader, "")
    state, reader, remark = told
    return replace(segment, code=code_of(kind), side=side_of(kind), state=state, reader=reader, remark=remark)


def _mask(item: Dataset, grid: Grid) -> tuple[NDArray[np.bool_], int]:
    """The voxels inside, and how many contours lie outside of the image or are neither closed nor on a slice."""
    mask, left = np.zeros(grid.shape, np.bool_), 0
    for contour in item.get("ContourSequence", ()):
        points = grid.to_index(_points(contour))
        if not np.isfinite(points).all():
            raise OpenError("Its contours are damaged: a point is not a number.")
        k = int(np.rint(points[:, 0].mean()))
        closed = contour.get("ContourGeometricType") in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
        if not closed or not 0 <= k < grid.shape[0] or np.abs(points[:, 0] - k).max() > BESIDE:
            left += 1
            continue
        _toggle(mask[k], points[:, 1:])
    return mask, left


def _points(contour: Dataset) -> NDArray[np.float64]:
    """LPS mm, [n, 3]."""
    return np.array(contour.ContourData, float).reshape(-1, 3)


def _toggle(plane: NDArray[np.bool_], ring: NDArray[np.float64]) -> None:
    """Turn over what lies within the ring: from each edge that a row crosses to the end of the row."""
    ends = np.stack([ring, np.roll(ring, -1, axis=0)])
    upward = ends[0, :, 0] <= ends[1, :, 0]  # both ways along a key-hole must give the same numbers
    low, high = np.where(upward[:, None], ends[0], ends[1]), np.where(upward[:, None], ends[1], ends[0])
    first = np.clip(np.ceil(low[:, 0]), 0, len(plane)).astype(int)
    last = np.clip(np.ceil(high[:, 0]), 0, len(plane)).astype(int)
    edges = np.repeat(np.arange(len(ring)), last - first)
    starts = np.cumsum(last - first) - (last - first)
    rows = np.arange(len(edges)) - starts[edges] + first[edges]
    share = (rows - low[edges, 0]) / (high[edges, 0] - low[edges, 0])
    columns = low[edges, 1] + share * (high[edges, 1] - low[edges, 1])
    turns = np.zeros((plane.shape[0], plane.shape[1] + 1), np.int64)
    np.add.at(turns, (rows, np.clip(np.ceil(columns), 0, plane.shape[1]).astype(int)), 1)
    plane ^= (np.cumsum(turns[:, :-1], axis=1) % 2).astype(np.bool_)
