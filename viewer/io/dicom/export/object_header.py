"""What DICOM objects made here, which are no images, have in common: whose they are, of which images, made by what."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime

from pydicom import uid
from pydicom.dataset import Dataset

from viewer.data.study import Source
from viewer.io.dicom.export.source_attributes import EXPECTED, identify, source_header
from viewer.settings import NAME, NOTICE, application_version

# Patient and study modules; the rest of a source's header is about its pixels.
PATIENT = """
    PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex PatientAge OtherPatientIDs
    PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence StudyInstanceUID StudyDate
    StudyTime StudyID StudyDescription AccessionNumber ReferringPhysicianName TimezoneOffsetFromUTC
"""


def object_header(source: Source, modality: str, name: str = "") -> Dataset:
    """Patient and study of the source, a new series of this modality, the equipment, the notice.

    name: what a source that is not DICOM is called. Raises SaveError where the source's file is another one by now.
    """
    ds, known = Dataset(), source_header(source)
    if known is None:
        identify(ds, source, name)
    for keyword in PATIENT.split():
        if known is not None and keyword in known:
            ds[keyword] = deepcopy(known[keyword])
    for keyword in EXPECTED.split():
        if keyword not in ds:
            setattr(ds, keyword, "")
    now = datetime.now().astimezone()
    ds.Modality, ds.SeriesInstanceUID, ds.SeriesNumber, ds.InstanceNumber = modality, uid.generate_uid(None), 9500, 1
    ds.SOPInstanceUID = uid.generate_uid(prefix=None)
    ds.Manufacturer = ds.ManufacturerModelName = NAME
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", application_version()
    ds.ImageComments = NOTICE
    ds.ContentDate = ds.InstanceCreationDate = ds.SeriesDate = now.strftime("%Y%m%d")
    ds.ContentTime = ds.InstanceCreationTime = ds.SeriesTime = now.strftime("%H%M%S.%f")
    return ds


def referenced_series(source: Source) -> Dataset:
    """An item of the Referenced Series Sequence (PS3.3 C.12.2)."""
    item = Dataset()
    item.SeriesInstanceUID = source.series_uid
    item.ReferencedInstanceSequence = referenced_images(source)
    return item


def referenced_images(source: Source) -> list[Dataset]:
    """A reference to every instance of the source."""
    header, items = source_header(source), []
    for instance in dict.fromkeys(source.sop_instance_uids):
        item = Dataset()
        item.ReferencedSOPClassUID = header.SOPClassUID if header is not None else uid.SecondaryCaptureImageStorage
        item.ReferencedSOPInstanceUID = instance
        items.append(item)
    return items


def object_source(ds: Dataset) -> Source:
    """Whose an object is and which images it is about, as its header tells it."""
    series, images = _images_of(ds)
    instances = tuple(str(one.ReferencedSOPInstanceUID) for one in images)
    return Source(
        patient_id=str(ds.get("PatientID", "") or ""),
        patient_name=str(ds.get("PatientName", "") or ""),
        patient_birth_date=str(ds.get("PatientBirthDate", "") or ""),
        patient_sex=str(ds.get("PatientSex", "") or ""),
        study_uid=str(ds.get("StudyInstanceUID", "")),
        study_date=str(ds.get("StudyDate", "") or ""),
        study_time=str(ds.get("StudyTime", "") or ""),
        study_description=str(ds.get("StudyDescription", "") or ""),
        study_id=str(ds.get("StudyID", "") or ""),
        accession_number=str(ds.get("AccessionNumber", "") or ""),
        series_uid=str(series.get("SeriesInstanceUID", "")),
        series_description=str(ds.get("SeriesDescription", "") or ""),
        modality=str(ds.get("Modality", "")),
        sop_instance_uids=instances,
        dicom=True,
    )


def _images_of(ds: Dataset) -> tuple[Dataset, list[Dataset]]:
    """The first series that an object refers to, and its instances; RT objects name them within a study (C.8.8.5)."""
    series = ds
    for name in ("ReferencedFrameOfReferenceSequence", "RTReferencedStudySequence", "RTReferencedSeriesSequence"):
        series = (series.get(name) or [Dataset()])[0]
    if "SeriesInstanceUID" in series:
        return series, series.get("ContourImageSequence") or []
    series = (ds.get("ReferencedSeriesSequence") or [Dataset()])[0]
    return series, series.get("ReferencedInstanceSequence") or []
