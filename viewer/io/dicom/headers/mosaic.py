"""Mosaics: the slices of a volume side by side in one picture, row by row, the last places left black.

Siemens' are square; their number, and the direction in which they rise, stand in private attributes, and the position
in the header is that of a picture of the mosaic's size round the same centre
(https://nipy.org/nibabel/dicom/dicom_mosaic.html). United Imaging's have as few rows as they need, and a private
sequence with the position of every slice (notes of dcm2niix on UIH; SplitGridFilter of GDCM).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from viewer.data.notice import Notice
from viewer.io.dicom.attributes.private import UIH, blocks_of
from viewer.io.dicom.attributes.siemens_csa import csa_numbers
from viewer.io.dicom.headers.multiframe import moved_along_normal, position_of

if TYPE_CHECKING:
    from viewer.io.dicom.attributes.values import Values
    from viewer.io.dicom.headers.header import Frame, Vector
    from viewer.io.dicom.headers.pixel_format import Pixels

SIEMENS, VFRAME = "MOSAIC", "VFRAME"  # image types of such pictures
CSA, HEADER = (0x0029, "siemens csa header"), (0x0019, "siemens mr header")


def is_mosaic(kind: tuple[str, ...]) -> bool:
    """Whether an image type is that of a mosaic."""
    return SIEMENS in kind or VFRAME in kind


def tile_pixels(values: Values, pixels: Pixels) -> tuple[Pixels, tuple[Notice, ...]]:
    """The pixels of a mosaic as those of its slices; as they are, and why, where its slices cannot be placed."""
    own = VFRAME in values.texts(0x00080008)
    count = _uih_count(values) if own else _count(values)
    across = math.isqrt(count - 1) + 1 if count > 0 else 1
    down = -(-count // across) if own else across
    rows, columns = pixels.rows // down if down else 0, pixels.columns // across
    if count < 1:
        why = "the file does not say how many there are"
    elif pixels.frames > 1 or rows * down != pixels.rows or columns * across != pixels.columns:
        why = f"{count} slices do not fit a picture of {pixels.columns} × {pixels.rows} pixels"
    elif own and len(_places(values)) != count:
        why = "the file does not say where each of them lies"
    elif not own and not _spacing(values):
        why = "the file does not say how far apart they are"
    else:
        size = (pixels.rows, pixels.columns)
        doubts = () if own else _doubts(values)
        return pixels._replace(rows=rows, columns=columns, frames=count, mosaic=size), doubts
    sentence = f"The slices lie side by side in one picture (mosaic) and cannot be placed: {why}."
    return pixels, (Notice("mosaic", sentence, "mosaic"),)


def tile_frames(picture: Frame, values: Values, pixels: Pixels) -> tuple[Frame, ...]:
    """The slices of a mosaic in their order in it; `picture`: placed where the header places the mosaic."""
    if picture.position is None or picture.orientation is None or pixels.mosaic is None:
        return tuple(picture._replace(number=n) for n in range(pixels.frames))
    if places := _places(values):
        return tuple(picture._replace(number=n, position=place) for n, place in enumerate(places))
    down, across = ((whole - own) / 2 for whole, own in zip(pixels.mosaic, (pixels.rows, pixels.columns), strict=True))
    row, column = picture.orientation[:3], picture.orientation[3:]
    x, y, z = (
        place + across * picture.spacing[1] * r + down * picture.spacing[0] * c
        for place, r, c in zip(picture.position, row, column, strict=True)
    )
    first = picture._replace(position=(x, y, z))
    step = _spacing(values) * (-1 if _runs_backwards(values, first) else 1)
    return tuple(first._replace(number=n, position=moved_along_normal(first, n * step)) for n in range(pixels.frames))


def corner_of(number: int, pixels: Pixels) -> tuple[int, int]:
    """First row and column of a slice in the picture; (0, 0) where frames are stored one by one."""
    if pixels.mosaic is None:
        return 0, 0
    row, column = divmod(number, pixels.mosaic[1] // pixels.columns)
    return row * pixels.rows, column * pixels.columns


def _csa(values: Values) -> bytes:
    start = blocks_of(values).get(CSA)
    return values.raw.get(start | 0x10, b"") if start else b""


def _count(values: Values) -> int:
    """How many slices there are, 0 where it is not told."""
    told = csa_numbers(_csa(values), "NumberOfImagesInMosaic")
    start = blocks_of(values).get(HEADER)
    found = told[0] if told else values.short(start | 0x0A) if start else 0
    return int(found) if 0 < found < 1 << 16 else 0


def _uih_count(values: Values) -> int:
    """The same of United Imaging."""
    start = blocks_of(values).get(UIH)
    found = values.number(start | 0x50) if start else None
    return int(found) if found and 0 < found < 1 << 16 else 0


def _places(values: Values) -> tuple[Vector, ...]:
    """Where each slice lies, as United Imaging tells it; () where one is not told."""
    start = blocks_of(values).get(UIH)
    found = [position_of(item) for item in values.items.get(start | 0x51, [])] if start else []
    return tuple(place for place in found if place) if None not in found else ()


def _spacing(values: Values) -> float:
    """Distance of neighbouring slices, mm; 0 where it is not told."""
    return values.number(0x00180088) or values.number(0x00180050) or 0.0


def _normal(values: Values) -> Vector | None:
    """The direction in which the slices rise."""
    told = csa_numbers(_csa(values), "SliceNormalVector")
    return (told[0], told[1], told[2]) if len(told) == 3 else None


def _runs_backwards(values: Values, first: Frame) -> bool:
    """True where the slices rise against rows × columns."""
    normal, start, next_ = _normal(values), first.position, moved_along_normal(first, 1.0)
    if normal is None or start is None or next_ is None:
        return False
    return sum(n * (b - a) for n, a, b in zip(normal, start, next_, strict=True)) < 0


def _doubts(values: Values) -> tuple[Notice, ...]:
    """What of the slices' places is not told but assumed."""
    notices = []
    if _normal(values) is None:
        sentence = (
            "The slices of a mosaic are put in the usual order, but the file does not say in which direction they rise "
            "(it lacks the CSA header): compare top and bottom with another image."
        )
        notices.append(Notice("mosaic-order", sentence, "slice order?"))
    if not values.number(0x00180088):
        sentence = "The file tells no distance between the slices of its mosaic; their thickness is taken for it."
        notices.append(Notice("spacing-from-thickness", sentence, "spacing assumed"))
    return tuple(notices)
