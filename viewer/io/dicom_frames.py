"""Each frame's facts from a scanned header: classic files, enhanced multi-frame (PS3.3 C.7.6.16), NM, dose and cine.

The functional groups of an enhanced file use the attributes of classic files, one level down: laid flat over each
other (shared, then per frame) they read like the header of a classic slice.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate

from viewer.data.notice import Notice
from viewer.io.dicom_dates import CONTENT, acquired, moment
from viewer.io.dicom_header import Frame, Header, Vector
from viewer.io.dicom_pixels import ScanError
from viewer.io.dicom_spacing import MOSAIC, flat_spacing, pixel_notices, pixel_spacing
from viewer.io.dicom_validity import NO_RESCALE, place_doubts, rescale, windows
from viewer.io.dicom_values import Values

SHARED, PER_FRAME = 0x52009229, 0x52009230
POSITION, ORIENTATION = 0x00200032, 0x00200037
# SOP class, kernel, view, laterality (of the body part, of the image), stack.
SEPARATE = (0x00080016, 0x00181210, 0x00185101, 0x00200060, 0x00200062, 0x00209056)
# Words of an image type that tell how an image was made or filtered, not what its values mean.
BOOKKEEPING = frozenset(
    ("", "ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "ND", "NORM", "DIS2D", "DIS3D", "FM", "FIL", "AXIAL")
)
Spacing = tuple[tuple[float, float], tuple[Notice, ...]]  # mm between rows and columns, and what must be said of it
FAR = 1e6  # mm; a position beyond is nonsense
SPATIAL = ("CT", "MR", "PT", "NM", "OT", "RTDOSE")  # modalities whose frames share one geometry in a plain multi-frame
NM_VECTORS = (0x00540010, 0x00540020, 0x00540030, 0x00540050, 0x00540060, 0x00540070, 0x00540090, 0x00540100)
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
    values, count = header.values, header.pixels.frames
    spacing = flat_spacing(values)
    if PER_FRAME in values.items:
        frames = _enhanced(header, spacing)
    elif count == 1 and 0x00540022 not in values.items:
        frames = (_frame(values, header, spacing),)
    else:
        frames = _plain(header, spacing)
    kept = Values(values.big_endian, values.raw)
    return replace(header, values=kept, frames=frames, notices=pixel_notices(values, header))


def _frame(values: Values, header: Header, measure: Spacing, number: int = 0) -> Frame:
    """The facts of one frame from (flattened) values; measure: how far apart its pixels are."""
    modality = values.text(0x00080060)
    orientation, position = _orientation(values), _position(values)
    kind = values.texts(0x00089007) or values.texts(0x00080008)
    component = values.text(0x00089208)
    if component and component not in kind:
        kind = (*kind, component)
    doubts = place_doubts(values, position, orientation)
    if orientation is None or position is None or MOSAIC in kind:
        orientation = position = None
    spacing, unmeasured = measure
    slope, intercept, uncalibrated = rescale(values, header.pixels)
    presets, damaged = windows(values)
    unit = "" if uncalibrated else _unit(values, modality)
    if modality == "CT" and not unit and not uncalibrated and _is_slice(values):
        uncalibrated = (NO_RESCALE,)
    gradient, trigger = values.reals(0x00189089), values.number(0x00181060)
    return Frame(
        number=number,
        key=(modality, unit, *_key(values, header, spacing, kind, placed=position is not None)),
        kind=kind,
        position=position,
        orientation=orientation,
        spacing=spacing,
        thickness=values.number(0x00180050),
        slope=slope,
        intercept=intercept,
        unit=unit,
        windows=presets,
        instance=int(values.number(0x00200013) or 0),
        syntax=header.syntax,
        temporal=values.number(0x00200100) if 0x00200100 in values.raw else values.long(0x00209128),
        echo=values.number(0x00180086),
        echo_time=values.number(0x00180081) or values.real(0x00189082),
        inversion_time=values.number(0x00180082) or values.real(0x00189079),
        b_value=_b_value(values),
        gradient=gradient if len(gradient) == 3 else None,
        trigger=values.real(0x00209153) if trigger is None else trigger,
        seconds=_seconds(values),
        created=moment(values, *CONTENT),
        acquisition=values.number(0x00200012),
        location=values.number(0x00201041),
        between=values.number(0x00180088),
        frame_of_reference=values.text(0x00200052),
        stored=header.pixels.stored,
        doubts=(*unmeasured, *doubts, *uncalibrated, *damaged),
    )


def _key(
    values: Values, header: Header, spacing: tuple[float, float], kind: tuple[str, ...], *, placed: bool
) -> tuple[object, ...]:
    """What must be equal in one image besides modality, unit and direction; clips without a place are images apart."""
    pixels = header.pixels
    clip = (values.raw.get(0x00080018) if pixels.frames > 1 else None, header.syntax, kind, pixels.stored)
    return (
        *(
            pixels.rows,
            pixels.columns,
            pixels.samples,
            pixels.stored[1] == "f",
            pixels.photometric,
            pixels.modality_lut,
        ),
        *(round(spacing[0], 4), round(spacing[1], 4), *(() if placed else clip)),
        tuple(word for word in kind if word not in BOOKKEEPING),
        *(values.raw.get(tag) for tag in SEPARATE),
    )


def _is_slice(values: Values) -> bool:
    """True for what a CT scanner reconstructs, of which Hounsfield units are expected."""
    kind = values.texts(0x00080008)
    return "LOCALIZER" not in kind and "SECONDARY" not in kind and "AXIAL" in kind


def _enhanced(header: Header, spacing: Spacing) -> tuple[Frame, ...]:
    """One frame per item of the per-frame functional groups."""
    values, count = header.values, header.pixels.frames
    groups = values.items[PER_FRAME]
    if len(groups) != count:
        raise ScanError(f"This DICOM file describes {len(groups):,} of its {count:,} frames; it is damaged or cut off.")
    shared = values.item(SHARED)
    ground = {**values.raw, **(_flat(shared) if shared else {})}
    frames = []
    for number, group in enumerate(groups):
        flat = Values(values.big_endian, {**ground, **_flat(group)})
        own = pixel_spacing(flat)
        frames.append(_frame(flat, header, (own, ()) if own else spacing, number)._replace(instance=number))
    return tuple(frames)


def _flat(values: Values) -> dict[int, bytes]:
    """The attributes of an item and of the first items of all sequences in it."""
    out = dict(values.raw)
    for items in values.items.values():
        if items:
            out.update(_flat(items[0]))
    return out


def _plain(header: Header, spacing: Spacing) -> tuple[Frame, ...]:
    """Frames that share one header: stacked along the normal where it says how far apart, else a cine or a set."""
    values, count = header.values, header.pixels.frames
    detector = values.item(0x00540022)
    if detector and "TOMO" in "".join(values.texts(0x00080008)[2:3]) and "RECON" in values.text(0x00080008):
        values = Values(values.big_endian, {**_flat(detector), **values.raw})
    first = _frame(values, header, spacing)
    offsets = _offsets(values, count) if first.position else ()
    if not offsets:
        raw = (
            {tag: raw for tag, raw in values.raw.items() if tag not in (POSITION, ORIENTATION)}
            if count > 1
            else values.raw
        )
        first = _frame(Values(values.big_endian, raw), header, spacing)
        times = _frame_times(values, count)
        return tuple(first._replace(number=n, instance=n, seconds=times[n]) for n in range(count))
    vectors = [values.shorts(tag) for tag in NM_VECTORS]
    whole = [vector for vector in vectors if len(vector) == count]
    return tuple(
        first._replace(number=n, instance=n, position=_along(first, offsets[n]), detector=tuple(v[n] for v in whole))
        for n in range(count)
    )


def _along(frame: Frame, distance: float) -> Vector | None:
    """The frame's position moved along its normal, mm."""
    if frame.position is None or frame.orientation is None:
        return None
    a, b, c, d, e, f = frame.orientation
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    x, y, z = (p + distance * n for p, n in zip(frame.position, normal, strict=True))
    return x, y, z


def _offsets(values: Values, count: int) -> tuple[float, ...]:
    """Where the frames of a plain multi-frame file lie along the normal, mm from its position; () where unknown."""
    grid = values.numbers(0x3004000C)  # dose: relative to the first, or absolute coordinates (C.8.8.3.2)
    if len(grid) == count:
        return tuple(offset - grid[0] for offset in grid)
    between = values.number(0x00180088) or values.number(0x00180050)
    if values.text(0x00080060) not in SPATIAL or not between:
        return (0.0,) if count == 1 else ()
    slices = values.shorts(0x00540080)
    order = [n - 1 for n in slices] if len(slices) == count else range(count)
    return tuple(k * between for k in order)


def _frame_times(values: Values, count: int) -> tuple[float | None, ...]:
    """Seconds of each cine frame after the first (C.7.6.5), or None for all."""
    steps = values.numbers(0x00181065)
    if len(steps) == count:
        return tuple(accumulate(step / 1000 for step in (0.0, *steps[1:])))
    step = values.number(0x00181063)
    return tuple(n * step / 1000 for n in range(count)) if step else (None,) * count


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


def _b_value(values: Values) -> float | None:
    """Diffusion weighting: the standard attribute, else the vendors' private ones."""
    found = values.real(0x00189087)
    if found is None and values.text(0x00190010).startswith("SIEMENS MR HEADER"):
        found = values.number(0x0019100C)
    if found is None and values.text(0x20010010).startswith("Philips Imaging DD 001"):
        found = values.real(0x20011003, 4)
    return found


def _seconds(values: Values) -> float | None:
    """Reference time (PET), else when it was acquired, else when its pixels were made, s."""
    reference = values.number(0x00541300)
    if reference is not None:
        return reference / 1000
    found = acquired(values)
    return moment(values, *CONTENT) if found is None else found
