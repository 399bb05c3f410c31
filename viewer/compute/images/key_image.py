"""A picture of an image at a place that was found: the axial plane through it, and a ring around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.annotations.region import Point
    from viewer.data.volume import Volume, Window

SIDE = 300  # pixels
RING, WIDTH = 12.0, 1.5  # pixels
COLOR = (230, 159, 0)


def key_image(volume: Volume, window: Window, point: Point) -> NDArray[np.uint8]:
    """Pixels [SIDE, SIDE, 3] of the plane z = point's, LPS mm: the patient's left at the right, the front on top.

    As wide as the image is at its widest; each pixel is the nearest voxel, and black outside of the image.
    """
    grid, place = volume.grid, np.array(point)
    corners = grid.corners
    middle, reach = (corners.max(0) + corners.min(0)) / 2, float(np.ptp(corners, axis=0)[:2].max()) / 2
    steps = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1) * reach
    x, y = np.meshgrid(middle[0] + steps, middle[1] + steps)
    index = np.rint(grid.to_index(np.stack([x, y, np.full_like(x, place[2])], -1))).astype(int)
    inside = np.asarray(((index >= 0) & (index < grid.shape)).all(-1), bool)
    k, j, i = np.where(inside[..., None], index, 0).reshape(-1, 3).T
    values = volume.array[k, j, i].reshape(SIDE, SIDE, -1) * volume.slope + volume.intercept
    grey = values if volume.color else (values - window.lower) / window.width * 255
    pixels = np.where(inside[..., None], np.clip(grey, 0, 255), 0).astype(np.uint8)
    pixels = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
    distance = np.hypot(x - place[0], y - place[1]) / (2 * reach) * SIDE
    pixels[np.abs(distance - RING) < WIDTH] = COLOR
    return np.ascontiguousarray(pixels[..., :3])
