"""Diffusion weighting of a frame: b-value and gradient direction, from the standard or the vendors' private attributes.

Standard: PS3.3 C.8.13.5.9; for Hitachi (HitachiDWIConverter of BRAINSTools) and Bruker nothing else is documented.
Vendors: the notes of dcm2niix on Siemens, GE, Philips, Canon and United Imaging; Siemens' b-matrix: nibabel,
nicom.csareader.get_b_matrix.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from viewer.io.dicom.attributes.private import UIH, blocks_of
from viewer.io.dicom.attributes.siemens_csa import csa_numbers, csa_texts
from viewer.io.dicom.headers.b_matrix import MOST, UNSIGNED, b_matrix, principal_axis, standard_order

if TYPE_CHECKING:
    from viewer.data.notice import Notice
    from viewer.io.dicom.attributes.values import Values
    from viewer.io.dicom.headers.header import Vector

Blocks = dict[tuple[int, str], int]
Axes = tuple[Sequence[float], Sequence[float], Sequence[float]]  # of rows, columns and the normal, LPS
BValueDirection = tuple[
    float | None, Sequence[float]
]  # b-value in s/mm²; direction in the patient (LPS), () where not told
CANON = re.compile(r"\s*b=(\d+\.?\d*)\((-?[\d.]+),(-?[\d.]+),(-?[\d.]+)\)")
WITHOUT_DIRECTION = ("NONE", "ISOTROPIC", "I")
HEADER, CSA = (0x0019, "siemens mr header"), (0x0029, "siemens csa header")


class Weighting(NamedTuple):
    """The b-value in s/mm² and the gradient's direction, a unit vector in the patient (LPS); None where not told."""

    b_value: float | None = None
    direction: Vector | None = None
    doubts: tuple[Notice, ...] = ()


def diffusion(values: Values, orientation: tuple[float, ...] | None) -> Weighting:
    """The diffusion weighting of a frame.

    orientation: of rows and columns; some vendors count directions from them. There is no direction at b = 0 and none
    in means over directions (trace images).
    """
    b_value, isotropic = values.real(0x00189087), values.text(0x00189075) in WITHOUT_DIRECTION
    direction: Sequence[float] = values.reals(0x00189089)
    matrix = False
    if values.text(0x00080060) == "MR":
        b_value, direction, matrix = _with_vendor_values(values, b_value, direction, isotropic, _axes(orientation))
    if b_value is None or not 0 <= b_value < MOST:
        return Weighting()
    unit = _unit(direction) if b_value and not isotropic else None
    return Weighting(b_value, unit, (UNSIGNED,) if unit and matrix else ())


def _with_vendor_values(
    values: Values, b_value: float | None, direction: Sequence[float], isotropic: bool, axes: Axes
) -> tuple[float | None, Sequence[float], bool]:
    """What the standard attributes tell, with what the vendor's do; True where a b-matrix told the direction."""
    blocks = blocks_of(values)
    if UIH in blocks:  # its standard attribute is not turned with the picture (dcm2niix, issue 836)
        turned = _uih(values, blocks, axes)[1]
        direction = turned if any(turned) else direction
    if b_value is None or not (direction or isotropic):
        for more in _vendor_values(values, blocks, axes):
            b_value, direction = more[0] if b_value is None else b_value, direction or more[1]
    if direction or (isotropic and b_value is not None):
        return b_value, direction, False
    matrix = standard_order(b_matrix(values), b_value, values.text(0x00080070)) or _siemens_matrix(values, blocks)
    return *principal_axis(matrix, b_value), True


def _vendor_values(values: Values, blocks: Blocks, axes: Axes) -> Iterator[BValueDirection]:
    yield from (read(values, blocks, axes) for reserved, read in VENDORS.items() if reserved in blocks)
    yield _canon(values, axes)


def _siemens_matrix(values: Values, blocks: Blocks) -> Sequence[float]:
    """xx, xy, xz, yy, yz, zz in the patient; () where none is told, or what it tells is no direction."""
    data = values.raw.get(blocks[CSA] | 0x10, b"") if CSA in blocks else b""
    kinds = csa_texts(data, "DiffusionDirectionality")
    if HEADER in blocks:
        kinds = (*kinds, values.text(blocks[HEADER] | 0x0D))
    if set(kinds) & set(WITHOUT_DIRECTION):
        return ()
    return csa_numbers(data, "B_matrix") or (values.reals(blocks[HEADER] | 0x27) if HEADER in blocks else ())


def _siemens(values: Values, blocks: Blocks, axes: Axes) -> BValueDirection:
    start = blocks[HEADER]
    directed = values.text(start | 0x0D) not in WITHOUT_DIRECTION
    return values.number(start | 0x0C), values.reals(start | 0x0E) if directed else ()


def _csa(values: Values, blocks: Blocks, axes: Axes) -> BValueDirection:
    data = values.raw.get(blocks[CSA] | 0x10, b"")
    b_value = csa_numbers(data, "B_value")
    return b_value[0] if b_value else None, csa_numbers(data, "DiffusionGradientDirection")


def _philips(values: Values, blocks: Blocks, axes: Axes) -> BValueDirection:
    start, more = blocks[0x2001, "philips imaging dd 001"], blocks.get((0x2005, "philips mr imaging dd 001"))
    b_value = values.real(start | 0x03, 4)
    if more is None or values.text(start | 0x04) in WITHOUT_DIRECTION:
        return b_value, ()
    return b_value, [x for low in (0xB0, 0xB1, 0xB2) if (x := values.real(more | low, 4)) is not None]


def _ge(values: Values, blocks: Blocks, axes: Axes) -> BValueDirection:
    """A direction shorter than 1 stands for a lower b-value."""
    b_value, more = values.number(blocks[0x0043, "gems_parm_01"] | 0x39), blocks.get((0x0019, "gems_acqu_01"))
    if b_value is None or more is None:
        return None if b_value is None else b_value % MOST, ()
    told = [x for low in (0xBB, 0xBC, 0xBD) if (x := values.number(more | low)) is not None]
    b_value, length = b_value % MOST, math.hypot(*told)
    if 0.03 < length < 0.97:
        b_value = max(5.0, 5 * math.floor(b_value * length**2 / 5 + 0.5))
    return b_value, _from_phase_encoding(told, values.text(0x00181312), axes)


def _canon(values: Values, axes: Axes) -> BValueDirection:
    """Canon (Toshiba) writes "b=1000(0.5,-0.5,0.707)" into the comments of classic images: phase, frequency, slice."""
    told = CANON.match(values.text(0x00204000))
    if not told or not values.text(0x00080070).upper().startswith(("CANON", "TOSHIBA")):
        return None, ()
    b_value, x, y, z = map(float, told.groups())
    return b_value, _from_phase_encoding((y, x, z), values.text(0x00181312), axes)


def _from_phase_encoding(direction: Sequence[float], encoded: str, axes: Axes) -> Sequence[float]:
    """A direction counted from frequency, phase and slice, in LPS; () where it cannot be known.

    encoded: In-plane Phase Encoding Direction. The signs, coronal ones apart, are those that dcm2niix found.
    """
    if len(direction) != 3 or not encoded.startswith(("COL", "ROW")) or not axes[2]:
        return ()
    x, y, z = direction
    y = -y if max(axes[2], key=abs) == axes[2][1] else y
    return _in_patient((x, y, -z) if encoded.startswith("COL") else (y, -x, -z), axes)


def _uih(values: Values, blocks: Blocks, axes: Axes) -> BValueDirection:
    start = blocks[UIH]
    return values.real(start | 0x09), _in_patient(values.reals(start | 0x37), axes)


# By group and creator.
VENDORS: dict[tuple[int, str], Callable[[Values, Blocks, Axes], BValueDirection]] = {
    HEADER: _siemens,
    CSA: _csa,
    (0x2001, "philips imaging dd 001"): _philips,
    (0x0043, "gems_parm_01"): _ge,
    UIH: _uih,
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
