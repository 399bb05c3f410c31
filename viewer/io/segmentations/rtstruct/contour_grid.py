"""A grid for contours whose images are not there: their own planes, and squares in these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.data.grid import Grid
from viewer.io.errors import OpenError
from viewer.io.segmentations.rtstruct.contour_stack import area_of

if TYPE_CHECKING:
    from viewer.data.arrays import Points

PITCH = 1.0  # mm within the planes
NEAREST = 0.05  # mm that two planes are apart at least
PARALLEL = 1e-3  # difference of unit normals
MOST = 1 << 31  # voxels


def own_grid(contours: list[Points], frame_of_reference: str) -> Grid:
    """A grid through closed contours [n, 3], LPS mm, which lie on parallel planes. Raises OpenError: one sentence."""
    rings = [ring for ring in contours if len(ring) > 2]
    if not rings or not all(np.isfinite(ring).all() for ring in rings):
        raise OpenError("It has no closed contours, so no place: there is nothing to show.")
    normals = np.array([area_of(ring) for ring in rings])
    normal = normals[np.linalg.norm(normals, axis=1).argmax()]
    normal = normal / np.linalg.norm(normal) * np.sign(normal[np.abs(normal).argmax()])
    levels = np.unique(np.round([(ring @ normal).mean() for ring in rings], 2))
    gaps = np.diff(levels)
    step = float(gaps[gaps > NEAREST].min(initial=np.inf))
    column = np.cross(normal, np.eye(3)[0 if abs(normal[0]) < 0.9 else 1])
    column /= np.linalg.norm(column)
    axes = np.column_stack([np.cross(column, normal), column, normal])
    points = np.concatenate(rings)
    if max(np.ptp(ring @ normal) for ring in rings) > max(PITCH, PARALLEL * np.ptp(points, axis=0).max()):
        raise OpenError("Its contours lie in several directions: open the images that they were drawn on first.")
    low, high = (points @ axes[:, :2]).min(axis=0) - PITCH, (points @ axes[:, :2]).max(axis=0) + PITCH
    step = step if np.isfinite(step) else PITCH
    width, height = (int(size) + 1 for size in np.ceil((high - low) / PITCH))
    shape = (round(float(levels[-1] - levels[0]) / step) + 1, height, width)
    if np.prod(shape, dtype=float) > MOST:
        raise OpenError("Its contours reach over an impossible volume: open the images that they were drawn on first.")
    origin = axes @ (*low, levels[0])
    return Grid.of(shape, (step, PITCH, PITCH), origin, axes, frame_of_reference)
