"""The values of a volume as a file can hold them, and how far that is from what they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.io.errors import SaveError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.data.grid import Grid
    from viewer.data.volume import Volume

STEPS = 65534  # of 16 bits, one spared so that a slope rounded to 16 characters cannot overflow
SHEAR = 1e-3  # cosine between two axes that is still the rounding of a header and not a tilted gantry


@dataclass(frozen=True)
class Coding:
    """How physical values become 16-bit integers: physical = stored × slope + intercept.

    error: the largest difference that storing makes, in the volume's unit; 0 where it is exact.
    """

    dtype: str
    slope: float = 1.0
    intercept: float = 0.0
    error: float = 0.0

    def encode(self, volume: Volume, k: int) -> NDArray[Any]:
        """Slice k of the volume as stored integers [j, i]."""
        plane = volume.array[k]
        if (volume.slope, volume.intercept) != (self.slope, self.intercept):
            plane = (plane.astype(np.float64) * volume.slope + volume.intercept - self.intercept) / self.slope
        return np.ascontiguousarray(np.rint(plane) if plane.dtype.kind == "f" else plane, dtype=self.dtype)


def int16_coding(volumes: Sequence[Volume], *, through_zero: bool = False) -> Coding:
    """The coding for volumes of one series: exact for integers that fit, else the finest 16 bits over their range.

    through_zero: the intercept must be 0, as in PET (PS3.3 C.8.9.4.1.6). Raises SaveError where a value is not finite.
    """
    first = volumes[0]
    same = all((v.slope, v.intercept) == (first.slope, first.intercept) for v in volumes)
    lowest, highest = value_range(volumes, physical=False)
    if same and not (through_zero and first.intercept) and all(_is_integral(v.array) for v in volumes):
        for dtype in ("<i2", "<u2"):
            limits = np.iinfo(dtype)
            if limits.min <= lowest and highest <= limits.max and _as_decimal_string(first.slope) == first.slope:
                return Coding(dtype, first.slope, first.intercept)
    lowest, highest = value_range(volumes)
    if through_zero:
        slope = _as_decimal_string(max(abs(lowest), abs(highest)) * 2 / STEPS if lowest < 0 else highest / STEPS) or 1.0
        return Coding("<i2" if lowest < 0 else "<u2", slope, 0.0, slope / 2)
    slope, intercept = _as_decimal_string((highest - lowest) / STEPS) or 1.0, _as_decimal_string(lowest)
    return Coding("<u2", slope, intercept, slope / 2 + abs(intercept - lowest))


def value_range(volumes: Sequence[Volume], *, physical: bool = True) -> tuple[float, float]:
    """The smallest and largest physical (or stored) value. Raises SaveError where a value is not finite."""
    ends = np.array([(v.array.min(), v.array.max()) for v in volumes], dtype=np.float64)
    if not np.isfinite(ends).all():
        raise SaveError("it holds values that are not numbers, which DICOM cannot: save as NIfTI, NRRD or MHA.")
    if physical:
        scale = np.array([(v.slope, v.intercept) for v in volumes])
        ends = ends * scale[:, :1] + scale[:, 1:]
    return float(ends.min()), float(ends.max())


def physical_values(volume: Volume) -> NDArray[Any]:
    """The physical values in the smallest type that holds them exactly; float32 where the slope is not a whole number.

    Bits become bytes and half floats become float32, which every file format has.
    """
    array = volume.array
    if (volume.slope, volume.intercept) == (1.0, 0.0):
        kind = {"b1": "u1", "f2": "f4"}.get(array.dtype.str[1:], array.dtype.newbyteorder("="))
        return np.ascontiguousarray(array, kind)
    if array.dtype.kind in "iu" and float(volume.slope).is_integer() and float(volume.intercept).is_integer():
        lowest, highest = value_range([volume])
        for dtype in (np.int16, np.uint16, np.int32):
            if np.iinfo(dtype).min <= lowest and highest <= np.iinfo(dtype).max:
                wide = array.astype(np.int64) * int(volume.slope) + int(volume.intercept)
                return np.ascontiguousarray(wide, dtype)
    return np.ascontiguousarray(volume.values())


def mark_of(volume: Volume) -> str:
    """What a saved result says of itself where nobody says more: "AI, not reviewed", "processed", or ""."""
    if volume.provenance is None:
        return ""
    return "AI, not reviewed" if volume.provenance.learned else "processed"


def shear_of(grid: Grid) -> float:
    """Millimetres that the far corner moves when the axes are made exactly perpendicular.

    Raises SaveError where the axes are not meant to be perpendicular: no file format here holds such a grid.
    """
    cosines = np.abs(grid.axes.T @ grid.axes - np.eye(3)).max()
    if cosines > SHEAR:
        raise SaveError("it lies on a tilted grid that no file can hold: resample it to a regular grid first.")
    return float(cosines * (grid.spacing * np.array(grid.shape)).sum())


def _is_integral(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "iub" or all(bool((plane == np.rint(plane)).all()) for plane in array)


def _as_decimal_string(number: float) -> float:
    """The number as a DICOM decimal string of 16 characters gives it back (PS3.5 6.2, DS)."""
    from pydicom.valuerep import format_number_as_ds  # not before the window is there

    return float(format_number_as_ds(float(number)))
