"""Diffusion weighting of a frame: b-value and gradient direction, from the standard or the vendors' private attributes.

Standard: PS3.3 C.8.13.5.9. Vendors: the notes of dcm2niix on Siemens, GE, Philips and United Imaging.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence

from viewer.io.dicom_csa import csa_numbers
from viewer.io.dicom_private import blocks_of
from viewer.io.dicom_values import Values

Vector = tuple[float, float, float]
Blocks = dict[tuple[int, str], int]
Axes = tuple[Sequence[float], Sequence[float], Sequence[float]]  # of rows, columns and the normal, LPS
Found = tuple[float | None, Sequence[float]]  # b-value in s/mm²; direction in the patient (LPS), () where not told
MOST = 100_000  # s/mm²; GE marks b-values by adding a multiple of it
CANON = re.compile(r"\s*b=(\d+\.?\d*)\((-?[\d.]+),(-?[\d.]+),(-?[\d.]+)\)")
WITHOUT_DIRECTION = ("NONE", "ISOTROPIC", "I")


def diffusion(values: Values, orientation: tuple[float, ...] | None) -> tuple[float | None, Vector | None]:
    """The b-value in s/mm² and the gradient's direction, a unit vector in the patient (LPS); None where not told.

    orientation: of rows and columns; some vendors count directions from them. There is no direction at b = 0 and none
    in means over directions (trace images).
    """
    b_value = values.real(0x00189087)
    direction: Sequence[float] = values.reals(0x00189089)
    isotropic = values.text(0x00189075) in WITHOUT_DIRECTION
    if values.text(0x00080060) == "MR" and (b_value is None or not (direction or isotropic)):
        for more in _by_vendor(values, _axes(orientation)):
            b_value, direction = more[0] if b_value is None else b_value, direction or more[1]
    if b_value is None or not 0 <= b_value < MOST:
        return None, None
    return b_value, _unit(direction) if b_value and not isotropic else None


def _by_vendor(values: Values, axes: Axes) -> Iterator[Found]:
    blocks = blocks_of(values)
    yield from (read(values, blocks, axes) for reserved, read in VENDORS.items() if reserved in blocks)
    yield _canon(values, axes)


def _siemens(values: Values, blocks: Blocks, axes: Axes) -> Found:
    start = blocks[0x0019, "siemens mr header"]
    directed = values.text(start | 0x0D) not in WITHOUT_DIRECTION
    return values.number(start | 0x0C), values.reals(start | 0x0E) if directed else ()


def _csa(values: Values, blocks: Blocks, axes: Axes) -> Found:
    data = values.raw.get(blocks[0x0029, "siemens csa header"] | 0x10, b"")
    b_value = csa_numbers(data, "B_value")
    return b_value[0] if b_value else None, csa_numbers(data, "DiffusionGradientDirection")


def _philips(values: Values, blocks: Blocks, axes: Axes) -> Found:
    start, more = blocks[0x2001, "philips imaging dd 001"], blocks.get((0x2005, "philips mr imaging dd 001"))
    b_value = values.real(start | 0x03, 4)
    if more is None or values.text(start | 0x04) in WITHOUT_DIRECTION:
        return b_value, ()
    return b_value, [x for low in (0xB0, 0xB1, 0xB2) if (x := values.real(more | low, 4)) is not None]


def _ge(values: Values, blocks: Blocks, axes: Axes) -> Found:
    """A direction shorter than 1 stands for a lower b-value."""
    b_value, more = values.number(blocks[0x0043, "gems_parm_01"] | 0x39), blocks.get((0x0019, "gems_acqu_01"))
    if b_value is None or more is None:
        return None if b_value is None else b_value % MOST, ()
    told = [x for low in (0xBB, 0xBC, 0xBD) if (x := values.number(more | low)) is not None]
    b_value, length = b_value % MOST, math.hypot(*told)
    if 0.03 < length < 0.97:
        b_value = max(5.0, 5 * math.floor(b_value * length**2 / 5 + 0.5))
    return b_value, _encoded(told, values.text(0x00181312), axes)


def _canon(values: Values, axes: Axes) -> Found:
    """Canon (Toshiba) writes "b=1000(0.5,-0.5,0.707)" into the comments of classic images: phase, frequency, slice."""
    told = CANON.match(values.text(0x00204000))
    if not told or not values.text(0x00080070).upper().startswith(("CANON", "TOSHIBA")):
        return None, ()
    b_value, x, y, z = map(float, told.groups())
    return b_value, _encoded((y, x, z), values.text(0x00181312), axes)


def _encoded(direction: Sequence[float], encoded: str, axes: Axes) -> Sequence[float]:
    """A direction counted from frequency, phase and slice, in LPS; () where it cannot be known.

    encoded: In-plane Phase Encoding Direction. The signs, coronal ones apart, are those that dcm2niix found.
    """
    if len(direction) != 3 or not encoded.startswith(("COL", "ROW")) or not axes[2]:
        return ()
    x, y, z = direction
    y = -y if max(axes[2], key=abs) == axes[2][1] else y
    return _in_patient((x, y, -z) if encoded.startswith("COL") else (y, -x, -z), axes)


def _uih(values: Values, blocks: Blocks, axes: Axes) -> Found:
    start = blocks[0x0065, "image private header"]
    return values.real(start | 0x09), _in_patient(values.reals(start | 0x37), axes)


# By group and creator.
VENDORS: dict[tuple[int, str], Callable[[Values, Blocks, Axes], Found]] = {
    (0x0019, "siemens mr header"): _siemens,
    (0x0029, "siemens csa header"): _csa,
    (0x2001, "philips imaging dd 001"): _philips,
    (0x0043, "gems_parm_01"): _ge,
    (0x0065, "image private header"): _uih,
}


def _axes(orientation: tuple[float, ...] | None) -> Axes:
    """Directions of rows, columns and the normal; empty where they are not known."""
    if orientation is None:
        return (), (), ()
    a, b, c, d, e, f = orientation
    return (a, b, c), (d, e, f), (b * f - c * e, c * d - a * f, a * e - b * d)


def _in_patient(direction: Sequence[float], axes: Axes) -> Sequence[float]:
    """A direction counted from rows, columns and the normal, in LPS; () where one of them is not known."""
    if len(direction) != 3:
        return ()
    return [sum(x * axis[n] for x, axis in zip(direction, axes, strict=True)) for n in range(len(axes[0]))]


def _unit(direction: Sequence[float]) -> Vector | None:
    """The direction with length 1, rounded so that equal directions are equal; None for what is none."""
    length = math.hypot(*direction)
    if len(direction) != 3 or not 0.01 < length < 1e6:
        return None
    x, y, z = (round(part / length, 6) + 0.0 for part in direction)
    return x, y, z
