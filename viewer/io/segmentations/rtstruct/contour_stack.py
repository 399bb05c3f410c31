"""Contours in parallel planes oblique to an image: drawn in these planes, then sampled at the image's voxels.

A plane stands for what lies nearer to it than to its neighbours; where one is missing nothing is invented. A plane that
has no neighbour is as thick as the voxels that it crosses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.io.dicom.series.stack import neighbour_distance
from viewer.io.segmentations.rtstruct.contour_fill import Ring, fill_rings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.arrays import Mask, Points
    from viewer.data.grid import Grid


FLAT = 0.5  # voxels that a contour may leave its plane
ONE = 0.1  # voxels between two contours that are drawn as of one plane
FINE = 0.5  # voxels between the samples of a plane
GAP = 1.5  # times the distance of neighbours: from there on planes are missing


class StackDrawing(NamedTuple):
    """What became of the contours of a stack.

    twice: contours that were there already. empty: those smaller than a voxel. crossing: whether some cross. apart:
    whether planes between them are missing.
    """

    twice: int
    empty: int
    crossing: bool
    apart: bool


class Stack:
    """The planes of contours [n, 3], LPS mm, that are parallel to the first of them."""

    def __init__(self, grid: Grid, rings: Sequence[Points]) -> None:
        self._grid, self._voxel = grid, float(grid.spacing.min())
        normal = normal_of(rings[0])
        across = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
        across /= np.linalg.norm(across)
        self._axes = np.column_stack([normal, np.cross(normal, across), across])  # of depth, rows and columns
        gaps = np.diff(self._levels([ring for ring in rings if self.holds(ring)]))
        step = neighbour_distance(gaps) if len(gaps) else 0.0
        even = (np.abs(gaps - np.rint(gaps / step) * step) <= ONE * step).all() if step else False
        self._step = step if even else 0.0  # of all regions; 0 where each has planes of its own

    def holds(self, ring: Points) -> bool:
        """Whether a contour lies in a plane of it."""
        return bool(np.ptp(ring @ self._axes[:, 0]) <= FLAT * self._voxel)

    def draw(self, mask: Mask, rings: Sequence[Ring]) -> StackDrawing:
        """What contours (points: LPS mm) of a region enclose, into a mask [k, j, i] of the grid's shape."""
        points, ends = np.concatenate([ring.points for ring in rings]), self._grid.corners @ self._axes[:, 1:]
        pitch, flat = FINE * self._voxel, points @ self._axes[:, 1:]
        low = np.maximum(flat.min(axis=0), ends.min(axis=0))
        size = np.ceil((np.minimum(flat.max(axis=0), ends.max(axis=0)) - low) / pitch).astype(int)
        shape = int(max(size[0], 0)) + 1, int(max(size[1], 0)) + 1
        levels = self._levels([ring.points for ring in rings])
        planes: list[list[Ring]] = [[] for _ in levels]
        for ring in rings:
            plane = np.abs(levels - (ring.points @ self._axes[:, 0]).mean()).argmin()
            planes[plane].append(Ring((ring.points @ self._axes[:, 1:] - low) / pitch, ring.is_xor))
        found = [fill_rings(own, shape) for own in planes]
        thick, apart = self._thickness(levels)
        self._sample(mask, np.stack([one.mask for one in found]), low, levels, thick, points)
        return StackDrawing(
            sum(one.twice for one in found),
            sum(one.empty for one in found),
            any(one.crossing for one in found),
            apart,
        )

    def _levels(self, rings: Sequence[Points]) -> Points:
        """The depths of the planes that contours lie in, mm, rising."""
        depths = np.sort([(ring @ self._axes[:, 0]).mean() for ring in rings])
        parts = np.split(depths, np.flatnonzero(np.diff(depths) > ONE * self._voxel) + 1)
        return np.array([part.mean() for part in parts if len(part)])

    def _thickness(self, levels: Points) -> tuple[Points, bool]:
        """How far each plane reaches down and up [n, 2], mm, and whether some between them are missing."""
        gaps = np.diff(levels)
        voxel = float((np.abs(self._grid.axes.T @ self._axes[:, 0]) * self._grid.spacing).max())
        step = self._step or (neighbour_distance(gaps) if len(gaps) else voxel)
        reach = np.where(gaps > GAP * step, step, gaps) / 2
        ends = [step / 2], reach
        return np.column_stack([np.concatenate(ends), np.concatenate(ends[::-1])]), bool((gaps > GAP * step).any())

    def _sample(self, mask: Mask, drawn: Mask, low: Points, levels: Points, thick: Points, points: Points) -> None:
        """Set the voxels around the points whose centres lie in planes [plane, row, column] that begin at `low`."""
        index, pad = self._grid.to_index(points), thick.max() / self._grid.spacing
        first = np.clip(np.floor(index.min(axis=0) - pad), 0, mask.shape).astype(int)
        last = np.clip(np.ceil(index.max(axis=0) + pad) + 1, 0, mask.shape).astype(int)
        steps = self._axes.T @ self._grid.affine[:3, :3]
        origin = self._axes.T @ self._grid.origin
        j, i = (np.arange(first[axis], last[axis]) for axis in (1, 2))
        edges = (levels[1:] + levels[:-1]) / 2
        for k in range(first[0], last[0]):
            depth, row, column = (
                (origin[n] + steps[n, 0] * k + steps[n, 1] * j)[:, None] + steps[n, 2] * i for n in range(3)
            )
            plane = np.searchsorted(edges, depth, side="right")
            inside = (depth >= (levels - thick[:, 0])[plane]) & (depth < (levels + thick[:, 1])[plane])
            rows, columns = (np.rint((one - low[n]) / (FINE * self._voxel)) for n, one in enumerate((row, column)))
            inside &= (rows >= 0) & (rows < drawn.shape[1]) & (columns >= 0) & (columns < drawn.shape[2])
            held = drawn[plane[inside], rows[inside].astype(int), columns[inside].astype(int)]
            mask[k, first[1] : last[1], first[2] : last[2]][inside] |= held


def stacks_of(grid: Grid, rings: Sequence[Points]) -> list[Stack]:
    """A stack for each direction of contours, the largest first; contours that lie in no plane are in none."""
    remaining = sorted(rings, key=lambda ring: -float(np.linalg.norm(area_of(ring))))
    found: list[Stack] = []
    while remaining and area_of(remaining[0]).any():
        stack = Stack(grid, remaining)
        rest = [ring for ring in remaining[1:] if not stack.holds(ring)]
        if stack.holds(remaining[0]):
            found.append(stack)
            remaining = rest
        else:
            remaining = remaining[1:]
    return found


def area_of(ring: Points) -> Points:
    """Twice the area of a contour [n, 3], along its normal (M. E. Newell)."""
    corners = ring - ring[0]
    turn = corners[:-1].T @ corners[1:]  # sums of products; cross products are differences of these
    return np.array([turn[1, 2] - turn[2, 1], turn[2, 0] - turn[0, 2], turn[0, 1] - turn[1, 0]])


def normal_of(ring: Points) -> Points:
    """The normal of a contour [n, 3], of length 1."""
    return np.asarray(area_of(ring) / np.linalg.norm(area_of(ring)))
