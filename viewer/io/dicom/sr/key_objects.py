"""The images at findings as a Key Object Selection (PS3.3 A.35.4, PS3.16 TID 2010)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom
from highdicom.sr import (
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    TextContentItem,
)
from pydicom import uid
from pydicom.sr.codedict import codes

from viewer.io.dicom.sr.codes import MOST_TEXT, coded
from viewer.io.dicom.sr.content_items import children, reference_of
from viewer.io.dicom.sr.document import (
    add_content,
    document_header,
    evidence_sequence,
    observers,
    reported_image,
    save_document,
)
from viewer.io.dicom.sr.measurement_groups import frame_at
from viewer.io.errors import SaveError
from viewer.io.reports.phrases import phrases

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from viewer.io.dicom.sr.measurement_groups import ReportedImage
    from viewer.scene.findings.finding_report import FindingReport

KEY_OBJECT_DESCRIPTION = coded(("DCM", "113012", "Key Object Description"))

Frames = tuple[tuple[str, int], ...]  # instance, and frame in it (0: its only one)


def save_key_objects(report: FindingReport, target: Path, overwrite: bool = False) -> Frames:
    """Save the selection; the slices that it names. () where no finding lies on one: there is no file then.

    Raises SaveError, one sentence.
    """
    image = reported_image(report.image, {})
    frames = tuple(dict.fromkeys(frame for one in report.findings if (frame := frame_at(one, image))))
    if not frames:
        return ()

    def check(made: Path) -> None:
        named = [reference_of(one) for one in children(pydicom.dcmread(made), "IMAGE")]
        if [(one.instance, one.frame) for one in named if one is not None] != list(frames):
            raise SaveError("it does not read back with the same images: try again or use another drive.")

    save_document(_key_objects(report, image, frames), target, check, overwrite)
    return frames


def _key_objects(report: FindingReport, image: ReportedImage, frames: Frames) -> Dataset:
    """The whole file."""
    words = phrases(report.language)
    ds = document_header(report.image, "KO", uid.KeyObjectSelectionDocumentStorage, words.labels["pictures"])
    root = ContainerContentItem(codes.DCM.OfInterest, template_id="2010")
    marks = [words.notice, *dict.fromkeys(words.mark(one) for one in report.entries if one.mark)]
    person, device = observers(report.reader)
    root.ContentSequence = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(coded(words.language)),
            *(person or ()),
            *device,
            TextContentItem(KEY_OBJECT_DESCRIPTION, words.joint.join(marks)[:MOST_TEXT], "CONTAINS"),
            *(
                ImageContentItem(codes.SCT.Source, image.sop_class, one, number or None, None, "CONTAINS")
                for one, number in frames
            ),
        ]
    )
    add_content(ds, [root])
    evidence = {image.series: {one: image.sop_class for one, _ in frames}}
    ds.CurrentRequestedProcedureEvidenceSequence = evidence_sequence(ds.StudyInstanceUID, evidence)
    return ds
