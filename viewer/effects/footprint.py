"""Which voxels a stroke in a view means: a disc, a ball, the inside of an outline; on any grid, in any plane.

In a plane that lies oblique in the voxels every voxel that the plane cuts is meant: that is what a slice view shows,
so no stripes are left behind (the standard plane of discrete geometry, Réveillès 1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viewer.data.arrays import Floats, Mask
from viewer.data.box import Box, box_at, mask_box, shift_box
from viewer.data.grid import Grid
from viewer.render.planes.plane import Pose

Flat = tuple[float, float]  # mm along the plane's right and down
UPRIGHT = 1e-6  # cosine below which two axes are at right angles
FINE = 4  # cells of the lattice that an outline is drawn on, in the smallest spacing


@dataclass(frozen=True)
class Slab:
    """The voxels of a box that a slice cuts: `near`; u, v: mm along the plane's right and down. Shapes broadcast."""

    box: Box
    u: Floats
    v: Floats
    near: Mask


def plane_coordinates(pose: Pose, world: ArrayLike) -> Flat:
    """Where a place (LPS mm) lies in the plane of a slice: mm along its right and down."""
    at = np.asarray(world, dtype=np.float64)
    return float(at @ pose.plane.right), float(at @ pose.plane.down)


def slab(grid: Grid, pose: Pose, low: ArrayLike, high: ArrayLike) -> Slab | None:
    """The voxels of a grid (as it lies in the world) that a slice cuts between two corners; None: there are none."""
    plane = pose.plane
    frame = np.stack([plane.right, plane.down, plane.normal])  # world to (u, v, depth)
    half = 0.5 * float(np.abs(plane.normal @ grid.affine[:3, :3]).sum())
    depth = plane.depth(pose.index)
    ends = np.array([[*np.asarray(low), depth - half], [*np.asarray(high), depth + half]])
    corners = np.array([(ends[a, 0], ends[b, 1], ends[c, 2]) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    index = grid.to_index(corners @ frame)  # frame is orthonormal: its transpose leads back
    box = box_between(index.min(axis=0), index.max(axis=0), grid.shape)
    if box is None:
        return None
    steps = frame @ grid.affine[:3, :3]
    k, j, i = (np.arange(part.start, part.stop, dtype=np.float64) for part in box)
    start = frame @ grid.origin
    u, v, h = (
        start[row] + steps[row, 0] * k[:, None, None] + steps[row, 1] * j[:, None] + steps[row, 2] * i
        for row in range(3)
    )
    return Slab(box, u, v, np.abs(h - depth) < half * (1 + 1e-6))


def disc(grid: Grid, pose: Pose, start: Flat, end: Flat, radius: float) -> tuple[Box, Mask] | None:
    """The voxels [k, j, i] that a disc passes over in the slice, from one place to the next; radius in mm.

    At least the voxel that it ends in. None outside of the grid.
    """
    low, high = np.minimum(start, end) - radius, np.maximum(start, end) + radius
    part = slab(grid, pose, low, high)
    if part is None:
        return None
    u, v = part.u - start[0], part.v - start[1]
    way = np.subtract(end, start)
    length = float(way @ way)
    if length:
        along = np.clip((u * way[0] + v * way[1]) / length, 0, 1)
        u, v = u - along * way[0], v - along * way[1]
    off = u * u + v * v
    mask = part.near & (off <= radius * radius)
    if not mask.any() and part.near.any():
        mask = part.near & (off <= off[part.near].min() + 1e-9)
    return trimmed(part.box, mask)


def ball(grid: Grid, start: ArrayLike, end: ArrayLike, radius: float) -> tuple[Box, Mask] | None:
    """The voxels [k, j, i] that a ball passes over from one place (LPS mm) to the next; radius in mm.

    At least the voxel that it ends in. None outside of the grid.
    """
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    way = last - first
    reach = radius * np.linalg.norm(grid.inverse[:3, :3], axis=1)
    ends = grid.to_index([first, last])
    box = box_between(ends.min(axis=0) - reach, ends.max(axis=0) + reach, grid.shape)
    if box is None:
        return None
    k, j, i = (  # mm along the axes of the voxels, which need not be at right angles
        ((np.arange(part.start, part.stop) - at) * step).astype(np.float32)
        for part, at, step in zip(box, ends[0], grid.spacing, strict=True)
    )
    away = k[:, None, None], j[:, None], i
    off = away[0] ** 2 + away[1] ** 2 + away[2] ** 2
    leans = grid.axes.T @ grid.axes
    for one, other in ((0, 1), (0, 2), (1, 2)):
        if abs(leans[one, other]) > UPRIGHT:
            off += np.float32(2 * leans[one, other]) * away[one] * away[other]
    length = float(way @ way)
    if length:
        towards = (way @ grid.axes / length).astype(np.float32)
        ahead = towards[0] * away[0] + towards[1] * away[1] + towards[2] * away[2]
        along = np.clip(ahead, 0, 1)
        ahead *= -2  # from here on in place: half the time for a large ball
        ahead += along
        ahead *= along
        ahead *= np.float32(length)
        off += ahead  # |q - along·way|², multiplied out
    mask = off <= radius * radius
    if not mask.any():
        mask = off <= off.min()
    return box, mask


def polygon_mask(grid: Grid, pose: Pose, corners: Sequence[Flat]) -> tuple[Box, Mask] | None:
    """The voxels of the slice inside a closed outline, by the even-odd rule."""
    outline = np.asarray(corners, dtype=np.float64)
    low, high = outline.min(axis=0), outline.max(axis=0)
    part = slab(grid, pose, low, high)
    if part is None:
        return None
    cell = float(grid.spacing.min()) / FINE
    drawn = rasterized(outline, low, cell, np.ceil((high - low) / cell).astype(int) + 1)
    at_u, at_v = (np.floor((mm - corner) / cell).astype(int) for mm, corner in ((part.u, low[0]), (part.v, low[1])))
    known = (at_u >= 0) & (at_v >= 0) & (at_u < drawn.shape[1]) & (at_v < drawn.shape[0])
    held = drawn[np.clip(at_v, 0, drawn.shape[0] - 1), np.clip(at_u, 0, drawn.shape[1] - 1)]
    return trimmed(part.box, part.near & known & held)


def rasterized(outline: Floats, low: Floats, cell: float, size: NDArray[Any]) -> Mask:
    """An outline (n, 2) drawn on a lattice [row, column] of cells from `low` on, by the crossings of each row."""
    rows = low[1] + (np.arange(size[1]) + 0.5) * cell
    out = np.zeros((int(size[1]), int(size[0])), dtype=bool)
    first, last = outline, np.roll(outline, -1, axis=0)
    crosses = (first[:, 1][:, None] <= rows) != (last[:, 1][:, None] <= rows)
    edge, row = np.nonzero(crosses)
    part = (rows[row] - first[edge, 1]) / (last[edge, 1] - first[edge, 1])
    column = (first[edge, 0] + part * (last[edge, 0] - first[edge, 0]) - low[0]) / cell - 0.5
    flips = np.zeros((out.shape[0], out.shape[1] + 1), dtype=np.int32)
    np.add.at(flips, (row, np.clip(np.ceil(column).astype(int), 0, out.shape[1])), 1)
    np.equal(np.cumsum(flips, axis=1)[:, :-1] % 2, 1, out=out)
    return out


def trimmed(box: Box, mask: Mask) -> tuple[Box, Mask] | None:
    """The part of a box that holds every True voxel; None where there is none."""
    found = mask_box(mask)
    return None if found is None else (shift_box(found, box), mask[found])


def box_between(low: ArrayLike, high: ArrayLike, shape: Sequence[int]) -> Box | None:
    """The voxels between two indices with fractions, within an array; None where there are none."""
    first = np.maximum(np.floor(np.asarray(low)), 0).astype(int)
    after = np.minimum(np.ceil(np.asarray(high)) + 1, shape).astype(int)
    if (after <= first).any():
        return None
    return box_at(first.tolist(), (after - first).tolist())
