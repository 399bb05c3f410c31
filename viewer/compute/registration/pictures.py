"""Pictures that prove a registration: three planes, before and after, sampled where both images really lie.

They are computed and not photographed, so that a report shows the same whatever the window shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from viewer.compute.registration.transform_algebra import transform_points
from viewer.data.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.data.arrays import Floats
    from viewer.data.transform import Transform
    from viewer.data.volume import Volume, Window

Picture = NDArray[np.uint8]  # [r, c, 3]
Style = Literal["before", "after", "checkerboard", "volume change"]
# Rightwards and downwards on the picture, as the views show the planes.
AXES = {
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}
SIDE = 300  # pixels
SQUARES = 8  # of the checkerboard along a side
STEP = 0.5  # mm to either side of a point, for the local change of volume
SHRUNK, GROWN, FOLDED = (np.array(rgb, np.float64) for rgb in ((0, 114, 178), (230, 159, 0), (213, 0, 0)))


@dataclass(frozen=True, eq=False)
class PlacedImage:
    """An image of the pair: a volume, its window, and where it lies: world points to its own points; None for same."""

    volume: Volume
    window: Window
    transform: Transform | None = None

    def grey(self, points: Floats) -> Floats:
        """Brightness 0…1 at world points (…, 3), mm; 0 outside the image."""
        from scipy import ndimage  # not before the window is there

        values = self.volume
        own = points if self.transform is None else transform_points(self.transform, points)
        index = np.moveaxis(values.grid.to_index(own), -1, 0)
        sampled = ndimage.map_coordinates(values.array, index, np.float64, order=1, mode="nearest")
        physical = sampled * values.slope + values.intercept
        size = np.array(values.grid.shape).reshape(3, *[1] * (index.ndim - 1))
        inside = ((index >= -0.5) & (index <= size - 0.5)).all(axis=0)
        return np.asarray(np.clip((physical - self.window.lower) / self.window.width, 0, 1) * inside)


def styles(after: Transform | None) -> tuple[Style, ...]:
    """What is shown of a transform: the change of volume only where it deforms."""
    first: tuple[Style, ...] = ("before", "after", "checkerboard")
    return (*first, "volume change") if after is not None and after.displacement is not None else first


def pictures(
    fixed: PlacedImage, before: PlacedImage, after: PlacedImage, at: tuple[float, float, float]
) -> Iterator[tuple[Style, str, Picture]]:
    """(style, plane, picture) through the world point `at`, mm; style by style, all planes at one scale.

    before, after: the moving image at its two places. before and after: green where the fixed image alone is bright,
    magenta where the moving one is, grey where both are. Volume change: blue shrunk, orange grown, red folded.
    """
    points = {plane: _points(fixed, plane, np.array(at)) for plane in AXES}
    for style in styles(after.transform):
        for plane, places in points.items():
            grey = fixed.grey(places)
            if style == "volume change" and after.transform is not None:
                yield style, plane, _volume_change(grey, after.transform, places)
                continue
            other = (before if style == "before" else after).grey(places)
            yield style, plane, _checkerboard(grey, other) if style == "checkerboard" else _two_colours(grey, other)


def _points(fixed: PlacedImage, plane: str, at: Floats) -> Floats:
    """World points (SIDE, SIDE, 3) of a plane: square, about the middle of the fixed image, as wide as it is long."""
    grid = _world_grid(fixed)
    right, down = (np.array(axis) for axis in AXES[plane])
    reach = np.ptp(grid.corners, axis=0).max() / 2
    steps = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    middle = grid.centre + ((at - grid.centre) @ np.cross(right, down)) * np.cross(right, down)
    across, along = np.meshgrid(steps * reach, steps * reach)
    return np.asarray(middle + across[..., None] * right + along[..., None] * down)


def _world_grid(fixed: PlacedImage) -> Grid:
    """Where the fixed image lies in the world, by the matrix of its transform."""
    grid = fixed.volume.grid
    if fixed.transform is None:
        return grid
    return Grid(grid.shape, np.linalg.inv(fixed.transform.matrix) @ grid.affine)


def _two_colours(fixed: Floats, moving: Floats) -> Picture:
    return _bytes(np.stack([moving, fixed, moving], axis=-1))


def _checkerboard(fixed: Floats, moving: Floats) -> Picture:
    square = np.arange(SIDE) * SQUARES // SIDE
    odd = (square[:, None] + square) % 2 == 1
    return _bytes(np.repeat(np.where(odd, moving, fixed)[..., None], 3, axis=-1))


def _volume_change(grey: Floats, transform: Transform, points: Floats) -> Picture:
    """The fixed image under the determinant of the transform's Jacobian: halved is fully blue, doubled orange."""
    columns = [
        (transform_points(transform, points + STEP * axis) - transform_points(transform, points - STEP * axis))
        / (2 * STEP)
        for axis in np.eye(3)
    ]
    determinant = np.linalg.det(np.stack(columns, axis=-1))
    change = np.clip(np.log2(np.maximum(determinant, 1e-9)), -1, 1)[..., None]
    colour = np.where(determinant[..., None] <= 0, FOLDED, np.where(change < 0, SHRUNK, GROWN)) / 255
    part = np.where(determinant[..., None] <= 0, 1.0, 0.8 * np.abs(change))
    return _bytes(grey[..., None] * (1 - part) + colour * part)


def _bytes(picture: Floats) -> Picture:
    return np.asarray(np.rint(picture * 255), dtype=np.uint8)
