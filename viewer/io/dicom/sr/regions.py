"""Outlines of structured reports as regions in the patient, and back (PS3.3 C.18.6, C.18.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.data.annotations.region import Region

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point, Shape
    from viewer.data.arrays import Floats

FLAT = 1e-6  # mm: less is no extent


def outline_of(region: Region) -> tuple[str, Floats]:
    """Graphic type and points (n, 3): the ends of an ellipse's axes, the longer one first, or a closed box; LPS mm."""
    if region.shape == "box":
        return "POLYGON", np.vstack([region.rim, region.rim[:1]])
    axes = sorted(zip(region.reach, (region.across, region.along), strict=True), reverse=True)
    ends = [np.asarray(region.centre) + sign * reach * np.asarray(axis) for reach, axis in axes for sign in (-1, 1)]
    return "ELLIPSE", np.asarray(ends)


def circle_ends(points: Floats) -> Floats:
    """The ends of two axes (4, 2) of a circle given by its middle and a point on it (2, 2)."""
    middle, radius = points[0], float(np.linalg.norm(points[1] - points[0]))
    return np.asarray(middle + radius * np.array([(-1, 0), (1, 0), (0, -1), (0, 1)]))


def place_of(kind: str, points: Floats, depth: float) -> tuple[Point, Region | None]:
    """Where views go, and the region: an ellipse by its axes, of another closed outline the box about it.

    points: (n, 3), LPS mm. depth: half the thickness that the region gets, mm. None for what has no extent in a plane.
    """
    if kind == "ELLIPSE" and len(points) == 4:
        middle = (points[0] + points[1]) / 2
        return as_point(middle), _flat("ellipse", middle, points[1] - points[0], points[3] - points[2], depth)
    if kind in ("POLYGON", "POLYLINE") and len(points) > 3 and np.allclose(points[0], points[-1]):
        return _box(points[:-1], depth)
    return as_point(points.mean(axis=0)), None


def as_point(place: Floats) -> Point:
    """A place (3,) as plain numbers."""
    x, y, z = (float(mm) for mm in place)
    return x, y, z


def _box(corners: Floats, depth: float) -> tuple[Point, Region | None]:
    """The middle of a plane outline, and the box about it along its first side."""
    middle, across = as_point(corners.mean(axis=0)), _unit(corners[1] - corners[0])
    off = corners - middle
    beside = off - np.outer(off @ across, across)
    along = _unit(beside[int(np.linalg.norm(beside, axis=1).argmax())])
    axes = np.stack([across, along])
    low, high = (off @ axes.T).min(axis=0), (off @ axes.T).max(axis=0)
    first, second = (high - low)[:, None] * axes
    return middle, _flat("box", middle + (low + high) / 2 @ axes, first, second, depth)


def _flat(shape: Shape, centre: Floats, first: Floats, second: Floats, depth: float) -> Region | None:
    """A region by its two diameters; the second is made perpendicular to the first. None without an extent."""
    across = _unit(first)
    second = second - (second @ across) * across
    reach = (float(np.linalg.norm(first)) / 2, float(np.linalg.norm(second)) / 2)
    if min(reach) < FLAT:
        return None
    return Region(shape, as_point(centre), as_point(across), as_point(_unit(second)), reach, depth)


def _unit(vector: Floats) -> Floats:
    """Its direction; nothing where it has no length."""
    length = float(np.linalg.norm(vector))
    return vector / length if length >= FLAT else np.zeros(3)
