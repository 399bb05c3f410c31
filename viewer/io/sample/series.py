"""The sample's images as the DICOM series a scanner would have sent: headers that are plausible and say "simulated"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from viewer.data.grid import Grid
from viewer.data.volume import Volume, Window
from viewer.io.dicom.export.derived_series import (
    Series,
    describe_file,
    describe_geometry,
    describe_pixels,
    named_uid,
    slice_dataset,
)
from viewer.io.dicom.export.source_attributes import code_sequence_item
from viewer.io.stored_values import int16_coding

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FLUORINE = Code("77004003", "SCT", "^18^Fluorine")  # CID 4020
GLUCOSE = Code("35321007", "SCT", "Fluorodeoxyglucose F^18^")  # CID 4021
PATIENT = {
    "PatientName": "Sample^Tomolens",
    "PatientID": "TOMOLENS-SAMPLE",
    "PatientBirthDate": "19800101",
    "PatientSex": "O",
    "PatientWeight": "70",
    "PatientPosition": "HFS",
    "BodyPartExamined": "BRAIN",
    "Manufacturer": "Tomolens (simulated)",
    "ManufacturerModelName": "Built-in sample",
    "ReferringPhysicianName": "",
    "AccessionNumber": "",
    "ImageComments": "Simulated from the ICBM 2009a T1 template. No patient.",
}
MR = {
    "Modality": "MR",
    "SOPClassUID": uid.MRImageStorage,
    "ImageType": ["DERIVED", "PRIMARY", "M", "ND"],
    "ScanOptions": None,
    "MRAcquisitionType": "3D",
    "MagneticFieldStrength": "3",
    "NumberOfAverages": "1",
}
T1 = MR | {
    "SeriesDescription": "T1 MPRAGE (simulated)",
    "ScanningSequence": ["GR", "IR"],
    "SequenceVariant": ["SP", "MP"],
    "RepetitionTime": "2300",
    "EchoTime": "2.98",
    "InversionTime": "900",
    "FlipAngle": "9",
    "EchoTrainLength": "1",
}
FLAIR = MR | {
    "SeriesDescription": "T2 FLAIR (simulated)",
    "ScanningSequence": ["SE", "IR"],
    "SequenceVariant": ["SK", "SP"],
    "RepetitionTime": "9000",
    "EchoTime": "125",
    "InversionTime": "2500",
    "FlipAngle": "120",
    "EchoTrainLength": "16",
}
PET = {
    "Modality": "PT",
    "SOPClassUID": uid.PositronEmissionTomographyImageStorage,
    "ImageType": ["DERIVED", "PRIMARY"],
    "SeriesDescription": "PET (simulated)",
    "Units": "BQML",
    "CountsSource": "EMISSION",
    "SeriesType": ["STATIC", "IMAGE"],
    "CorrectedImage": ["DECY", "ATTN", "SCAT", "RAN"],
    "DecayCorrection": "START",
    "DecayFactor": "1",
    "FrameReferenceTime": "0",
    "ActualFrameDuration": "600000",
    "CollimatorType": "NONE",
    "AttenuationCorrectionMethod": "simulated",
}


@dataclass(frozen=True)
class Study:
    """One visit. key: names it in UIDs; date and time: DICOM DA and TM."""

    key: str
    description: str
    date: str
    time: str

    @property
    def frame_of_reference(self) -> str:
        """The Frame of Reference UID of all its series."""
        return named_uid(f"tomolens-sample/{self.key}/frame")


@dataclass(frozen=True, eq=False)
class Scan:
    """One series of a study: values [k, j, i] on a grid, and the attributes of its kind (T1, FLAIR, PET)."""

    number: int
    folder: str
    kind: dict[str, Any]
    array: NDArray[Any]
    grid: Grid
    window: Window
    unit: str = ""


def write_scan(study: Study, scan: Scan, folder: Path) -> None:
    """Write the series into a new folder, one file a slice. PET slices each have their own slope, as scanners do it."""
    folder.mkdir(parents=True)
    grid = Grid(scan.grid.shape, scan.grid.affine, study.frame_of_reference)
    volume = Volume(scan.array, grid, unit=scan.unit, windows=(scan.window,))
    header = _header(study, scan)
    describe_geometry(header, grid, placed=True)
    for k in range(grid.shape[0]):
        slab = Volume(scan.array[k : k + 1], grid.crop((k, 0, 0), (1, *grid.shape[1:])))
        coding = int16_coding([slab], through_zero=scan.kind is PET)
        describe_pixels(header, volume, coding)
        ds = slice_dataset(Series(header, coding, placed=True, sources=None), [volume], 0, k, k + 1)
        ds.save_as(folder / f"{k + 1:04d}.dcm", enforce_file_format=True)


def _header(study: Study, scan: Scan) -> Dataset:
    header = Dataset()
    for keyword, value in (PATIENT | scan.kind).items():
        setattr(header, keyword, value)
    header.StudyInstanceUID = named_uid(f"tomolens-sample/{study.key}")
    header.SeriesInstanceUID = named_uid(f"tomolens-sample/{study.key}/{scan.folder}")
    header.StudyID, header.StudyDescription = study.key[:16], study.description
    header.SeriesNumber, header.ProtocolName = scan.number, header.SeriesDescription
    for part in ("Study", "Series", "Acquisition", "Content"):
        setattr(header, f"{part}Date", study.date)
        setattr(header, f"{part}Time", study.time)
    if scan.kind is PET:
        header.RadiopharmaceuticalInformationSequence = [_tracer(study)]
    describe_file(header)
    return header


def _tracer(study: Study) -> Dataset:
    """200 MBq of FDG, given one hour before (PS3.3 C.8.9.2)."""
    item = Dataset()
    item.Radiopharmaceutical = "Fluorodeoxyglucose"
    item.RadiopharmaceuticalStartTime = f"{int(study.time[:2]) - 1:02d}{study.time[2:]}"
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = "200000000", "6586.2"
    item.RadionuclidePositronFraction = "0.967"
    item.RadionuclideCodeSequence = [code_sequence_item(FLUORINE)]
    item.RadiopharmaceuticalCodeSequence = [code_sequence_item(GLUCOSE)]
    return item
