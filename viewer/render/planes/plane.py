"""The slices of a grid and how they lie on the screen: geometry alone, no drawing.

Screen convention (radiological, as seen from the feet, from the front, from the left): axial has the patient's right
on the left and the front up; coronal the right on the left and the head up; sagittal the front on the left and the
head up. Pixels are logical widget pixels from the top left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.grid import PLANES, Grid, orientation_letters

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from viewer.data.arrays import Floats

# For each plane the world axes (0 x, 1 y, 2 z) and signs that run to the right and down on the screen.
SCREEN = {"axial": ((0, 1), (1, 1)), "coronal": ((0, 1), (2, -1)), "sagittal": ((1, 1), (2, -1))}
MARGIN = 1.04  # the part of the view a fitted picture leaves free


@dataclass(frozen=True, eq=False)
class Plane:
    """All slices of `grid` along the axis that runs closest to the normal of `name`, one of PLANES."""

    grid: Grid
    name: str

    @property
    def normal_axis(self) -> int:
        """The array axis (0 k, 1 j, 2 i) that the slices are counted along."""
        return self.grid.plane_axes[PLANES.index(self.name)]

    @property
    def screen_axes(self) -> tuple[int, int]:
        """The array axes that run across and down the screen."""
        (across, _), (down, _) = SCREEN[self.name]
        return self.grid.plane_axes[across], self.grid.plane_axes[down]

    @cached_property
    def right(self) -> Floats:
        """Unit world direction of the screen's right."""
        (world, sign), _ = SCREEN[self.name]
        axis = self.grid.axes[:, self.screen_axes[0]]
        return np.asarray(axis if axis[world] * sign > 0 else -axis)

    @cached_property
    def down(self) -> Floats:
        """Unit world direction of the screen's down, at a right angle to `right` even in a sheared grid."""
        _, (world, sign) = SCREEN[self.name]
        axis = self.grid.axes[:, self.screen_axes[1]]
        axis = axis if axis[world] * sign > 0 else -axis
        axis = axis - (axis @ self.right) * self.right
        return np.asarray(axis / np.linalg.norm(axis))

    @property
    def forward(self) -> Floats:
        """Unit world direction that the reader looks along."""
        return np.asarray(np.cross(self.right, self.down))

    @cached_property
    def normal(self) -> Floats:
        """Unit world direction at a right angle to the slices, to the patient's left, back or head."""
        return self.forward if self.forward[PLANES.index(self.name)] > 0 else -self.forward

    @property
    def count(self) -> int:
        """How many slices there are."""
        return self.grid.shape[self.normal_axis]

    @property
    def step(self) -> Floats:
        """World vector from one slice to the next, to the patient's left, back or head."""
        column = self.grid.affine[:3, self.normal_axis]
        return np.asarray(column if column @ self.normal > 0 else -column)

    @property
    def spacing(self) -> float:
        """Distance between neighbouring slices, mm."""
        return float(self.step @ self.normal)

    @property
    def flat(self) -> bool:
        """True where a slice is a single row of voxels: there is nothing to see in this plane."""
        return any(self.grid.shape[axis] == 1 for axis in self.screen_axes)

    def index(self, world: ArrayLike) -> int:
        """The slice through a world position (LPS mm), from 0; the first or last one outside the grid."""
        nearest = int(np.floor(self.grid.to_index(world)[self.normal_axis] + 0.5))
        return min(max(nearest, 0), self.count - 1)

    def moved(self, world: ArrayLike, steps: int) -> Floats:
        """The world position `steps` slices on (to the patient's left, back or head), within the grid.

        It comes to lie on the middle of a slice: half-way between two, rounding would skip or repeat one.
        """
        sign = 1 if self.step @ self.grid.affine[:3, self.normal_axis] > 0 else -1
        before = float(self.grid.to_index(world)[self.normal_axis])
        after = min(max(self.index(world) + sign * steps, 0), self.count - 1)
        return np.asarray(np.asarray(world) + (after - before) * self.grid.affine[:3, self.normal_axis])

    def depth(self, index: int) -> float:
        """Signed distance of a slice from the world origin along `normal`, mm."""
        at = (np.array(self.grid.shape) - 1) / 2
        at[self.normal_axis] = index
        return float(self.grid.to_world(at) @ self.normal)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The grid's outline in mm along `right` and `down`: left, right, top, bottom."""
        across, along = self.grid.corners @ self.right, self.grid.corners @ self.down
        return float(across.min()), float(across.max()), float(along.min()), float(along.max())

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """The sides of the patient at the screen's left, right, top and bottom edge; empty where they are not known."""
        if not self.grid.placed:
            return "", "", "", ""
        sides = (-self.right, self.right, -self.down, self.down)
        left, right, top, bottom = (orientation_letters(side) for side in sides)
        return left, right, top, bottom


@dataclass(frozen=True)
class Pose:
    """One slice on a screen of width × height pixels.

    across, along: mm along the plane's `right` and `down` at the middle of the screen. scale: mm a pixel.
    """

    plane: Plane
    index: int
    across: float
    along: float
    scale: float
    width: int
    height: int

    @classmethod
    def fit(cls, plane: Plane, index: int, width: int, height: int) -> Pose:
        """The whole slice, as large as it goes."""
        left, right, top, bottom = plane.box
        scale = MARGIN * max((right - left) / max(width, 1), (bottom - top) / max(height, 1))
        return cls(plane, index, (left + right) / 2, (top + bottom) / 2, scale, width, height)

    @property
    def ring(self) -> float:
        """Radius in pixels of the handle that turns an image about the cross-hair."""
        return 0.36 * min(self.width, self.height)

    def world(self, x: float, y: float) -> Floats:
        """The world position (LPS mm) under a pixel, on the slice."""
        across = self.across + (x - self.width / 2) * self.scale
        along = self.along + (y - self.height / 2) * self.scale
        plane = self.plane
        return np.asarray(across * plane.right + along * plane.down + plane.depth(self.index) * plane.normal)

    def pixel(self, world: ArrayLike) -> tuple[float, float]:
        """Where a world position (LPS mm), or its foot on the slice, lies on the screen: pixels from the top left."""
        at = np.asarray(world, dtype=np.float64)
        x = (at @ self.plane.right - self.across) / self.scale + self.width / 2
        y = (at @ self.plane.down - self.along) / self.scale + self.height / 2
        return float(x), float(y)
