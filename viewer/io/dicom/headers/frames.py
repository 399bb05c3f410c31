"""Each frame's facts from a scanned header, whatever kind of file it is."""

from __future__ import annotations

import math
from dataclasses import replace

from viewer.data.notice import Notice
from viewer.io.dicom.attributes.dates import CONTENT, acquisition_time, moment
from viewer.io.dicom.attributes.private import without_private
from viewer.io.dicom.attributes.validity import place_doubts
from viewer.io.dicom.attributes.values import Values, text_notices
from viewer.io.dicom.headers.calibration import calibration
from viewer.io.dicom.headers.diffusion import diffusion
from viewer.io.dicom.headers.header import Frame, Header
from viewer.io.dicom.headers.mosaic import is_mosaic, tile_frames, tile_pixels
from viewer.io.dicom.headers.multiframe import (
    DETECTOR,
    ORIENTATION,
    PER_FRAME,
    clip_frames,
    groups_of,
    is_sided,
    offsets_of,
    position_of,
    stacked_frames,
    with_detector,
    without_place,
)
from viewer.io.dicom.headers.ophthalmic import location_doubts
from viewer.io.dicom.headers.pixel_spacing import flat_spacing, pixel_notices, pixel_spacing

# SOP class, kernel, view, laterality (of the body part, of the image), stack.
SEPARATE = (0x00080016, 0x00181210, 0x00185101, 0x00200060, 0x00200062, 0x00209056)
# Words of an image type that tell how an image was made or filtered, not what its values mean.
BOOKKEEPING = frozenset(
    ("", "ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "ND", "NORM", "DIS2D", "DIS3D", "FM", "FIL", "AXIAL")
)
MOST_FRAMES = 1 << 24  # of the parts of one file together
Spacing = tuple[tuple[float, float], tuple[Notice, ...]]  # mm between rows and columns, and what must be said of it


def with_frames(header: Header) -> Header:
    """The header with its frames and notices; the sequences are dropped, everything needed of them is in the frames.

    Raises ScanError where the functional groups do not fit the number of frames.
    """
    values = header.values
    spacing = flat_spacing(values)
    if is_mosaic(values.texts(0x00080008)):
        pixels, doubts = tile_pixels(values, header.pixels)
        header, spacing = replace(header, pixels=pixels), (spacing[0], (*spacing[1], *doubts))
    if PER_FRAME in values.items:
        frames = _enhanced_frames(header, spacing)
    elif header.pixels.mosaic:
        frames = tile_frames(_frame(values, header, spacing), values, header.pixels)
    elif header.pixels.frames == 1 and DETECTOR not in values.items:
        frames = (_frame(values, header, spacing),)
    else:
        frames = _plain_frames(header, spacing)
    kept = Values(values.big_endian, without_private(values.raw))
    notices = (*pixel_notices(values, header), *text_notices(values))
    return replace(header, values=kept, frames=frames, notices=notices)


def _frame(values: Values, header: Header, measure: Spacing, number: int = 0) -> Frame:
    """The facts of one frame from (flattened) values; measure: how far apart its pixels are."""
    orientation, position = _orientation(values), position_of(values)
    kind = _kind(values)
    doubts = place_doubts(values, position, orientation)
    weighting = diffusion(values, orientation)
    if orientation is None or position is None or (is_mosaic(kind) and not header.pixels.mosaic):
        orientation = position = None
    scale = calibration(values, header.pixels)
    return Frame(
        number=number,
        key=(values.text(0x00080060), scale.unit, *_key(values, header, measure[0], kind, placed=position is not None)),
        kind=kind,
        position=position,
        orientation=orientation,
        spacing=measure[0],
        thickness=values.number(0x00180050),
        slope=scale.slope,
        intercept=scale.intercept,
        unit=scale.unit,
        windows=scale.windows,
        instance=int(values.number(0x00200013) or 0),
        syntax=header.syntax,
        temporal=values.number(0x00200100) if 0x00200100 in values.raw else values.long(0x00209128),
        echo=values.number(0x00180086),
        echo_time=values.number(0x00180081) or values.real(0x00189082),
        inversion_time=values.number(0x00180082) or values.real(0x00189079),
        b_value=weighting.b_value,
        gradient=weighting.direction,
        trigger=(values.numbers(0x00181060) or values.reals(0x00209153) or (None,))[0],
        seconds=_seconds(values),
        created=moment(values, *CONTENT),
        acquisition=values.short(0x00209156) if 0x00209156 in values.raw else values.number(0x00200012),
        location=values.number(0x00201041),
        between=values.number(0x00180088),
        frame_of_reference=values.text(0x00200052),
        stored=header.pixels.stored,
        sided=is_sided(values),
        doubts=(*measure[1], *doubts, *scale.doubts, *weighting.doubts),
    )


def _kind(values: Values) -> tuple[str, ...]:
    """The frame's or image's type, with the complex component (magnitude, phase and the like) of enhanced MR."""
    kind = values.texts(0x00089007) or values.texts(0x00080008)
    component = values.text(0x00089208)
    return (*kind, component) if component and component not in kind else kind


def _key(
    values: Values, header: Header, spacing: tuple[float, float], kind: tuple[str, ...], *, placed: bool
) -> tuple[object, ...]:
    """What must be equal in one image besides modality, unit and direction; clips without a place are images apart."""
    pixels = header.pixels
    clip_frames = (values.raw.get(0x00080018) if pixels.frames > 1 else None, header.syntax, kind, pixels.stored)
    return (
        *(
            pixels.rows,
            pixels.columns,
            pixels.samples,
            pixels.stored if pixels.stored[1] == "f" or int(pixels.stored[2:]) > 2 else "",
            pixels.photometric,
            pixels.modality_lut,
        ),
        *(round(spacing[0], 4), round(spacing[1], 4), *(() if placed else clip_frames)),
        tuple(word for word in kind if word not in BOOKKEEPING),
        *(values.raw.get(tag) for tag in SEPARATE),
    )


def _enhanced_frames(header: Header, spacing: Spacing) -> tuple[Frame, ...]:
    """One frame per item of the per-frame functional groups, counted on in a concatenation (C.7.6.16.2.2.4)."""
    frames = []
    first = int(header.values.number(0x00200013) or 0) * MOST_FRAMES + (header.values.long(0x00209228) or 0)
    for number, group in enumerate(groups_of(header.values, header.pixels.frames)):
        own = pixel_spacing(group)
        pixels, doubts = (own, ()) if own else spacing
        measure = pixels, (*doubts, *location_doubts(group))
        frames.append(_frame(group, header, measure, number)._replace(instance=first + number))
    return tuple(frames)


def _plain_frames(header: Header, spacing: Spacing) -> tuple[Frame, ...]:
    """Frames that share one header: stacked along the normal where it says how far apart, else a cine or a set."""
    count, values = header.pixels.frames, with_detector(header.values)
    first = _frame(values, header, spacing)
    offsets, doubts = offsets_of(first, values, count)
    if offsets:
        return stacked_frames(first._replace(doubts=(*first.doubts, *doubts)), values, offsets)
    return clip_frames(_frame(without_place(values) if count > 1 else values, header, spacing), values, count)


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


def _seconds(values: Values) -> float | None:
    """Reference time (PET), else when it was acquired, else when its pixels were made, s."""
    reference = values.number(0x00541300)
    if reference is not None:
        return reference / 1000
    found = acquisition_time(values)
    return moment(values, *CONTENT) if found is None else found
