"""What the matrix of a transform does, in words a reader knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from viewer.data.arrays import Floats
    from viewer.data.transform import Transform


@dataclass(frozen=True)
class Motion:
    """What a 4×4 does. rotation: degrees about x, y and z (LPS; about x first, then y, then z).

    angle: of the one rotation that they make together, degrees. translation: mm along x, y, z of the point that the
    motion is of. scale: along x, y, z. shear: the largest cosine between axes that were perpendicular. mirrored: left
    and right have changed places.
    """

    rotation: tuple[float, float, float]
    angle: float
    translation: tuple[float, float, float]
    scale: tuple[float, float, float]
    shear: float
    mirrored: bool


def motion(transform: Transform, centre: Floats) -> Motion:
    """Rotation, translation of the point `centre` (fixed space, mm), scale and shear of the matrix.

    Polar decomposition: linear part = rotation × symmetric stretch (Higham 1986).
    """
    linear = transform.matrix[:3, :3]
    left, sizes, right = np.linalg.svd(linear)
    mirrored = bool(np.linalg.det(linear) < 0)
    flip = np.diag([1, 1, -1.0 if mirrored else 1.0])
    rotation = left @ flip @ right
    stretch = right.T @ np.diag(sizes) @ flip @ right
    scale = np.linalg.norm(stretch, axis=0)
    cosines = np.abs((stretch / scale).T @ (stretch / scale) - np.eye(3))
    about_x = np.arctan2(rotation[2, 1], rotation[2, 2])
    about_y = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    about_z = np.arctan2(rotation[1, 0], rotation[0, 0])
    whole = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))
    shift = linear @ centre + transform.matrix[:3, 3] - centre
    return Motion(
        _triple(np.degrees([about_x, about_y, about_z])),
        float(np.degrees(whole)),
        _triple(shift),
        _triple(scale),
        float(cosines.max()),
        mirrored,
    )


def _triple(numbers: ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(n) for n in np.asarray(numbers))
    return x, y, z
