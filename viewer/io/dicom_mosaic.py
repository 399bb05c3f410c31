"""Siemens' mosaics: the slices of a volume side by side in one picture, row by row, the last places left black.

Their number, and the direction in which they rise, stand in private attributes. The position in the header is that of a
picture of the mosaic's size round the same centre (https://nipy.org/nibabel/dicom/dicom_mosaic.html).
"""

from __future__ import annotations

import math

from viewer.data.notice import Notice
from viewer.io.dicom_csa import csa_numbers
from viewer.io.dicom_header import Frame, Vector
from viewer.io.dicom_multiframe import along
from viewer.io.dicom_pixels import Pixels
from viewer.io.dicom_private import blocks_of
from viewer.io.dicom_values import Values

MOSAIC = "MOSAIC"  # image type of such a picture
CSA, HEADER = (0x0029, "siemens csa header"), (0x0019, "siemens mr header")


def tiled(values: Values, pixels: Pixels) -> tuple[Pixels, tuple[Notice, ...]]:
    """The pixels of a mosaic as those of its slices; as they are, and why, where its slices cannot be placed."""
    count = _count(values)
    side = math.isqrt(count - 1) + 1 if count > 0 else 1
    rows, columns = pixels.rows // side, pixels.columns // side
    if count < 1:
        why = "the file does not say how many there are"
    elif pixels.frames > 1 or rows * side != pixels.rows or columns * side != pixels.columns:
        why = f"{count} slices do not fit a picture of {pixels.columns} × {pixels.rows} pixels"
    elif not _spacing(values):
        why = "the file does not say how far apart they are"
    else:
        size = (pixels.rows, pixels.columns)
        return pixels._replace(rows=rows, columns=columns, frames=count, mosaic=size), _doubts(values)
    sentence = f"The slices lie side by side in one picture (mosaic) and cannot be placed: {why}."
    return pixels, (Notice("mosaic", sentence, "mosaic"),)


def tiles(picture: Frame, values: Values, pixels: Pixels) -> tuple[Frame, ...]:
    """The slices of a mosaic in their order in it; `picture`: placed where the header places the mosaic."""
    if picture.position is None or picture.orientation is None or pixels.mosaic is None:
        return tuple(picture._replace(number=n) for n in range(pixels.frames))
    down, across = ((whole - own) / 2 for whole, own in zip(pixels.mosaic, (pixels.rows, pixels.columns), strict=True))
    row, column = picture.orientation[:3], picture.orientation[3:]
    x, y, z = (
        place + across * picture.spacing[1] * r + down * picture.spacing[0] * c
        for place, r, c in zip(picture.position, row, column, strict=True)
    )
    first = picture._replace(position=(x, y, z))
    step = _spacing(values) * (-1 if _reversed(values, first) else 1)
    return tuple(first._replace(number=n, position=along(first, n * step)) for n in range(pixels.frames))


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


def _spacing(values: Values) -> float:
    """Distance of neighbouring slices, mm; 0 where it is not told."""
    return values.number(0x00180088) or values.number(0x00180050) or 0.0


def _normal(values: Values) -> Vector | None:
    """The direction in which the slices rise."""
    told = csa_numbers(_csa(values), "SliceNormalVector")
    return (told[0], told[1], told[2]) if len(told) == 3 else None


def _reversed(values: Values, first: Frame) -> bool:
    """True where the slices rise against rows × columns."""
    normal, start, next_ = _normal(values), first.position, along(first, 1.0)
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
