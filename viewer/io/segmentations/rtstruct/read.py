"""Contours of an RT Structure Set (PS3.3 C.8.8.5, C.8.8.6) as label maps on the grid of an image.

Contours are drawn in the image's own planes, each on the slice nearest to it; oblique ones in theirs, and sampled.
Slices between contours stay empty: nothing is invented, and what is left out, joined or resampled is said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException

from viewer.compute.labels.label_image import COLORS
from viewer.data.segmentation import Algorithm, Segment, Segmentation, State
from viewer.io.dicom.export.object_header import object_source
from viewer.io.errors import refuse_damage
from viewer.io.segmentations.dicom_codes import code_of, review_of, side_of
from viewer.io.segmentations.label_maps import LabelLayers
from viewer.io.segmentations.rtstruct.contour_grid import own_grid
from viewer.io.segmentations.rtstruct.contour_image import Choice, image_of, rings_in
from viewer.io.segmentations.rtstruct.contours import Drawing, Region, regions_of, without_contours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.transform import ImageReference

ALGORITHMS: dict[str, Algorithm] = {"MANUAL": "MANUAL", "SEMIAUTOMATIC": "SEMIAUTOMATIC", "AUTOMATIC": "AUTOMATIC"}
STATES: dict[str, State] = {"APPROVED": "completed", "REJECTED": "rejected"}  # Approval Status, PS3.3 C.8.8.16
ALONE = "drawn without its images, in squares of 1 mm"


def contours_of(ds: Dataset, images: Sequence[ImageReference], name: str) -> Segmentation:
    """On the first of the images that it may be of; on a grid of its own where there is none.

    Raises OpenError: one sentence.
    """
    with refuse_damage(
        "Its contours are incomplete or damaged: a part of its header is missing or wrong.", BytesLengthException
    ):
        return _segmentation(ds, images, name)


def _segmentation(ds: Dataset, images: Sequence[ImageReference], name: str) -> Segmentation:
    regions, rois = regions_of(ds), {int(one.ROINumber): one for one in ds.StructureSetROISequence}
    rois |= {number: Dataset() for number in regions if number not in rois}
    frames = {number: str(roi.get("ReferencedFrameOfReferenceUID", "")) for number, roi in rois.items()}
    choice = image_of(ds, images, regions, frames)
    if choice is None:
        told = next((frame for frame in frames.values() if frame), "")
        choice = Choice(own_grid(rings_in(told, regions, frames), told), told, (ALONE,))
    grid, frame, said = choice
    regions = {n: one if frames[n] in ("", frame) else without_contours(one) for n, one in regions.items()}
    drawing = Drawing(grid, regions.values())
    observed = {int(one.ReferencedROINumber): one for one in ds.get("RTROIObservationsSequence") or ()}
    layers = LabelLayers(grid.shape, np.uint8 if len(rois) < 256 else np.uint16)
    segments, lost = [], []
    for label, (number, roi) in enumerate(rois.items(), 1):
        region = regions.get(number, Region())
        mask = drawing.mask(region)
        layer = layers.put(mask, label)
        red, green, blue = (min(max(int(part), 0), 255) for part in region.color or COLORS[label % len(COLORS)])
        algorithm = ALGORITHMS.get(str(roi.get("ROIGenerationAlgorithm", "") or "MANUAL"), "AUTOMATIC")
        title = str(roi.get("ROIName", "") or f"ROI {number}")
        made = Segment(label, title, (red, green, blue), layer=layer, algorithm=algorithm)
        segments.append(_as_observed(made, observed.get(number, Dataset()), ds))
        if region.rings and not mask.any():
            lost.append(f"{title} has no voxel on the image")
    title = str(ds.get("StructureSetLabel", "") or name)
    first, *others = layers.maps
    badges = (*said, *drawing.badges(), *lost)
    return Segmentation(
        first, grid, tuple(segments), title, object_source(ds), badges=badges, overlapping=tuple(others)
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
