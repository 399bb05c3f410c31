"""Each frame's facts from a scanned header, whatever kind of file it is."""

from __future__ import annotations

import math
from dataclasses import replace

from viewer.data.notice import Notice
from viewer.io.dicom_diffusion import diffusion
from viewer.io.dicom_header import Frame, Header, Vector
from viewer.io.dicom_mosaic import MOSAIC, tiled, tiles
from viewer.io.dicom_multiframe import (
    DETECTOR,
    ORIENTATION,
    PER_FRAME,
    POSITION,
    clip,
    groups_of,
    is_sided,
    offsets_of,
    stack,
    with_detector,
    without_place,
)
from viewer.io.dicom_private import without_private
from viewer.io.dicom_spacing import flat_spacing, pixel_notices, pixel_spacing
from viewer.io.dicom_values import Values

# Frame of reference, kernel, view, laterality (of the body part, of the image), stack.
SEPARATE = (0x00200052, 0x00181210, 0x00185101, 0x00200060, 0x00200062, 0x00209056)
FAR = 1e6  # mm; a position beyond is nonsense
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


def with_frames(header: Header) -> Header:
    """The header with its frames and notices; the sequences are dropped, everything needed of them is in the frames.

    Raises ScanError where the functional groups do not fit the number of frames.
    """
    values = header.values
    spacing, doubts = flat_spacing(values)
    said: tuple[Notice, ...] = ()
    if MOSAIC in values.texts(0x00080008):
        pixels, said = tiled(values, header.pixels)
        header = replace(header, pixels=pixels)
    if PER_FRAME in values.items:
        groups = enumerate(groups_of(values, header.pixels.frames))
        frames = tuple(_frame(group, header, spacing, n)._replace(instance=n) for n, group in groups)
    elif header.pixels.mosaic:
        frames = tiles(_frame(values, header, spacing), values, header.pixels)
    elif header.pixels.frames == 1 and DETECTOR not in values.items:
        frames = (_frame(values, header, spacing),)
    else:
        frames, said = _plain(header, spacing)
    kept = Values(values.big_endian, without_private(values.raw))
    notices = (*(() if frames[0].position else doubts), *said, *pixel_notices(values, header))
    return replace(header, values=kept, frames=frames, notices=notices)


def _frame(values: Values, header: Header, spacing: tuple[float, float], number: int = 0) -> Frame:
    """The facts of one frame from (flattened) values; `spacing` where they hold none."""
    modality = values.text(0x00080060)
    orientation, position = _orientation(values), _position(values)
    b_value, gradient = diffusion(values, orientation)
    kind = values.texts(0x00089007) or values.texts(0x00080008)
    component = values.text(0x00089208)
    if component and component not in kind:
        kind = (*kind, component)
    if orientation is None or position is None or (MOSAIC in kind and not header.pixels.mosaic):
        orientation = position = None
    spacing = pixel_spacing(values) or spacing
    unit = _unit(values, modality)
    slope, intercept = _rescale(values)
    trigger = values.number(0x00181060)
    return Frame(
        number=number,
        key=(modality, kind, unit, *_key(values, header, spacing, placed=position is not None)),
        kind=kind,
        position=position,
        orientation=orientation,
        spacing=spacing,
        thickness=values.number(0x00180050),
        slope=slope,
        intercept=intercept,
        unit=unit,
        windows=_windows(values),
        instance=int(values.number(0x00200013) or 0),
        syntax=header.syntax,
        temporal=values.number(0x00200100) if 0x00200100 in values.raw else values.long(0x00209128),
        echo=values.number(0x00180086),
        echo_time=values.number(0x00180081) or values.real(0x00189082),
        inversion_time=values.number(0x00180082) or values.real(0x00189079),
        b_value=b_value,
        gradient=gradient,
        trigger=values.real(0x00209153) if trigger is None else trigger,
        seconds=_seconds(values),
        acquisition=values.number(0x00200012),
        sided=is_sided(values),
    )


def _key(values: Values, header: Header, spacing: tuple[float, float], *, placed: bool) -> tuple[object, ...]:
    """What must be equal in one image besides type and direction; clips without a place are images of their own."""
    pixels = header.pixels
    clip = (values.raw.get(0x00080018) if pixels.frames > 1 else None, header.syntax)
    return (
        *(pixels.rows, pixels.columns, pixels.samples, pixels.stored, pixels.photometric, pixels.modality_lut),
        *(round(spacing[0], 4), round(spacing[1], 4), *(() if placed else clip)),
        *(values.raw.get(tag) for tag in SEPARATE),
    )


def _plain(header: Header, spacing: tuple[float, float]) -> tuple[tuple[Frame, ...], tuple[Notice, ...]]:
    """Frames that share one header: stacked along the normal where it says how far apart, else a cine or a set."""
    count = header.pixels.frames
    values = with_detector(header.values)
    first = _frame(values, header, spacing)
    offsets, notices = offsets_of(first, values, count)
    if offsets:
        return stack(first, values, offsets), notices
    return clip(_frame(without_place(values) if count > 1 else values, header, spacing), values, count), ()


def _orientation(values: Values) -> tuple[float, ...] | None:
    """Row and column directions made exactly orthonormal; None where they are not nearly so."""
    six = values.vector(ORIENTATION, 6)
    if six is None:
        return None
    a, b, c, d, e, f = six
    row, column = math.hypot(a, b, c), math.hypot(d, e, f)
    if abs(row - 1) > 0.01 or abs(column - 1) > 0.01 or abs(a * d + b * e + c * f) > 0.01:
        return None
    a, b, c = a / row, b / row, c / row
    dot = a * d + b * e + c * f
    d, e, f = d - dot * a, e - dot * b, f - dot * c
    column = math.hypot(d, e, f)
    return a, b, c, d / column, e / column, f / column


def _position(values: Values) -> Vector | None:
    three = values.vector(POSITION, 3)
    if three is None or max(map(abs, three)) > FAR:
        return None
    return three[0], three[1], three[2]


def _unit(values: Values, modality: str) -> str:
    """The unit of the physical values; "" where they have none or it is not told."""
    told = values.text(0x00541001) or values.text(0x00281054).upper() or values.text(0x30040002)
    if not told and 0x00409225 in values.raw:
        told = values.text(0x00080100)
    if not told and modality == "CT" and 0x00281052 in values.raw and "LOCALIZER" not in values.text(0x00080008):
        return "HU"
    return UNITS.get(told, told if len(told) <= 16 else "")


def _rescale(values: Values) -> tuple[float, float]:
    """Slope and intercept: rescale, dose scaling, or the real-world mapping of a parametric map."""
    slope, intercept = values.number(0x00281053), values.number(0x00281052)
    if slope is None and intercept is None:
        slope = values.number(0x3004000E) or values.real(0x00409225)
        intercept = values.real(0x00409224)
    return (1.0 if slope is None or slope == 0 else slope), intercept or 0.0


def _windows(values: Values) -> tuple[tuple[float, float, str], ...]:
    """Window presets (center, width, name) with a width above 0."""
    centers, widths = values.numbers(0x00281050), values.numbers(0x00281051)
    if not centers:
        return ()
    names = (*values.texts(0x00281055), *[""] * len(centers))
    return tuple((c, w, n) for c, w, n in zip(centers, widths, names, strict=False) if w > 0)


def _seconds(values: Values) -> float | None:
    """Reference time (PET) or the time of day of the acquisition, s."""
    reference = values.number(0x00541300)
    if reference is not None:
        return reference / 1000
    for tag, start in ((0x00189151, 8), (0x00189074, 8), (0x0008002A, 8), (0x00080032, 0), (0x00080033, 0)):
        text = values.raw.get(tag, b"")[start:].strip(b" \0")
        if len(text) >= 6 and text[:6].isdigit():
            fraction = text[6:].split(b"+")[0].split(b"-")[0]
            part = float(fraction) if fraction[:1] == b"." and fraction[1:].isdigit() else 0.0
            return int(text[:2]) * 3600 + int(text[2:4]) * 60 + int(text[4:6]) + part
    return None
