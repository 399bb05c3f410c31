"""A scanner's classic series on disk and the volume that was loaded from it, for the tests of saving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Source
from viewer.data.volume import Volume, Window

OBLIQUE = Rotation.from_euler("xyz", (14, -9, 31), degrees=True).as_matrix()
PROVENANCE = Provenance("Denoise", "1.2", "0.1.0", {"strength": 0.5}, inputs=("1.2.3",), device="cpu")


def ct_array(shape: tuple[int, int, int] = (5, 12, 10)) -> NDArray[np.int16]:
    values = np.random.default_rng(1).integers(-1024, 3071, shape).astype(np.int16)
    values[0, 0, :2] = (-1024, 3071)
    return values


def oblique_grid(shape: tuple[int, int, int], frame: str = "") -> Grid:
    return Grid.of(shape, (2.5, 0.71, 0.83), (-101.3, 57.21, 12.345), OBLIQUE, frame)


def classic_series(
    folder: Path,
    array: NDArray[Any],
    grid: Grid,
    *,
    sop_class: UID = CTImageStorage,
    modality: str = "CT",
    slope: float = 1.0,
    intercept: float = 0.0,
    **attributes: Any,
) -> Volume:
    """Write int16 slices as a scanner would; the volume has the same values and the slices as its source."""
    folder.mkdir()
    study, series, frame = (generate_uid() for _ in range(3))
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "FrameOfReferenceUID": frame}
    rescale = {"RescaleSlope": str(slope), "RescaleIntercept": str(intercept)}
    facts = {"SOPClassUID": sop_class, "Modality": modality, **uids, **rescale, **attributes}
    slices = [_slice(array[k], grid, k, facts) for k in range(len(array))]
    files = [str(folder / f"slice{k}.dcm") for k in range(len(array))]
    for ds, path in zip(slices, files, strict=True):
        ds.save_as(path, enforce_file_format=True)
    instances = [str(ds.SOPInstanceUID) for ds in slices]
    source = Source(
        patient_id="P-77",
        patient_name="Müller^Zoë",
        patient_birth_date="19700102",
        study_uid=study,
        series_uid=series,
        series_number=4,
        series_description="Thorax 2.5",
        modality=modality,
        files=tuple(files),
        sop_instance_uids=tuple(instances),
        dicom=True,
    )
    placed = Grid(grid.shape, grid.affine, frame)
    unit = "HU" if modality == "CT" else ""
    return Volume(array, placed, "Thorax", unit, slope, intercept, (Window(40, 400, "soft tissue"),), source=source)


def _slice(pixels: NDArray[Any], grid: Grid, k: int, facts: dict[str, Any]) -> Dataset:
    ds = Dataset()
    ds.SOPInstanceUID = generate_uid()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Müller^Zoë", "P-77", "19700102", "F"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20240503", "101500", "S1", "A1"
    ds.SeriesNumber, ds.SeriesDescription, ds.InstanceNumber = 4, "Thorax 2.5", k + 1
    ds.Manufacturer, ds.ImageType, ds.AcquisitionTime = "ACME", ["ORIGINAL", "PRIMARY", "AXIAL"], f"1015{k:02d}"
    for keyword, value in facts.items():
        setattr(ds, keyword, value)
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.SmallestImagePixelValue = -5
    ds.PixelSpacing = grid.spacing[1:].tolist()
    ds.ImagePositionPatient = [f"{x:.10g}" for x in grid.to_world((k, 0, 0))]
    ds.ImageOrientationPatient = [f"{x:.10g}" for x in grid.direction[:, :2].T.ravel()]
    ds.PixelData = pixels.astype("<i2").tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return ds
