"""What reports and key object selections share: whose they are, who observed, of which images, how they are saved."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext, PersonObserverIdentifyingAttributes
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from viewer.files import atomic_write
from viewer.io.dicom.export.derived_series import describe_file, named_uid
from viewer.io.dicom.export.object_header import object_header
from viewer.io.dicom.export.source_attributes import frames_of_slices, source_header
from viewer.io.dicom.sr.measurement_groups import ReportedImage
from viewer.io.errors import OpenError, SaveError
from viewer.settings import NAME, application_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pydicom.uid import UID

    from viewer.data.transform import ImageReference
    from viewer.io.dicom.sr.measurement_groups import SavedSegments

NO_DICOM = "the image is no DICOM image, which a DICOM report needs: save the report as .html or .pdf."
NO_FILES = "the files of its image are not where they were, and a report refers to them: bring them back."
MOST_NAME = 63  # characters of a person's name and the ^ behind it, PS3.5 6.2 (PN)

Evidence = dict[str, dict[str, str]]  # of a series: the instances, each with its class


def reported_image(image: ImageReference, segments: SavedSegments) -> ReportedImage:
    """The image as groups refer to it. Raises SaveError where it is no DICOM image, or its files are not there."""
    if not image.source.dicom:
        raise SaveError(NO_DICOM)
    header = source_header(image.source)
    if header is None:
        raise SaveError(NO_FILES)
    frames = frames_of_slices(image.source, image.grid)
    return ReportedImage(image.grid, image.source.series_uid, str(header.SOPClassUID), frames, segments)


def document_header(image: ImageReference, modality: str, sop_class: UID, description: str) -> Dataset:
    """Patient, study, a new series, equipment and file of a document, texts in UTF-8; no code of another procedure."""
    ds = object_header(image.source, modality)
    del ds.ImageComments  # it is no image; the notice stands in the content
    ds.SOPClassUID = sop_class
    describe_file(ds)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.SeriesDescription = description[:64]
    ds.ReferencedPerformedProcedureStepSequence = []
    return ds


def observers(reader: str) -> tuple[ObserverContext | None, ObserverContext]:
    """The reader, where one is named, and the program."""
    device = DeviceObserverIdentifyingAttributes(
        named_uid(f"{NAME} {application_version()}"), NAME, NAME, NAME, application_version()
    )
    named = person_name(reader)
    person = named and ObserverContext(codes.DCM.Person, PersonObserverIdentifyingAttributes(named))
    return person or None, ObserverContext(codes.DCM.Device, device)


def person_name(reader: str) -> str:
    """A name as a person's name in DICOM, its components parted by ^ if at all (PS3.5 6.2.1); "" for nobody."""
    family, *others = re.sub(r"[\\=]+", " ", reader).strip()[:MOST_NAME].split("^")
    name = "^".join([family, *others[:4]]).rstrip("^")
    return name if "^" in name or not name else f"{name}^"


def evidence_sequence(study: str, evidence: Evidence) -> list[Dataset]:
    """One item of the Current Requested Procedure Evidence Sequence (PS3.3 C.17.2.3), by series."""
    item = Dataset()
    item.StudyInstanceUID, item.ReferencedSeriesSequence = study, []
    for series, instances in evidence.items():
        one = Dataset()
        one.SeriesInstanceUID, one.ReferencedSOPSequence = series, []
        for instance, sop_class in instances.items():
            reference = Dataset()
            reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class, instance
            one.ReferencedSOPSequence.append(reference)
        item.ReferencedSeriesSequence.append(one)
    return [item]


def add_content(ds: Dataset, content: Iterable[Dataset]) -> None:
    """Put the root of a content tree into the document."""
    (root,) = content
    for element in root:
        ds[element.tag] = element


def save_document(ds: Dataset, target: Path, check: Callable[[Path], object], overwrite: bool = False) -> None:
    """Write it beside, read it back, have it checked, then rename it. Raises SaveError, one sentence.

    check: raises SaveError or OpenError where the file does not say what it should.
    """
    encoded = BytesIO()
    ds.save_as(encoded, enforce_file_format=True)
    try:
        if target.exists() and (not overwrite or target.is_dir()):
            raise SaveError("it is already there: choose another name, or ask to replace it.")
        with atomic_write.temporary_folder(target.parent) as folder:
            made = folder / "made.dcm"
            made.write_bytes(encoded.getbuffer())
            atomic_write.flush(made)
            if made.read_bytes() != encoded.getbuffer():
                raise SaveError("it does not read back as it was: try again or use another drive.")
            check(made)
            made.replace(target)
            atomic_write.flush(target.parent)
    except (SaveError, OpenError) as error:
        raise SaveError(f"{target.name} was not saved: {error}") from error
    except OSError as error:
        reason = atomic_write.failure_reason(error, target.parent, len(encoded.getbuffer()))
        raise SaveError(f"{target.name} was not saved: {reason}.") from error
