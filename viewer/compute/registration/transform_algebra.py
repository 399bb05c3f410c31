"""Transforms put together, turned round, and sampled. x ↦ A·(x + u(x)), fixed space to moving space, LPS mm."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.grid import Grid
from viewer.data.transform import Transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats, Floats32

SLAB = 8  # slices worked on at a time
TOLERANCE = 1e-3  # mm; the inverse is found to this
STEPS, NEWTON = 25, 20  # of the search for the inverse: fixed-point steps, then Newton's for what has not settled
PROBE, DAMPING = 1e-2, 1e-3  # of a Newton step: mm between the places a slope is taken from; added to its matrix
STRAY = 1e-3  # share of voxels that may miss it before there is no inverse to speak of
FINE = 1.5  # mm between voxels of an inverse, at most
FOLDED = "The transform folds space over itself: it has no inverse."
WIDEST = 8  # times the voxels of its parts that a composed field may have


def compose(first: Transform, then: Transform) -> Transform:
    """The transform x ↦ then(first(x)).

    Exact where one of the two has no displacement field; two fields are sampled on the lattice of the first, widened to
    where the second acts. The result has no name, provenance or sign-off: it is another transform.
    Raises ValueError, one sentence, where the two fields lie too far apart for one lattice.
    """
    matrix = then.matrix @ first.matrix
    if then.displacement is None or then.grid is None:
        return Transform(matrix, first.displacement, first.grid)
    back = _inverted(first.matrix)
    grid = Grid(then.grid.shape, back @ then.grid.affine, then.grid.frame_of_reference, then.grid.placed)
    if first.grid is None:
        return Transform(matrix, _turned(then.displacement, back), grid)
    grid = _covering(first.grid, grid)
    return Transform(
        matrix, _field(grid, lambda x: transform_points(then, transform_points(first, x)), _inverted(matrix)), grid
    )


def inverse(transform: Transform) -> Transform:
    """The transform y ↦ x with transform(x) = y.

    Exact for a matrix; for a field found to 0.001 mm at the voxels of its lattice, which are at most 1.5 mm apart, by
    fixed-point iteration (Chen et al., Medical Physics 35, 2008), then Newton's method where the field stretches so
    much that it does not settle.
    Raises ValueError, one sentence, where the field folds so much that there is no inverse.
    """
    back = _inverted(transform.matrix)
    if transform.displacement is None or transform.grid is None:
        return Transform(back)
    lattice = _finer(_padded(transform.grid, transform.displacement))
    found = _inverse_field(transform.displacement, transform.grid, lattice)
    moved = Grid(lattice.shape, transform.matrix @ lattice.affine, placed=lattice.placed)
    return Transform(back, _turned(found, transform.matrix), moved)


def inverted_points(transform: Transform, points: Floats) -> Floats:
    """Fixed-space positions (…, 3) that the transform takes to `points` (moving space, mm), found as `inverse` does.

    Raises ValueError, one sentence, where one of them is not found: the field folds there.
    """
    back = _inverted(transform.matrix)
    found = points @ back[:3, :3].T + back[:3, 3]
    if transform.displacement is None or transform.grid is None:
        return np.asarray(found)
    solved, missed = _sources(transform.displacement, transform.grid, found.reshape(-1, 3))
    if missed:
        raise ValueError(FOLDED)
    return np.asarray(found + solved.reshape(found.shape))


def as_field(transform: Transform, grid: Grid) -> Transform:
    """The same map with the unit matrix: the whole of it is a displacement field on `grid`, as a field file holds it.

    Equal at the grid's voxels; linear between them; the identity outside.
    """
    return Transform(
        np.eye(4),
        _field(grid, partial(transform_points, transform), np.eye(4)),
        grid,
        transform.name,
        transform.provenance,
    )


def lattice_points(grid: Grid, count: int = 3) -> Floats:
    """count³ points (n, 3) spread evenly over the grid, each in the middle of its share of it; mm."""
    part = (np.arange(count) + 0.5) / count
    k, j, i = np.meshgrid(part, part, part, indexing="ij")
    return grid.to_world(np.stack([k, j, i], -1).reshape(-1, 3) * np.array(grid.shape) - 0.5)


def transform_points(transform: Transform, points: Floats) -> Floats:
    """Moving-space positions (…, 3) of fixed-space positions (…, 3), mm: transform(points), several times as fast."""
    if transform.displacement is not None and transform.grid is not None:
        points = points + _sampled(transform.displacement, transform.grid, points)
    return np.asarray(points @ transform.matrix[:3, :3].T + transform.matrix[:3, 3])


def voxel_points(grid: Grid, first: int, last: int) -> Floats:
    """World positions [k, j, i, 3] (mm) of the voxels of slices first … last - 1."""
    shape = (last - first, *grid.shape[1:])
    index = np.moveaxis(np.indices(shape), 0, -1)
    return grid.to_world(index + np.array((first, 0, 0)))


def run_slabs(grid: Grid, work: Callable[[int, int], None]) -> None:
    """Call work(first, last) for slabs of slices that cover the grid, on all processors."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        starts = range(0, grid.shape[0], SLAB)
        list(threads.map(lambda k: work(k, min(k + SLAB, grid.shape[0])), starts))


def _sampled(field: Floats32, grid: Grid, points: Floats) -> Floats:
    """The field (…, 3) at world positions (…, 3): linear, to the outer faces of the outermost voxels, 0 beyond."""
    return np.asarray(_extended(field, grid, points) * _inside(grid, points)[..., None])


def _extended(field: Floats32, grid: Grid, points: Floats) -> Floats:
    """The field (…, 3) at world positions (…, 3): linear; beyond the outermost voxels their values hold."""
    from scipy import ndimage  # not before the window is there

    where = np.ascontiguousarray(np.moveaxis(grid.to_index(points), -1, 0))  # half the time of strides
    parts = [ndimage.map_coordinates(field[..., c], where, np.float64, order=1, mode="nearest") for c in range(3)]
    return np.stack(parts, axis=-1)


def _inside(grid: Grid, points: Floats) -> NDArray[np.bool_]:
    index = grid.to_index(points)
    return np.asarray(np.all((index >= -0.5) & (index <= np.array(grid.shape) - 0.5), axis=-1))


def _field(grid: Grid, map_points: Callable[[Floats], Floats], back: Floats) -> Floats32:
    """The field u on `grid` such that map_points(x) = back⁻¹·(x + u(x))."""
    field = np.empty((*grid.shape, 3), np.float32)

    def fill(first: int, last: int) -> None:
        points = voxel_points(grid, first, last)
        field[first:last] = map_points(points) @ back[:3, :3].T + back[:3, 3] - points

    run_slabs(grid, fill)
    return field


def _inverted(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _turned(field: Floats32, matrix: Floats) -> Floats32:
    """Every vector of the field times the linear part of the matrix."""
    return np.asarray(field @ matrix[:3, :3].T.astype(np.float32), dtype=np.float32)


def _inverse_field(field: Floats32, grid: Grid, lattice: Grid) -> Floats32:
    """The field v on `lattice` such that v(x) = -u(x + v(x))."""
    found = np.empty((*lattice.shape, 3), np.float32)
    stray: list[int] = []

    def fill(first: int, last: int) -> None:
        points = voxel_points(lattice, first, last).reshape(-1, 3)
        solved, missed = _sources(field, grid, points)
        found[first:last] = solved.reshape(-1, *lattice.shape[1:], 3)
        stray.append(missed)

    run_slabs(lattice, fill)
    if sum(stray) > STRAY * np.prod(lattice.shape):
        raise ValueError(FOLDED)
    return found


def _sources(field: Floats32, grid: Grid, points: Floats) -> tuple[Floats, int]:
    """Vectors v (n, 3) with v = -u(x + v) for points x (n, 3), and how many of them are not within the tolerance.

    Points that come from beyond the field have not been moved by it.
    """
    found = np.zeros_like(points)
    open_ = np.arange(len(points))
    for step in range(STEPS + NEWTON):
        at = points[open_] + found[open_]
        here = _extended(field, grid, at)
        gap = found[open_] + here
        found[open_] -= gap if step < STEPS else _newton(field, grid, at, here, gap)
        open_ = open_[np.abs(gap).max(axis=1) > TOLERANCE]
        if not len(open_):
            break
    found[~_inside(grid, points + found)] = 0
    return found, len(open_)


def _newton(field: Floats32, grid: Grid, at: Floats, here: Floats, gap: Floats) -> Floats:
    """The steps (n, 3), a voxel long at most, that close the gaps by the slopes of x + u(x) at the places `at`."""
    ahead = np.stack([_extended(field, grid, at + PROBE * axis) for axis in np.eye(3)], axis=-1)
    slopes = np.eye(3) + (ahead - here[..., None]) / PROBE
    across = slopes.swapaxes(1, 2)
    step = np.linalg.solve(across @ slopes + DAMPING * np.eye(3), across @ gap[..., None])[..., 0]
    long = np.linalg.norm(step, axis=1, keepdims=True) / grid.spacing.min()
    return np.asarray(step / np.maximum(1, long))


def _padded(grid: Grid, field: Floats32) -> Grid:
    """The grid, widened by as far as the field moves its outer faces: that much of the inverse lies outside it."""
    faces = [np.take(np.abs(field), (0, -1), axis).max(initial=0) for axis in range(3)]
    extra = np.ceil(max(faces) / grid.spacing).astype(int)
    return _widened(grid, extra, extra)


def _finer(grid: Grid) -> Grid:
    """The grid with voxels of at most FINE mm and the same outer faces.

    Between the voxels of a coarse lattice the inverse of a field that is linear there is not linear.
    """
    factor = np.ceil(grid.spacing / FINE - 1e-6)
    scale = np.diag([*(1 / factor), 1.0])
    scale[:3, 3] = (1 / factor - 1) / 2
    k, j, i = (int(n) for n in np.array(grid.shape) * factor)
    return Grid((k, j, i), grid.affine @ scale, grid.frame_of_reference, grid.placed)


def _covering(grid: Grid, other: Grid) -> Grid:
    """The lattice of `grid`, widened to hold the other grid, too."""
    corners = grid.to_index(other.corners)
    before = np.ceil(np.maximum(0, -0.5 - corners.min(axis=0)) - 1e-6).astype(int)
    after = np.ceil(np.maximum(0, corners.max(axis=0) + 0.5 - grid.shape) - 1e-6).astype(int)
    wide = np.prod(np.array(grid.shape) + before + after, dtype=np.float64)
    if wide > WIDEST * (np.prod(grid.shape, dtype=np.float64) + np.prod(other.shape, dtype=np.float64)):
        raise ValueError("The two deformations lie too far apart to be put into one.")
    return _widened(grid, before, after)


def _widened(grid: Grid, before: NDArray[np.intp], after: NDArray[np.intp]) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_world(-before)
    k, j, i = (int(n) for n in np.array(grid.shape) + before + after)
    return Grid((k, j, i), affine, grid.frame_of_reference, grid.placed)
