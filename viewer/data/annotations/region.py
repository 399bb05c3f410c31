"""A drawn region of interest: a flat ellipse or box with a thickness, in the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from viewer.data.arrays import Floats

Shape = Literal["ellipse", "box"]
Point = tuple[float, float, float]
CORNERS = 72  # of the polygon that an ellipse is drawn as


@dataclass(frozen=True)
class Region:
    """A flat ellipse or box. centre: LPS mm. across, along: unit world directions of its axes, at a right angle.

    reach: half its size along each of them, mm. depth: half its thickness, mm.
    """

    shape: Shape
    centre: Point
    across: Point
    along: Point
    reach: tuple[float, float]
    depth: float

    @cached_property
    def normal(self) -> Floats:
        """Unit world direction of its thickness."""
        return np.asarray(np.cross(self.across, self.along))

    def contains(self, world: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Which world positions (…, 3) lie in it: (…)."""
        off = np.asarray(world, dtype=np.float64) - self.centre
        u, v = off @ np.asarray(self.across) / self.reach[0], off @ np.asarray(self.along) / self.reach[1]
        flat = u * u + v * v <= 1 if self.shape == "ellipse" else (np.abs(u) <= 1) & (np.abs(v) <= 1)
        return np.asarray(flat & (np.abs(off @ self.normal) <= self.depth))

    @cached_property
    def rim(self) -> Floats:
        """Its outline (n, 3) half-way through its thickness, mm."""
        if self.shape == "box":
            u, v = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]).T
        else:
            turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
            u, v = np.cos(turn), np.sin(turn)
        sides = np.outer(u * self.reach[0], self.across) + np.outer(v * self.reach[1], self.along)
        return np.asarray(self.centre + sides)

    @property
    def corners(self) -> Floats:
        """World positions (8, 3) of the box around it, mm."""
        a, b = np.asarray(self.across) * self.reach[0], np.asarray(self.along) * self.reach[1]
        signs = np.array([(s, t, d) for s in (-1, 1) for t in (-1, 1) for d in (-1, 1)])
        return np.asarray(self.centre + signs @ np.stack([a, b, self.depth * self.normal]))

    def cut(self, normal: ArrayLike, depth: float) -> Floats:
        """The corners (n, 3) of what a plane (unit normal, mm from the origin along it) cuts of it; none: (0, 3)."""
        towards = np.asarray(normal, dtype=np.float64)
        if abs(towards @ self.normal) > np.cos(np.radians(1)):
            inside = abs(np.dot(self.centre, towards) - depth) <= self.depth
            return self.rim if inside else np.empty((0, 3))
        faces = [self._chord(side, towards, depth) for side in (-1, 1)]
        return np.concatenate([faces[0], faces[1][::-1]]) if all(map(len, faces)) else np.empty((0, 3))

    def _chord(self, side: int, normal: Floats, depth: float) -> Floats:
        """The two points (2, 3) where a plane crosses one face's outline; (0, 3) where it does not."""
        rim = self.rim + side * self.depth * self.normal
        height = rim @ normal - depth
        after, beyond = np.roll(rim, -1, axis=0), np.roll(height, -1)
        crossing = (height > 0) != (beyond > 0)
        part = height[crossing] / (height[crossing] - beyond[crossing])
        points = rim[crossing] + part[:, None] * (after[crossing] - rim[crossing])
        return np.asarray(points[np.argsort(points @ np.cross(self.normal, normal))])

    def moved(self, by: ArrayLike) -> Region:
        """The same region, shifted in the patient by mm."""
        x, y, z = (float(mm) for mm in np.add(self.centre, by))
        return replace(self, centre=(x, y, z))
