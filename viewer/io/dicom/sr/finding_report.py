"""Findings of an image as a Comprehensive 3D SR of TID 1500 "Measurement Report" (PS3.3 A.35.13, PS3.16)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pydicom
from highdicom.sr import (
    LanguageOfContentItemAndDescendants,
    MeasurementReport,
    ObservationContext,
    TextContentItem,
)
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from viewer.io.dicom.export.derived_series import CREATOR
from viewer.io.dicom.sr.codes import IMAGING, OWN, PROCEDURES, coded
from viewer.io.dicom.sr.document import (
    add_content,
    document_header,
    evidence_sequence,
    observers,
    person_name,
    reported_image,
    save_document,
)
from viewer.io.dicom.sr.measurement_groups import SegmentReference, measurement_group
from viewer.io.dicom.sr.read_report import OWN_REPORT, ReportFile, read_report
from viewer.io.errors import SaveError
from viewer.io.reports.phrases import phrases
from viewer.io.segmentations.dicom_seg.write import own_record
from viewer.scene.journal.serialization import restore_segments
from viewer.settings import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.io.dicom.sr.document import Evidence
    from viewer.io.dicom.sr.measurement_groups import ReportedImage, SavedSegments
    from viewer.scene.findings.finding_report import FindingReport

MOST_FINDINGS = 2_000
NOTHING = "no finding is in it: save it as .html or .pdf, which say what was refused."
TOO_MANY = "it has more than {:,} findings, which no report is read for: report fewer."
UNKNOWN = "not known"  # the organization of who verifies, where the images name none


def save_finding_report(
    report: FindingReport,
    target: Path,
    segments: SavedSegments,
    overwrite: bool = False,
) -> None:
    """Save a report; "saved" may be said afterwards. segments: where the regions of findings were saved before.

    Raises SaveError, one sentence.
    """
    try:
        ds = finding_report(report, segments)
    except SaveError as error:
        raise SaveError(f"{target.name} was not saved: {error}") from error

    def check(made: Path) -> None:
        if not _says_the_same(read_report(made, [report.image]), report):
            raise SaveError("it does not read back with the same findings: try again or use another drive.")

    save_document(ds, target, check, overwrite)


def saved_segments(name: str, path: Path) -> SavedSegments:
    """The segments in a DICOM Segmentation that this program wrote of a segmentation of that name. Raises OSError."""
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    record = own_record(ds) or {"segments": []}
    keys = [one.key for one in restore_segments(record["segments"])]
    sop_class, series, instance = str(ds.SOPClassUID), str(ds.SeriesInstanceUID), str(ds.SOPInstanceUID)
    return {(name, key): SegmentReference(sop_class, series, instance, n) for n, key in enumerate(keys, 1)}


def finding_report(report: FindingReport, segments: SavedSegments | None = None) -> Dataset:
    """The whole file. It is verified and final where the reader has signed it, else neither. Raises SaveError."""
    if not report.findings:
        raise SaveError(NOTHING)
    if len(report.findings) > MOST_FINDINGS:
        raise SaveError(TOO_MANY.format(MOST_FINDINGS))
    image, words = reported_image(report.image, segments or {}), phrases(report.language)
    ds = document_header(report.image, "SR", uid.Comprehensive3DSRStorage, words.title)
    ds.CompletionFlag, ds.PreliminaryFlag = ("COMPLETE", "FINAL") if report.signed else ("PARTIAL", "PRELIMINARY")
    ds.VerificationFlag = "VERIFIED" if report.signed else "UNVERIFIED"
    if report.signed:
        ds.VerifyingObserverSequence = [_verifying_observer(report)]
    ds.PerformedProcedureCodeSequence = []
    add_content(ds, _content(report, image))
    ds.CurrentRequestedProcedureEvidenceSequence = evidence_sequence(ds.StudyInstanceUID, _evidence(report, image))
    ds.CodingSchemeIdentificationSequence = [_own_scheme()]
    record = {
        "instance": ds.SOPInstanceUID,
        "entries": [asdict(one) for one in report.entries if one.finding is not None],
        "language": report.language,
    }
    ds.private_block(0x0071, CREATOR, create=True).add_new(OWN_REPORT, "UT", json.dumps(record, ensure_ascii=False))
    return ds


def _content(report: FindingReport, image: ReportedImage) -> MeasurementReport:
    words = phrases(report.language)
    person, device = observers(report.reader)
    content = MeasurementReport(
        observation_context=ObservationContext(person, device),
        procedure_reported=PROCEDURES.get(report.image.source.modality, IMAGING),
        imaging_measurements=[
            measurement_group(one, one.finding, image, words) for one in report.entries if one.finding is not None
        ],
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(coded(words.language)),
    )
    content[0].ContentSequence.append(TextContentItem(codes.DCM.Comment, words.notice, "CONTAINS"))
    return content


def _verifying_observer(report: FindingReport) -> Dataset:
    """Who answers for the report (PS3.3 C.17.2.1): the named reader and nobody else."""
    item = Dataset()
    item.VerifyingObserverName, item.VerifyingOrganization = person_name(report.reader), UNKNOWN
    item.VerifyingObserverIdentificationCodeSequence = []
    item.VerificationDateTime = report.created[:19].translate({ord(one): None for one in "-:T"})
    return item


def _evidence(report: FindingReport, image: ReportedImage) -> Evidence:
    """The images, and the segmentations that groups refer to."""
    found: Evidence = {image.series: dict.fromkeys(report.image.source.sop_instance_uids, image.sop_class)}
    for finding in report.findings:
        reference = finding.segment and image.segments.get((finding.segment.segmentation, finding.segment.key))
        if reference:
            found.setdefault(reference.series, {})[reference.instance] = reference.sop_class
    return found


def _own_scheme() -> Dataset:
    """What the scheme of own codes is called (PS3.3 C.12.1)."""
    item = Dataset()
    item.CodingSchemeDesignator, item.CodingSchemeName = OWN, f"{NAME}, what no standard has a code for"
    return item


def _says_the_same(found: ReportFile, report: FindingReport) -> bool:
    expected = tuple(one for one in report.entries if one.finding is not None)
    return found.entries == expected and found.verified_by == (
        person_name(report.reader).rstrip("^") if report.signed else ""
    )
