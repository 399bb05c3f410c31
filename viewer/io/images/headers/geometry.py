"""Where an image that is not DICOM lies: by the affine of its file, or on a regular grid where that one is sheared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.grid import Grid
from viewer.data.notice import Notice
from viewer.io.errors import OpenError
from viewer.io.stored_values import SHEAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats

MOST = 8  # times as many voxels as are stored that a regular grid may have


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a file puts its voxels.

    affine: 4×4, from array index (k, j, i, 1) to LPS mm; its axes may be oblique to each other.

    placed: False where nothing tells the sides of the patient. notices: what must be said of it. forms: what places it
    in a NIfTI file ("sform", "qform"), both where they agree, the one that is taken first. other: the one of these that
    puts it elsewhere; "" where there is none.
    """

    affine: Floats
    placed: bool
    notices: tuple[Notice, ...] = ()
    forms: tuple[str, ...] = ()
    other: str = ""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the voxels that are shown lie.

    sheared: None where the file's voxels are those of `grid`; else 4×4, from index (k, j, i, 1) of the grid to that of
    the file's array: always on its slice k, so that slices are moved and not mixed.
    """

    grid: Grid
    sheared: Floats | None
    notices: tuple[Notice, ...] = ()


NO_PLACE = "Its header gives its voxels no valid size or direction; it cannot be placed."


def geometry(shape: tuple[int, int, int], placement: Placement) -> Geometry:
    """The regular grid for an array of `shape`. Raises OpenError where its axes span no volume."""
    try:
        grid = Grid(shape, placement.affine, placed=placement.placed)
    except ValueError as error:
        raise OpenError(NO_PLACE) from error
    cosine = float(np.abs(grid.axes.T @ grid.axes - np.eye(3)).max())
    if cosine > SHEAR:
        return _unsheared(grid, cosine, placement.notices)
    left_handed = placement.placed and np.linalg.det(grid.direction) < 0
    sentence = "Its axes are left-handed (one runs the other way round); its matrix places them, sides are right."
    return Geometry(grid, None, (*placement.notices, *((Notice("left-handed", sentence),) if left_handed else ())))


def _unsheared(stored: Grid, cosine: float, notices: tuple[Notice, ...]) -> Geometry:
    """Rows keep their direction, columns are turned in the plane of the slice, slices are stacked along its normal."""
    turn, upper = np.linalg.qr(stored.affine[:3, 2::-1])  # along i, j, k
    sign = np.sign(np.diag(upper))
    turn, upper = turn * sign, upper * sign[:, None]
    steps = np.diag(upper)
    if not np.isfinite(upper).all() or not steps.min() > 0:
        raise OpenError(NO_PLACE)
    skew = upper / steps[:, None]  # index (i, j, k) of the file to that along the turned axes
    ends = np.array([(i, j, k) for k in (0, 1) for j in (0, 1) for i in (0, 1)]) * (np.array(stored.shape[::-1]) - 1)
    reach = ends @ skew.T
    low, high = np.floor(reach.min(axis=0) + 1e-6), np.ceil(reach.max(axis=0) - 1e-6)
    i, j, k = (int(n) for n in high - low + 1)
    angle = 90 - math.degrees(math.acos(min(cosine, 1.0)))
    if k * j * i > MOST * math.prod(stored.shape):
        raise OpenError(f"Its axes are sheared by {angle:.0f}°, which leaves it no sensible regular grid.")
    affine = np.eye(4)
    affine[:3, :3] = (turn * steps)[:, ::-1]
    affine[:3, 3] = stored.origin + turn @ (steps * low)
    back = np.linalg.inv(skew)
    sheared = np.eye(4)
    sheared[:3, :3], sheared[:3, 3] = back[::-1, ::-1], (back @ low)[::-1]
    sentence = f"Its axes are not at right angles (sheared by {angle:.2g}°); it is resampled onto a regular grid."
    grid = Grid((k, j, i), affine, placed=stored.placed)
    return Geometry(grid, sheared, (*notices, Notice("sheared", sentence, "resampled")))


def resample_slice(
    plane: NDArray[Any], k: int, sheared: Floats, size: tuple[int, int], blank: Any, *, labels: bool
) -> NDArray[Any]:
    """Slice k [j, i] of the regular grid, of `size`, from that of the file [j, i], in its type.

    Linear, or by the nearest voxel for labels. blank: what lies outside.
    """
    index = np.stack(np.meshgrid([k], np.arange(size[0]), np.arange(size[1]), [1], indexing="ij"))[:, 0, :, :, 0]
    at: Floats = np.tensordot(sheared, index, 1)[1:3].round(6)  # exact on voxels: a share of 1e-16 would spread a NaN
    ends = np.array(plane.shape)[:, None, None] - 1
    inside = ((at >= -0.5) & (at <= ends + 0.5)).all(axis=0)
    if labels:
        j, i = np.clip(np.rint(at).astype(np.intp), 0, ends)
        found = plane[j, i]
    else:
        found = _linear(plane, at)
    moved: NDArray[Any] = np.where(inside, found, blank).astype(plane.dtype)
    return moved


def _linear(plane: NDArray[Any], at: Floats) -> NDArray[Any]:
    from scipy import ndimage  # not before there is something to resample

    found = ndimage.map_coordinates(plane, at, np.float64, order=1, mode="nearest")
    return np.asarray(found if plane.dtype.kind == "f" else np.rint(found))
