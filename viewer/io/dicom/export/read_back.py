"""Read a saved DICOM slice back, by two libraries, and compare it with the volume it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import SimpleITK as sitk

from viewer.data.grid import Grid
from viewer.io.errors import SaveError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from viewer.data.arrays import Floats
    from viewer.data.volume import Volume
    from viewer.io.dicom.export.derived_series import Series

PLACE = 1e-4  # mm
IDENTITY = ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID")


def check_slice(path: Path, series: Series, volume: Volume, k: int, shear: float) -> None:
    """Raises SaveError where pixels, place or identity of the file differ from slice k of the volume.

    shear: mm that a corner may differ in SimpleITK, which takes the axes as perpendicular.
    """
    ds = pydicom.dcmread(path)
    if any(str(ds.get(name, "")) != str(series.header.get(name, "")) for name in IDENTITY):
        raise SaveError("it does not read back with the same patient, study and series: try again.")
    image = sitk.ReadImage(str(path))
    _check_pixels(_values(ds), volume, k, series.coding.error)
    if not volume.inverted:  # SimpleITK turns MONOCHROME1 over
        _check_pixels(sitk.GetArrayViewFromImage(image)[0], volume, k, series.coding.error)
    if series.placed:
        _check_place(_slice_grid(ds, volume.grid), volume.grid, k, PLACE)
        spacing, direction = image.GetSpacing()[::-1], image.GetDirection()
        seen = Grid.of((1, *volume.grid.shape[1:]), spacing, image.GetOrigin(), direction)
        _check_place(seen, volume.grid, k, PLACE + shear)


def _values(ds: Dataset) -> NDArray[np.generic]:
    stored = ds.pixel_array
    if ds.SamplesPerPixel == 3:
        return np.asarray(stored)
    return np.asarray(stored * float(ds.RescaleSlope) + float(ds.RescaleIntercept))


def _check_pixels(actual: NDArray[np.generic], volume: Volume, k: int, error: float) -> None:
    plane = volume.array[k].astype(np.float64) * volume.slope + volume.intercept
    slack = error * (1 + 1e-6) + np.abs(plane).max() * 1e-12  # the last digits of the product stored × slope
    if actual.shape != plane.shape or not (np.abs(actual.astype(np.float64) - plane) <= slack).all():
        raise SaveError("it does not read back with the same pixels: try again or use another drive.")


def _slice_grid(ds: Dataset, grid: Grid) -> Grid:
    across, down = np.array(ds.ImageOrientationPatient, float).reshape(2, 3)
    axes = np.stack([across, down, np.cross(across, down)], axis=1)
    spacing = (float(ds.SpacingBetweenSlices), *(float(mm) for mm in ds.PixelSpacing))
    position = np.array(ds.ImagePositionPatient, float)
    return Grid.of((1, *grid.shape[1:]), spacing, position, axes)


def _check_place(actual: Grid, grid: Grid, k: int, tolerance: float) -> None:
    corners: Floats = np.array([(0, j, i) for j in (0, grid.shape[1] - 1) for i in (0, grid.shape[2] - 1)], float)
    gap = np.abs(actual.to_world(corners) - grid.to_world(corners + np.array((k, 0, 0)))).max()
    if not gap <= tolerance or not abs(actual.spacing[0] - grid.spacing[0]) <= tolerance:
        raise SaveError("it does not read back in the same place: try again or use another drive.")
