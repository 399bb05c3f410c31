"""How good a transform is, by itself and against what is known: folds, smoothness, inverse, landmarks, another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.registration.transform_algebra import lattice_points, run_slabs, transform_points, voxel_points
from viewer.data.transform import Transform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.annotations.landmarks import Landmarks
    from viewer.data.arrays import Floats, Floats32
    from viewer.data.grid import Grid

LEAST = 1e-9  # a determinant whose logarithm is still taken; folds count as this
TG132_TARGET = 2.0  # mm; AAPM TG-132 (Brock et al., Medical Physics 44, 2017), table V: TRE within 2 mm or a voxel


def jacobian(transform: Transform, grid: Grid | None = None) -> tuple[Floats32, Grid]:
    """Jacobian determinant of the whole map [k, j, i], and its grid: the local change of volume; ≤ 0 folds.

    grid: by default the field's own; needed for a matrix alone (ValueError). Central differences, one-sided at faces.
    """
    grid = grid or transform.grid
    if grid is None:
        raise ValueError("A matrix has no grid of its own: name one.")
    scale = float(np.linalg.det(transform.matrix[:3, :3]))
    out = np.full(grid.shape, scale, np.float32)
    if transform.displacement is None:
        return out, grid
    field = transform.displacement if grid is transform.grid else displacement(transform, grid)
    inverse = grid.inverse[:3, :3]

    def fill(first: int, last: int) -> None:
        low, high = max(first - 1, 0), min(last + 1, grid.shape[0])
        slopes = _slopes(field[low:high].astype(np.float64))
        local = np.linalg.det(np.eye(3) + slopes @ inverse)
        out[first:last] = scale * local[first - low : local.shape[0] - (high - last)]

    run_slabs(grid, fill)
    return out, grid


def displacement(transform: Transform, grid: Grid) -> Floats32:
    """The displacement field u [k, j, i, 3] (x, y, z in mm) at the voxels of another grid; the matrix is left out."""
    bare = Transform(np.eye(4), transform.displacement, transform.grid)
    out = np.empty((*grid.shape, 3), np.float32)

    def fill(first: int, last: int) -> None:
        points = voxel_points(grid, first, last)
        out[first:last] = transform_points(bare, points) - points

    run_slabs(grid, fill)
    return out


@dataclass(frozen=True)
class Smoothness:
    """How smooth a map is. folding: per cent of voxels whose determinant is 0 or less. folds: their number.

    sd_log_j: standard deviation of log det J (folds clipped at 1e-9; Leow et al. 2007). lowest, highest: of det J.
    """

    folding: float
    folds: int
    sd_log_j: float
    lowest: float
    highest: float


def smoothness(determinant: Floats32, mask: NDArray[np.bool_] | None = None) -> Smoothness:
    """Smoothness by a map of det J [k, j, i], over the whole of it or inside a mask of the same shape."""
    inside = determinant.ravel() if mask is None else determinant[mask]
    folds = int((inside <= 0).sum())
    logs = np.log(np.maximum(inside, LEAST), dtype=np.float64)
    return Smoothness(
        100 * folds / max(inside.size, 1), folds, float(logs.std()), float(inside.min()), float(inside.max())
    )


def inverse_consistency(forward: Transform, backward: Transform, grid: Grid) -> Floats32:
    """Inverse consistency error |backward(forward(x)) − x|, mm, at every voxel x [k, j, i] of `grid` (fixed space)."""
    out = np.empty(grid.shape, np.float32)

    def fill(first: int, last: int) -> None:
        points = voxel_points(grid, first, last)
        out[first:last] = np.linalg.norm(
            transform_points(backward, transform_points(forward, points)) - points, axis=-1
        )

    run_slabs(grid, fill)
    return out


def target_errors(transform: Transform | None, landmarks: Landmarks) -> Floats:
    """Target registration error of each pair (n,), mm: how far the fixed point, moved, lies from the moving point."""
    mapped = landmarks.fixed if transform is None else transform(landmarks.fixed)
    return np.asarray(np.linalg.norm(mapped - landmarks.moving, axis=1))


def within_tg132(errors: Floats, grid: Grid) -> NDArray[np.bool_]:
    """Which target registration errors (mm) AAPM TG-132 tolerates: 2 mm, or the image's largest voxel side if more."""
    return np.asarray(errors <= max(TG132_TARGET, float(grid.spacing.max())))


def distances(one: Transform, other: Transform, grid: Grid, count: int = 3) -> Floats:
    """How far apart two transforms take count³ points spread evenly over the grid (27 by default), mm (n,)."""
    points = lattice_points(grid, count)
    return np.asarray(np.linalg.norm(one(points) - other(points), axis=1))


def _slopes(field: Floats) -> Floats:
    """du/d(k, j, i) [k, j, i, 3, 3]: columns belong to the array axes; 0 along an axis of one voxel."""
    parts = [np.gradient(field, axis=axis) if field.shape[axis] > 1 else np.zeros_like(field) for axis in range(3)]
    return np.stack(parts, axis=-1)
