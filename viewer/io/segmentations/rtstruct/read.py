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
from viewer.io.segmentations.rtstruct.contour_image import ImageChoice, image_of, rings_in
from viewer.io.segmentations.rtstruct.contours import Drawing, Region, regions_of, without_contours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.transform import ImageReference

ALGORITHMS: dict[str, Algorithm] = {"MANUAL": "MANUAL", "SEMIAUTOMATIC": "SEMIAUTOMATIC", "AUTOMATIC": "AUTOMATIC"}
STATES: dict[str, State] = {"APPROVED": "completed", "REJECTED": "rejected"}  # Approval Status, PS3.3 C.8.8.16
ALONE = "drawn without its images, in squares of 1 mm"


def contours_of(ds: Dataset, images: Sequence[ImageReference], name: str) -> Segmentation:
    """The segments of a structure set, on the first of the images that it may be of; else on a grid of its own.

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
        frame = next((frame for frame in frames.values() if frame), "")
        choice = ImageChoice(own_grid(rings_in(frame, regions, frames), frame), frame, (ALONE,))
    grid, frame, badges = choice
    regions = {n: one if frames[n] in ("", frame) else without_contours(one) for n, one in regions.items()}
    drawing = Drawing(grid, regions.values())
    observations = {int(one.ReferencedROINumber): one for one in ds.get("RTROIObservationsSequence") or ()}
    layers = LabelLayers(grid.shape, np.uint8 if len(rois) < 256 else np.uint16)
    segments, lost = [], []
    for label, (number, roi) in enumerate(rois.items(), 1):
        region = regions.get(number, Region())
        mask = drawing.mask(region)
        layer = layers.add(mask, label)
        red, green, blue = (min(max(int(part), 0), 255) for part in region.color or COLORS[label % len(COLORS)])
        algorithm = ALGORITHMS.get(str(roi.get("ROIGenerationAlgorithm", "") or "MANUAL"), "AUTOMATIC")
        title = str(roi.get("ROIName", "") or f"ROI {number}")
        segment = Segment(label, title, (red, green, blue), layer=layer, algorithm=algorithm)
        segments.append(_with_observation(segment, observations.get(number, Dataset()), ds))
        if region.rings and not mask.any():
            lost.append(f"{title} has no voxel on the image")
    title = str(ds.get("StructureSetLabel", "") or name)
    first, *others = layers.maps
    badges = (*badges, *drawing.badges(), *lost)
    return Segmentation(
        first, grid, tuple(segments), title, object_source(ds), badges=badges, overlapping=tuple(others)
    )


def _with_observation(segment: Segment, observation: Dataset, ds: Dataset) -> Segment:
    """With its code, side and review: of this program's own words, else of the status that all have in common."""
    kind = (observation.get("RTROIIdentificationCodeSequence") or [Dataset()])[0]
    state, reader = STATES.get(str(ds.get("ApprovalStatus", "")), "not started"), str(ds.get("ReviewerName", "") or "")
    if state == "not started" or not reader:
        reader = str(observation.get("ROIInterpreter", "") or "")
    review = review_of(str(observation.get("ROIObservationDescription", "") or ""))
    state, reader, remark = review or (state, reader, "")
    return replace(segment, code=code_of(kind), side=side_of(kind), state=state, reader=reader, remark=remark)
