"""The b-matrix of a diffusion weighting (PS3.3 C.8.13.5.9, Diffusion b-matrix Sequence), where no direction is told.

Its trace is the b-value, its principal axis the gradient's. It knows no sign (dcm2niix, issue 265): the largest
component is made positive, and that is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.data.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.io.dicom.attributes.values import Values

SEQUENCE, COMPONENTS = 0x00189601, range(0x00189602, 0x00189608)  # xx, xy, xz, yy, yz, zz in s/mm², LPS
MOST = 100_000  # s/mm² that can be meant
LINEAR = 0.9  # share of the b-value along one axis, without which a weighting has no direction
UNSIGNED = Notice(
    "gradient-sign",
    "The file tells diffusion gradients by b-matrices, which know no sign: the largest component is taken as positive.",
)


def b_matrix(values: Values) -> tuple[float, ...]:
    """The six components of the standard; () where one is missing."""
    item = values.item(SEQUENCE) or values
    found = [item.real(tag) for tag in COMPONENTS]
    return tuple(x for x in found if x is not None) if None not in found else ()


def standard_order(matrix: Sequence[float], b_value: float | None, manufacturer: str) -> Sequence[float]:
    """The components in the order of the standard: older ParaVision of Bruker writes xx, xy, xz, yx, yy, yz.

    It is known by a trace that is not the b-value, and zz is what is missing to it (dcm2niix, issue 265).
    """
    if len(matrix) != 6 or b_value is None or not manufacturer.upper().startswith("BRUKER"):
        return matrix
    xx, xy, xz, yx, yy, yz = matrix
    wrong = yx == xy and not _agree(matrix, b_value)
    return (xx, xy, xz, yy, yz, b_value - xx - yy) if wrong else matrix


def principal_axis(matrix: Sequence[float], b_value: float | None) -> tuple[float | None, Sequence[float]]:
    """The b-value, told or the trace, and the axis of the gradient, a unit vector; () where it has none.

    A matrix that contradicts the b-value, or can be none, tells nothing.
    """
    if len(matrix) != 6 or not _agree(matrix, b_value):
        return b_value, ()
    xx, xy, xz, yy, yz, zz = matrix
    trace = xx + yy + zz
    lengths, axes = np.linalg.eigh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    axis = axes[:, -1]
    first = axis[np.argmax(np.abs(axis).round(3))]
    directed = lengths[-1] >= LINEAR * trace > 0
    return trace if b_value is None else b_value, (axis * np.sign(first)).tolist() if directed else ()


def _agree(matrix: Sequence[float], b_value: float | None) -> bool:
    """Whether the components can be those of a weighting with this b-value, imaging gradients aside."""
    trace = matrix[0] + matrix[3] + matrix[5]
    if not max(map(abs, matrix)) <= trace < MOST:
        return False
    return b_value is None or abs(trace - b_value) <= max(20.0, 0.1 * b_value)
