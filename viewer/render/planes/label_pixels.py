"""Labels as a picture of the screen: sampled pixel by pixel, filled and outlined. No drawing, numpy alone.

Outlines stay one pixel wide at any zoom, and a slice costs what its pixels cost, however large the volume is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.data.grid import Grid
    from viewer.data.transform import Transform
    from viewer.render.planes.plane import Pose

Picture = NDArray[np.uint8]  # [row, column, RGBA]
DASH = 5  # pixels of a dash, and of the gap after it


def sampled(array: NDArray[Any], grid: Grid, pose: Pose, transform: Transform | None = None) -> NDArray[Any]:
    """The label under each pixel of a pose: [height, width]; 0 where no voxel is.

    array: labels [k, j, i] on `grid`. transform: from the world that the pose is in to the space of the grid.
    """
    plane, (across, along) = pose.plane, np.ogrid[0.5 : pose.width, 0.5 : pose.height]
    across, along = across.reshape(1, -1), along.reshape(-1, 1)
    if transform is not None and transform.displacement is not None:
        start = pose.world(0, 0)
        points = start + pose.scale * (across[..., None] * plane.right + along[..., None] * plane.down)
        places = list(np.moveaxis(grid.to_index(transform(points)), -1, 0))
    else:
        grid = transform.placed(grid) if transform else grid
        places = list(_places(grid, pose, across, along))
    index = [np.floor(place + 0.5).astype(np.intp) for place in places]
    inside = np.ones((1, 1), bool)
    for at, size in zip(index, array.shape, strict=True):
        inside = inside & (at >= 0) & (at < size)
    found = array[tuple(np.clip(at, 0, size - 1) for at, size in zip(index, array.shape, strict=True))]
    labels: NDArray[Any] = np.where(np.broadcast_to(inside, (pose.height, pose.width)), found, array.dtype.type(0))
    return labels


def _places(grid: Grid, pose: Pose, across: NDArray[Any], along: NDArray[Any]) -> Iterable[NDArray[Any]]:
    """The index along k, j and i of every pixel; one row or column where it is the same for all rows or columns."""
    start = grid.to_index(pose.world(0, 0))
    right, down = (grid.inverse[:3, :3] @ (pose.scale * axis) for axis in (pose.plane.right, pose.plane.down))
    for axis in range(3):
        place = np.full((1, 1), start[axis])
        if abs(right[axis]) * pose.width > 1e-3:
            place = place + right[axis] * across
        if abs(down[axis]) * pose.height > 1e-3:
            place = place + down[axis] * along
        yield place


def picture(labels: NDArray[Any], fills: Picture, lines: Picture, *, bold: int = 0, dashed: bool = False) -> Picture:
    """Labels [row, column] in colours: inside `fills`, along every border `lines` (RGBA [label, 4]).

    bold: a label whose outline is twice as wide; 0 for none. dashed: outlines are (nobody has reviewed them).
    """
    rim = _borders(labels)
    if bold:
        wide = rim.copy()
        wide[1:] |= rim[:-1]
        wide[:-1] |= rim[1:]
        wide[:, 1:] |= rim[:, :-1]
        wide[:, :-1] |= rim[:, 1:]
        rim |= wide & (labels == bold)
    if dashed:
        rows, columns = (np.arange(size) // DASH % 2 == 0 for size in labels.shape)
        rim &= rows[:, None] ^ columns
    inner, outer = (table.view(np.uint32)[:, 0] for table in (fills, lines))
    colours: Picture = np.where(rim, outer[labels], inner[labels]).view(np.uint8)
    return colours.reshape(*labels.shape, 4)


def _borders(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """The pixels beside one of another label."""
    rim = np.zeros(labels.shape, bool)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = labels[one] != labels[other]
        rim[one] |= differ
        rim[other] |= differ
    return rim


def over(below: Picture, above: Picture) -> Picture:
    """One picture over another (Porter and Duff 1984)."""
    both = (below[..., 3] > 0) & (above[..., 3] > 0)
    out = np.where(above[..., 3:] > 0, above, below)
    top, low = above[both].astype(np.float32) / 255, below[both].astype(np.float32) / 255
    cover = top[:, 3:] + low[:, 3:] * (1 - top[:, 3:])
    mixed = (top[:, :3] * top[:, 3:] + low[:, :3] * low[:, 3:] * (1 - top[:, 3:])) / cover
    out[both] = np.rint(255 * np.concatenate([mixed, cover], 1)).astype(np.uint8)
    return out
