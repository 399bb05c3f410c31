"""Segments as contours: RT Structure Set (PS3.3 A.19.3, C.8.8.5, C.8.8.6).

Contours run between the centres of voxels inside and outside, slice by slice, so that filling them gives the same
voxels. A hole is joined to what surrounds it by a key-hole: a channel of no width (C.8.8.6.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from viewer.data.terminology import category_of
from viewer.io.dicom.export.derived_series import decimal_string, describe_file
from viewer.io.dicom.export.object_header import object_header, referenced_images
from viewer.io.dicom.export.source_attributes import source_header
from viewer.io.errors import SaveError
from viewer.io.segmentations.dicom_codes import code_item, property_type, review_text
from viewer.io.stored_values import shear_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from viewer.data.arrays import Points
    from viewer.data.grid import Grid
    from viewer.data.segmentation import Segment, Segmentation


STATUS = {"completed": "APPROVED", "rejected": "REJECTED"}
STUDY_MANAGEMENT = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management, which C.8.8.5 asks for here


def write_rtstruct(segmentation: Segmentation, path: Path) -> None:
    """Write segments as a structure set. Raises SaveError, one sentence, for what contours cannot hold; OSError."""
    grid, source = segmentation.grid, segmentation.source
    if not source.dicom or not grid.frame_of_reference:
        raise SaveError("contours belong to DICOM images, and these are none: save it as .dcm or .seg.nrrd instead.")
    shear_of(grid)
    ds = object_header(source, "RTSTRUCT", segmentation.name)
    ds.SOPClassUID = uid.RTStructureSetStorage
    describe_file(ds)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    del ds.ContentDate, ds.ContentTime, ds.ImageComments
    mark = f" [{segmentation.badges[0]}]"[:64] if segmentation.badges else ""
    ds.SeriesDescription = f"{(segmentation.name or 'Contours')[: 64 - len(mark)]}{mark}"
    ds.StructureSetLabel, ds.StructureSetName = "CONTOURS", (segmentation.name or "Contours")[:64]
    ds.StructureSetDescription = "Not a medical device; for research and review."
    ds.StructureSetDate, ds.StructureSetTime = ds.InstanceCreationDate, ds.InstanceCreationTime
    ds.ApprovalStatus, ds.OperatorsName = approval(segmentation.segments), ""
    if ds.ApprovalStatus != "UNAPPROVED":
        readers = dict.fromkeys(one.reader for one in segmentation.segments)
        ds.ReviewDate, ds.ReviewTime, ds.ReviewerName = "", "", ", ".join(readers)[:64]
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = grid.frame_of_reference, ""
    ds.ReferencedFrameOfReferenceSequence = [_frame_of_reference(segmentation)]
    ds.StructureSetROISequence, ds.ROIContourSequence, ds.RTROIObservationsSequence = [], [], []
    for number, segment in enumerate(segmentation.segments, 1):
        roi, contours = Dataset(), Dataset()
        roi.ROINumber, roi.ReferencedFrameOfReferenceUID = number, grid.frame_of_reference
        roi.ROIName, roi.ROIGenerationAlgorithm = segment.name[:64].replace("\\", " "), segment.algorithm
        contours.ReferencedROINumber, contours.ROIDisplayColor = number, list(segment.color)
        if drawn := [_contour(one, grid) for one in outlines(segmentation, segment)]:
            contours.ContourSequence = drawn
        ds.StructureSetROISequence.append(roi)
        ds.ROIContourSequence.append(contours)
        ds.RTROIObservationsSequence.append(_observation(segment, number))
    ds.save_as(path, enforce_file_format=True)


def approval(segments: Sequence[Segment]) -> str:
    """Approval Status (PS3.3 C.8.8.16), which is one for all: no more than what is true of each.

    A reader stands for what is approved or rejected; a review that is under way, or divided, is UNAPPROVED.
    """
    states = {one.state if one.reader else "not started" for one in segments}
    return next((status for state, status in STATUS.items() if states == {state}), "UNAPPROVED")


def _observation(segment: Segment, number: int) -> Dataset:
    """What a region is (C.8.8.8), and how far its review came."""
    observation = Dataset()
    observation.ObservationNumber = observation.ReferencedROINumber = number
    observation.RTROIInterpretedType, observation.ROIInterpreter = "", segment.reader
    observation.ROIObservationDescription = review_text(segment)
    if segment.code:
        observation.SegmentedPropertyCategoryCodeSequence = [code_item(category_of(segment.code))]
        observation.RTROIIdentificationCodeSequence = [property_type(segment)]
    return observation


def outlines(segmentation: Segmentation, segment: Segment) -> Iterator[Points]:
    """Closed contours (n, 3) as indices k, j, i, without the first point again at the end; holes by key-holes."""
    from scipy import ndimage
    from skimage import measure

    mask = segmentation.mask(segment)
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        parts, count = ndimage.label(mask[k])
        for part in range(1, count + 1):
            found = measure.find_contours(np.pad(parts == part, 1).astype(float), 0.5, fully_connected="low")
            outer, *holes = sorted((ring[:-1] - 1 for ring in found), key=_area, reverse=True)
            for hole in holes:
                outer = _with_hole(outer, hole)
            yield np.column_stack([np.full(len(outer), float(k)), outer])


def _area(ring: Points) -> float:
    row, column = ring.T
    return abs(float(row @ np.roll(column, 1) - column @ np.roll(row, 1)))


def _with_hole(outer: Points, hole: Points) -> Points:
    """The outline with a key-hole: into the hole and back by the same way, where the two are closest."""
    apart = ((outer[:, None] - hole[None]) ** 2).sum(axis=-1)
    a, b = np.unravel_index(int(apart.argmin()), apart.shape)
    inner = np.roll(hole, -int(b), axis=0)
    return np.concatenate([outer[: a + 1], inner, inner[:1], outer[a:]])


def _contour(points: Points, grid: Grid) -> Dataset:
    item = Dataset()
    item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
    item.ContourData = [decimal_string(mm) for mm in grid.to_world(points).ravel()]
    return item


def _frame_of_reference(segmentation: Segmentation) -> Any:
    source = segmentation.source
    frame, study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = source.series_uid
    series.ContourImageSequence = referenced_images(source) if source_header(source) is not None else []
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = STUDY_MANAGEMENT, source.study_uid
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = segmentation.grid.frame_of_reference
    frame.RTReferencedStudySequence = [study]
    return frame
