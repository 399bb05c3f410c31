"""A finding as a measurement group of a report: TID 1411 of a segment, TID 1410 of a region, else TID 1501."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    FindingSite,
    ImageContentItem,
    ImageRegion,
    ImageRegion3D,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    Scoord3DContentItem,
    SourceImageForRegion,
    SourceSeriesForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.sr.codedict import codes

from viewer.data.segmentation import Key
from viewer.io.dicom.sr.codes import (
    MOST_TEXT,
    READING_ORDER,
    READINGS,
    REVIEW_STATE,
    STATES,
    coded,
    own_code,
)
from viewer.io.dicom.sr.regions import outline_of
from viewer.io.work_item import keep_alive

if TYPE_CHECKING:
    from viewer.data.annotations.finding import Finding, FindingAlgorithm
    from viewer.data.grid import Grid
    from viewer.io.reports.phrases import Phrases
    from viewer.scene.findings.finding_list import FindingEntry

WEIGHTS = "weights SHA-256: "
CONTAINS = "CONTAINS"


@dataclass(frozen=True)
class SegmentReference:
    """A segment in a file that was saved: its class, series and instance, and the segment's number there."""

    sop_class: str
    series: str
    instance: str
    number: int


SavedSegments = Mapping[tuple[str, Key], SegmentReference]  # by the segmentation's name, and key


@dataclass(frozen=True, eq=False)
class ReportedImage:
    """The image that findings are of, as groups refer to it.

    frames: instance and frame number (0: its only one) of slice k; empty where slices of the image are not those of its
    files. segments: where regions were saved, by the segmentation's name and the segment's key.
    """

    grid: Grid
    series: str
    sop_class: str
    frames: tuple[tuple[str, int], ...]
    segments: SavedSegments


def measurement_group(entry: FindingEntry, finding: Finding, image: ReportedImage, words: Phrases) -> Any:
    """The content of one finding, in the words of a language; codes are the same in all of them."""
    keep_alive()  # thousands of them take long, and none hangs
    told: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(finding.tracking_uid, finding.name[:MOST_TEXT]),
        "finding_type": coded(finding.statement.code, words.statement(finding.statement)),
        "algorithm_id": _algorithm(finding.algorithm) if finding.algorithm else None,
        "finding_sites": [FindingSite(coded(finding.site.code, words.statement(finding.site)))]
        if finding.site
        else None,
        "measurements": _measurements(finding, words),
        "qualitative_evaluations": [
            _evaluation(REVIEW_STATE, STATES[finding.state], words.states[finding.state]),
            _evaluation(READING_ORDER, READINGS[entry.reading], words.reading[entry.reading]),
        ],
    }
    reference = finding.segment and image.segments.get((finding.segment.segmentation, finding.segment.key))
    region = None if reference else _region(finding, image)
    if reference:
        source = SourceSeriesForSegmentation(image.series)
        segment = ReferencedSegment(reference.sop_class, reference.instance, reference.number, source_series=source)
        group = VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **told)
    elif region:
        group = PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **told)
    else:
        group = MeasurementsAndQualitativeEvaluations(**told)
    group[0].ContentSequence.extend(_additions(entry, finding, image, words, beside=bool(reference or finding.box)))
    return group


def frame_at(finding: Finding, image: ReportedImage) -> tuple[str, int] | None:
    """Instance and frame number of the slice that a finding lies on; None without a place in a slice."""
    index = image.grid.nearest(finding.point) if finding.point is not None else None
    return image.frames[index[0]] if index is not None and image.frames else None


def _additions(
    entry: FindingEntry, finding: Finding, image: ReportedImage, words: Phrases, *, beside: bool
) -> list[Any]:
    """What templates have no row for, as they may be extended: marks in words, the slice, the point beside a region."""
    remarks = [words.mark(entry), words.certainty(finding)]
    items: list[Any] = [TextContentItem(codes.DCM.Comment, text, CONTAINS) for text in remarks if text]
    frame = frame_at(finding, image)
    if frame:
        numbers = [frame[1]] if frame[1] else None
        items.append(ImageContentItem(codes.SCT.Source, image.sop_class, frame[0], numbers, None, CONTAINS))
    if beside and finding.point is not None and image.grid.frame_of_reference:
        point = np.array([finding.point])
        items.append(
            Scoord3DContentItem(codes.DCM.Center, "POINT", point, image.grid.frame_of_reference, None, CONTAINS)
        )
    return items


def _algorithm(algorithm: FindingAlgorithm) -> AlgorithmIdentification:
    weights = [f"{WEIGHTS}{algorithm.weights_sha256}"] if algorithm.weights_sha256 else None
    return AlgorithmIdentification(algorithm.name or "unknown", algorithm.version or "unknown", weights)


def _measurements(finding: Finding, words: Phrases) -> list[Measurement]:
    """The figures in UCUM units, the probability as the certainty of the finding in per cent (PS3.16, 111012)."""
    figures = [
        Measurement(coded(one.name, words.measured(one.name)), float(one.value), coded(("UCUM", one.unit, one.unit)))
        for one in finding.measurements
    ]
    if finding.probability is not None:
        percent = coded(("UCUM", "%", "percent"))
        figures.append(Measurement(codes.DCM.CertaintyOfFinding, 100 * finding.probability.value, percent))
    return figures


def _evaluation(name: tuple[str, str], value: str, meaning: str) -> QualitativeEvaluation:
    return QualitativeEvaluation(own_code(*name), own_code(value, meaning))


def _region(finding: Finding, image: ReportedImage) -> ImageRegion | ImageRegion3D | None:
    """The outline or the point in the patient; in the picture's pixels where the image has no frame of reference."""
    frame_of_reference = image.grid.frame_of_reference
    if finding.box is not None and frame_of_reference:
        return ImageRegion3D(*outline_of(finding.box), frame_of_reference)
    if finding.point is None:
        return None
    if frame_of_reference:
        return ImageRegion3D("POINT", np.array([finding.point]), frame_of_reference)
    frame = frame_at(finding, image)
    if frame is None:
        return None
    _, row, column = image.grid.to_index(finding.point)
    source = SourceImageForRegion(image.sop_class, frame[0], [frame[1]] if frame[1] else None)
    return ImageRegion("POINT", np.array([[column + 0.5, row + 0.5]]), source)  # 0.5: a pixel's middle, PS3.3 C.18.6
