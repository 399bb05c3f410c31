"""What a frame's stored numbers mean: slope, intercept and unit, by the Modality LUT or the Real World Value Mapping.

A real-world map is counted from stored values, beside the Modality LUT and not after it (PS3.3 C.7.6.16.2.11). It is
taken where no rescale gives the values a unit; where one does, the map is only told of.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from viewer.data.notice import Notice
from viewer.io.dicom.attributes.validity import INTERCEPT, LARGEST_VALUE, NO_RESCALE, SLOPE, rescale, windows
from viewer.io.dicom.headers.multiframe import MAPS

if TYPE_CHECKING:
    from viewer.io.dicom.attributes.values import Values
    from viewer.io.dicom.headers.pixel_format import Pixels

MAP_UNIT = 0x004008EA
MAP_SLOPE, MAP_INTERCEPT, MAP_TABLE = 0x00409225, 0x00409224, 0x00409212
FIRST, LAST, FIRST_REAL, LAST_REAL = 0x00409216, 0x00409211, 0x00409214, 0x00409213
UNITS = {  # PET Units (C.8.9.1.1.3), Rescale Type (C.11.1.1.2), dose units and UCUM codes, as shown
    "BQML": "Bq/ml",
    "CNTS": "counts",
    "GML": "g/ml",
    "CM2ML": "cm2/ml",
    "PCNT": "%",
    "1CM": "1/cm",
    "CPS": "counts/s",
    "GY": "Gy",
    "MGML": "mg/ml",
    "[hnsf'U]": "HU",
    "US": "",
    "NONE": "",
    "NORMALIZED": "",
    "UNSPECIFIED": "",
    "1": "",
}
CODE = "real-world-map"


class Calibration(NamedTuple):
    """Physical value = stored × slope + intercept, in `unit`. windows: (center, width, name) in that unit."""

    slope: float
    intercept: float
    unit: str
    windows: tuple[tuple[float, float, str], ...]
    doubts: tuple[Notice, ...]


class _Map(NamedTuple):
    """One item of the Real World Value Mapping Sequence; slope is 0 where it maps by a table or is damaged."""

    slope: float
    intercept: float
    unit: str
    first: float
    last: float


def calibration(values: Values, pixels: Pixels) -> Calibration:
    """The calibration of a frame. Raises ScanError where the header makes values that no display can hold."""
    slope, intercept, doubts = rescale(values, pixels.bits_stored)
    presets, damaged = windows(values)
    modality = values.text(0x00080060)
    unit = "" if doubts else _unit(values, modality)
    plain = Calibration(slope, intercept, unit, presets, (*doubts, *damaged))
    maps = [_map(item, pixels) for item in values.items.get(MAPS, ())]
    if maps and not doubts and not pixels.modality_lut:
        return _with_map(plain, maps, pixels, rescaled=SLOPE in values.raw or INTERCEPT in values.raw)
    if modality == "CT" and not unit and not doubts and _is_slice(values):
        return plain._replace(doubts=(NO_RESCALE, *damaged))
    return plain


def _map(item: Values, pixels: Pixels) -> _Map:
    signed = pixels.stored[1] == "i"
    least, most = _stored_range(pixels)
    ends = []
    for whole, real, end in ((FIRST, FIRST_REAL, least), (LAST, LAST_REAL, most)):
        told = item.real(real)
        ends.append(told if told is not None else item.short(whole, signed=signed) if whole in item.raw else end)
    slope, intercept = item.real(MAP_SLOPE), item.real(MAP_INTERCEPT)
    sound = slope is not None and abs(slope) * 2.0**pixels.bits_stored + abs(intercept or 0.0) < LARGEST_VALUE
    code = item.item(MAP_UNIT)
    unit = _unit_name(code.text(0x00080100) if code else "")
    return _Map(slope if slope and sound else 0.0, intercept or 0.0, unit, ends[0], ends[1])


def _with_map(plain: Calibration, maps: list[_Map], pixels: Pixels, *, rescaled: bool) -> Calibration:
    """With the map that is taken, or what to say of those that are not."""
    units = list(dict.fromkeys(one.unit for one in maps if one.unit))
    words = " or ".join(units) or "other values"
    if rescaled and (plain.unit or not units):
        same = all((one.slope, one.intercept, one.unit or plain.unit) == plain[:3] for one in maps)
        sentence = f"The file also maps its values to {words} (real-world map); shown is what its rescale gives."
        return plain if same else _with_doubt(plain, sentence)
    unit = units[0] if units else ""
    alike = [one for one in maps if one.unit == unit]
    if len({(one.slope, one.intercept) for one in alike}) > 1 or not alike[0].slope:
        sentence = (
            f"The file maps its values to {words} by a table or in ranges of their own (real-world map), which is not "
            "applied: stored values are shown."
        )
        return _with_doubt(plain, sentence)
    one = alike[0]
    least, most = _stored_range(pixels)
    first, last = min(part.first for part in alike), max(part.last for part in alike)
    limits = f", which it tells for stored values of {first:g} to {last:g} only" if first > least or last < most else ""
    others = f"; it also maps them to {' and '.join(units[1:])}" if units[1:] else ""
    sentence = f"The values are {unit or 'real-world values'} by the file's real-world map{limits}{others}."
    factor = one.slope / plain.slope
    shift = one.intercept - plain.intercept * factor
    moved = tuple((center * factor + shift, width * abs(factor), name) for center, width, name in plain.windows)
    return _with_doubt(Calibration(one.slope, one.intercept, unit, moved, plain.doubts), sentence)


def _with_doubt(plain: Calibration, sentence: str) -> Calibration:
    return plain._replace(doubts=(*plain.doubts, Notice(CODE, sentence)))


def _stored_range(pixels: Pixels) -> tuple[float, float]:
    """The least and greatest value that can be stored."""
    if pixels.stored[1] == "f":
        return -math.inf, math.inf
    half = 2.0 ** (pixels.bits_stored - 1)
    return (-half, half - 1) if pixels.stored[1] == "i" else (0.0, 2 * half - 1)


def _unit(values: Values, modality: str) -> str:
    """The unit of the rescaled values; "" where they have none or it is not told."""
    code = values.text(0x00541001) or values.text(0x00281054).upper() or values.text(0x30040002)
    if not code and modality == "CT" and 0x00281052 in values.raw and "LOCALIZER" not in values.text(0x00080008):
        return "HU"
    return _unit_name(code)


def _unit_name(code: str) -> str:
    return UNITS.get(code, code if len(code) <= 16 else "")


def _is_slice(values: Values) -> bool:
    """True for what a CT scanner reconstructs, of which Hounsfield units are expected."""
    kind = values.texts(0x00080008)
    return "LOCALIZER" not in kind and "SECONDARY" not in kind and "AXIAL" in kind
