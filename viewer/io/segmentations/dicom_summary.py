"""Segmentations and structure sets among the files of a study: whose they are and of which images, by header only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pydicom
from pydicom import uid
from pydicom.errors import BytesLengthException, InvalidDicomError

from viewer.data.study import LabelFile
from viewer.io.archive import open_content
from viewer.io.dicom.attributes.texts import decode_texts
from viewer.io.dicom.export.object_header import object_source
from viewer.io.errors import OpenError, refuse_damage

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CLASSES = {
    str(uid.SegmentationStorage),
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation
    str(uid.RTStructureSetStorage),
}
DAMAGED = "It holds segments, but its header is damaged or cut off; copy it again from its source."
WANTED = """
    SOPClassUID PatientID PatientName PatientBirthDate PatientSex StudyInstanceUID StudyDate StudyTime StudyDescription
    StudyID AccessionNumber SeriesInstanceUID SeriesNumber SeriesDescription Modality StructureSetLabel ContentLabel
    FrameOfReferenceUID ReferencedSeriesSequence ReferencedFrameOfReferenceSequence SegmentSequence
    StructureSetROISequence SpecificCharacterSet
"""


def label_file(path: str) -> LabelFile:
    """Whose segments a file holds and of which image, by its header only. Raises OpenError: one sentence."""
    with refuse_damage(DAMAGED, BytesLengthException):
        return _label_file(path)


def _label_file(path: str) -> LabelFile:
    ds = dataset(path, header_only=True)
    about = object_source(ds)
    named = ds.get("StructureSetROISequence") or []
    frame = named[0].get("ReferencedFrameOfReferenceUID", "") if named else ""
    own = replace(
        about,
        series_uid=str(ds.get("SeriesInstanceUID", "")),
        series_number=int(ds.get("SeriesNumber") or 0),
        series_description=str(ds.get("SeriesDescription") or ds.get("StructureSetLabel") or "Segments"),
        sop_instance_uids=(),
        files=(path,),
    )
    frame = str(ds.get("FrameOfReferenceUID", "") or frame)
    return LabelFile(own, about.series_uid, frame, len(ds.get("SegmentSequence") or named))


def dataset(path: str, *, header_only: bool = False) -> Dataset:
    """A DICOM file, one in an archive ("archive.zip!member") or a packed one. Raises OpenError: one sentence."""
    wanted = WANTED.split() if header_only else None
    try:
        with open_content(path) as (file, _, _), refuse_damage(DAMAGED, BytesLengthException):
            found = decode_texts(pydicom.dcmread(file, specific_tags=wanted, stop_before_pixels=header_only))
    except InvalidDicomError as error:
        raise OpenError("It is no DICOM file: check what it is.") from error
    return found
