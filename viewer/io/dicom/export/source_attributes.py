"""What a derived series carries over from the images it was made from: patient, study, equipment, acquisition."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from viewer.io.archive import open_content
from viewer.io.dicom.attributes.texts import decode_texts
from viewer.io.dicom.headers.mosaic import is_mosaic
from viewer.io.dicom.headers.scan import scan_file
from viewer.io.errors import OpenError, SaveError, ScanError
from viewer.settings import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.sr.coding import Code

    from viewer.data.grid import Grid
    from viewer.data.study import Source
    from viewer.data.volume import Volume
    from viewer.io.dicom.headers.header import Frame, Vector

# Attributes copied as they are. All others (private ones, stale pixel statistics, overlays, windows) stay behind.
CARRIED = """
    PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex PatientAge PatientSize PatientWeight
    OtherPatientIDs PatientComments PatientSpeciesDescription PatientIdentityRemoved DeidentificationMethod
    DeidentificationMethodCodeSequence PregnancyStatus StudyInstanceUID StudyDate StudyTime StudyID
    StudyDescription AccessionNumber ReferringPhysicianName IssuerOfAccessionNumberSequence
    ProcedureCodeSequence ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName
    ClinicalTrialSubjectID ClinicalTrialSiteID TimezoneOffsetFromUTC Modality Laterality BodyPartExamined
    PatientPosition ProtocolName PositionReferenceIndicator SeriesDate SeriesTime AcquisitionDate
    AcquisitionTime AcquisitionNumber ImageType ContributingEquipmentSequence BurnedInAnnotation
    LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod QualityControlImage
    Manufacturer InstitutionName InstitutionalDepartmentName StationName ManufacturerModelName
    DeviceSerialNumber SoftwareVersions ContrastBolusAgent ContrastBolusRoute SliceThickness KVP ScanOptions
    DataCollectionDiameter ReconstructionDiameter GantryDetectorTilt TableHeight RotationDirection ExposureTime
    XRayTubeCurrent Exposure FilterType FocalSpots ConvolutionKernel CTDIvol SpiralPitchFactor ScanningSequence
    SequenceVariant MRAcquisitionType SequenceName RepetitionTime EchoTime InversionTime NumberOfAverages
    ImagingFrequency ImagedNucleus EchoNumbers MagneticFieldStrength EchoTrainLength FlipAngle PixelBandwidth
    ReceiveCoilName InPlanePhaseEncodingDirection Units CountsSource SeriesType
    ReprojectionMethod NumberOfSlices CorrectedImage DecayCorrection DecayFactor RandomsCorrectionMethod
    AttenuationCorrectionMethod ScatterCorrectionMethod ReconstructionMethod CollimatorType FrameReferenceTime
    ActualFrameDuration RadiopharmaceuticalInformationSequence DoseCalibrationFactor SUVType
    PatientOrientationCodeSequence PatientGantryRelationshipCodeSequence
"""

# Type 2: present, if only empty.
EXPECTED = """
    PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID
    AccessionNumber Manufacturer
"""

CLASSES = {
    "CT": {uid.CTImageStorage, uid.EnhancedCTImageStorage, uid.LegacyConvertedEnhancedCTImageStorage},
    "MR": {uid.MRImageStorage, uid.EnhancedMRImageStorage, uid.LegacyConvertedEnhancedMRImageStorage},
    "PT": {
        uid.PositronEmissionTomographyImageStorage,
        uid.EnhancedPETImageStorage,
        uid.LegacyConvertedEnhancedPETImageStorage,
    },
}
# What the classic classes require besides (PS3.3 C.8.2.1, C.8.3.1, C.8.9.1), where an enhanced source has it per frame.
REQUIRED: dict[str, dict[str, object]] = {
    "CT": {"KVP": None, "AcquisitionNumber": None},
    "MR": {
        "ScanningSequence": "RM",
        "SequenceVariant": "NONE",
        "ScanOptions": None,
        "MRAcquisitionType": None,
        "RepetitionTime": None,
        "EchoTime": None,
        "EchoTrainLength": None,
    },
    "PT": {
        "Units": "NONE",
        "CountsSource": "EMISSION",
        "SeriesType": ["STATIC", "IMAGE"],
        "NumberOfSlices": None,
        "CorrectedImage": None,
        "DecayCorrection": "NONE",
        "CollimatorType": None,
        "RadiopharmaceuticalInformationSequence": None,
        "FrameReferenceTime": None,
        "ActualFrameDuration": None,
    },
}
PET_UNITS = {"Bq/ml": "BQML", "Bq/mL": "BQML", "g/ml": "GML", "g/mL": "GML", "{counts}": "CNTS", "{SUVbw}g/ml": "GML"}
# Where the source file is gone, what is known of it; for a file that is not DICOM, only its name.
IDENTITY = {
    "PatientName": "patient_name",
    "PatientID": "patient_id",
    "PatientBirthDate": "patient_birth_date",
    "PatientSex": "patient_sex",
    "StudyInstanceUID": "study_uid",
    "StudyDate": "study_date",
    "StudyTime": "study_time",
    "StudyDescription": "study_description",
    "StudyID": "study_id",
    "AccessionNumber": "accession_number",
    "BodyPartExamined": "body_part",
    "Manufacturer": "manufacturer",
}
PER_SLICE = """
    AcquisitionDate AcquisitionTime AcquisitionNumber DecayFactor FrameReferenceTime ActualFrameDuration
    EchoTime TableHeight ExposureTime XRayTubeCurrent Exposure
"""
NEAR = 0.01  # mm; a source slice this close to a slice of the volume is the one it was made from


def read_header(path: str) -> Dataset:
    """All but the pixels of a file, or of a member of an archive ("archive.zip!member/name").

    Raises OSError, OpenError or InvalidDicomError where it cannot be read.
    """
    with open_content(path) as (file, _, _):
        return pydicom.dcmread(file, stop_before_pixels=True, force=True)


def source_header(source: Source) -> Dataset | None:
    """The header of the first source file; None where there is no DICOM source or it cannot be read any more.

    Raises SaveError where the file is no longer the one that was opened.
    """
    if not source.dicom or not source.files:
        return None
    try:
        header = read_header(source.files[0])
    except (OSError, OpenError, InvalidDicomError):
        return None
    if header.get("StudyInstanceUID", "") != source.study_uid or (
        source.sop_instance_uids and header.get("SOPInstanceUID", "") not in source.sop_instance_uids
    ):
        raise SaveError("the source images have changed since they were opened: open the study again, then save.")
    return decode_texts(header)


def derived_header(volume: Volume, source: Dataset | None) -> Dataset:
    """The start of a derived header: identity and acquisition of the source, SOP class, and what the class requires."""
    header = Dataset()
    if source is None:
        identify(header, volume.source, volume.name)
    else:
        for keyword in CARRIED.split():
            if keyword in source:
                header[keyword] = deepcopy(source[keyword])
    for keyword in EXPECTED.split():
        if keyword not in header:
            setattr(header, keyword, "")
    modality = volume.source.modality or "OT"
    header.Modality = modality
    classic = {"CT": uid.CTImageStorage, "MR": uid.MRImageStorage, "PT": uid.PositronEmissionTomographyImageStorage}
    known = source is None or source.get("SOPClassUID") in CLASSES.get(modality, ())
    if modality in classic and volume.source.dicom and known and not volume.color:
        header.SOPClassUID = classic[modality]
        for keyword, value in REQUIRED[modality].items():
            if keyword not in header:
                setattr(header, keyword, value)
    else:
        header.SOPClassUID = uid.SecondaryCaptureImageStorage
        header.ConversionType = "WSD"
    return header


def is_placed(source: Dataset) -> bool:
    """True where the source says where its pixels lie in the patient."""
    return "ImagePositionPatient" in source or "SharedFunctionalGroupsSequence" in source


def is_resampled(volume: Volume, source: Dataset | None) -> bool:
    """True where the volume lies on another grid than the frames of its source, however its files hold them.

    Frames of a mosaic or a multi-frame file are taken as they lie; False where their place is not known.
    """
    if source is None:
        return False
    try:
        header = scan_file(volume.source.files[0])
    except ScanError:  # nothing that could have been resampled: the place of its pixels is not known
        return False
    placed = [(frame, frame.position) for frame in header.frames if frame.position is not None]
    size = (header.pixels.rows, header.pixels.columns)
    return bool(placed) and not (size == volume.grid.shape[1:] and any(_lies_on(volume.grid, *one) for one in placed))


def _lies_on(grid: Grid, frame: Frame, position: Vector) -> bool:
    """Whether the frame is a slice of the grid."""
    same = np.allclose(frame.spacing, grid.spacing[1:], atol=1e-4) and np.allclose(
        np.array(frame.orientation), grid.direction[:, :2].T.ravel(), atol=1e-3
    )
    return same and _slice_at(grid, position) is not None


def source_slice(volume: Volume, k: int, time: int, times: int) -> Dataset | None:
    """The header of the one source file that slice k was made from; None where there is no such file."""
    files, n = volume.source.files, volume.grid.shape[0]
    if not volume.source.dicom or len(files) not in (n, n * times):
        return None
    try:
        header = read_header(files[k if len(files) == n else time * n + k])
    except (OSError, OpenError, InvalidDicomError):
        return None
    return header if _slice_of(volume.grid, header) == k else None


def is_slice_by_slice(source: Source, grid: Grid) -> bool:
    """Whether file k of a source is slice k of the grid; the first and the last file are looked at."""
    if not source.dicom or not len(source.files) == len(source.sop_instance_uids) == grid.shape[0]:
        return False
    try:
        return all(_slice_of(grid, read_header(source.files[k])) == k % grid.shape[0] for k in (0, -1))
    except (OSError, OpenError, InvalidDicomError):
        return False


def frames_of_slices(source: Source, grid: Grid) -> tuple[tuple[str, int], ...]:
    """Of each slice of the grid: the instance that it is of, and the frame in it (0 where it has one).

    () where slices are not those of the source's files, or these cannot be read any more.
    """
    instances = source.sop_instance_uids
    if is_slice_by_slice(source, grid) or len(instances) == grid.shape[0] == 1:
        return tuple((one, 0) for one in instances)
    if len(instances) != 1:
        return ()
    try:
        header = scan_file(source.files[0])
    except ScanError:
        return ()
    places = [frame.position and _slice_at(grid, frame.position) for frame in header.frames]
    found = {k: number for number, k in enumerate(places, 1) if k is not None}
    return tuple((instances[0], found[k]) for k in range(grid.shape[0])) if len(found) >= grid.shape[0] else ()


def source_image_item(sop_class: str, instance: str, purpose: Code, *, same_place: bool) -> Dataset:
    """One item of the Source Image Sequence (PS3.3 C.7.6.1, table C.7.6.1-1)."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = instance
    item.SpatialLocationsPreserved = "YES" if same_place else "NO"
    item.PurposeOfReferenceCodeSequence = [code_sequence_item(purpose)]
    return item


def code_sequence_item(code: Code) -> Dataset:
    """A code as an item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _slice_of(grid: Grid, header: Dataset) -> int | None:
    """The slice of the grid whose first pixel the header's position is; a mosaic is many slices, and none of them."""
    position = header.get("ImagePositionPatient")
    if is_mosaic(tuple(header.get("ImageType") or ())):
        return None
    return _slice_at(grid, position) if position is not None and len(position) == 3 else None


def _slice_at(grid: Grid, position: Sequence[float]) -> int | None:
    """The slice of the grid whose first pixel lies at a position, LPS mm."""
    index = grid.to_index(np.array(position, float))
    near = (np.abs(index - np.rint(index)) * grid.spacing <= NEAR).all() and not np.rint(index[1:]).any()
    return int(np.rint(index[0])) if near else None


def identify(header: Dataset, source: Source, name: str) -> None:
    """What is known without the source's files; for what is not DICOM only its name."""
    if source.dicom:
        for keyword, attribute in IDENTITY.items():
            setattr(header, keyword, getattr(source, attribute))
        return
    name = re.sub(r"[\\^=\x00-\x1f]+", " ", source.patient_name or name).strip()[:64] or "Unnamed image"
    header.PatientName = header.PatientID = name
    header.StudyInstanceUID = uid.generate_uid()
    header.StudyDescription = f"Converted by {NAME}"
