"""A segmentation on the grid of the image that it labels, where their voxels are the same: nothing is resampled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.grid import Grid
    from viewer.data.segmentation import Segmentation

BESIDE = 0.01  # voxels


def different_frames(one: Grid, other: Grid) -> bool:
    """Whether both name their frames of reference, and these differ: places in them mean nothing to each other."""
    return bool(
        one.frame_of_reference and other.frame_of_reference and one.frame_of_reference != other.frame_of_reference
    )


def fitted(segmentation: Segmentation, grid: Grid) -> Segmentation | None:
    """The same labels in the whole grid, turned and flipped as it needs; None where voxels do not coincide or lie out.

    Files leave out empty slices, and the axes of their grids may point the other way.
    """
    own = segmentation.grid
    if different_frames(own, grid):
        return None
    steps = grid.inverse[:3, :3] @ own.affine[:3, :3]
    turn = np.rint(steps).astype(int)
    if not (np.abs(turn).sum(axis=0) == 1).all() or not (np.abs(turn).sum(axis=1) == 1).all():
        return None
    ends = grid.to_index(own.to_world(np.array([(0, 0, 0), own.shape]) - [[0], [1]]))
    whole = np.rint(ends).astype(int)
    low, high = whole.min(axis=0), whole.max(axis=0)
    if np.abs(ends - whole).max() > BESIDE or low.min() < 0 or (high >= grid.shape).any():
        return None
    if np.abs((steps - turn) * (np.array(own.shape) - 1)).max() > BESIDE:
        return None
    box = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))

    def put(array: NDArray[Any]) -> NDArray[Any]:
        turned = array.transpose(np.abs(turn).argmax(axis=1))
        flips = tuple(slice(None, None, -1 if row.sum() < 0 else 1) for row in turn)
        made = np.zeros(grid.shape, array.dtype)
        made[box] = turned[flips]
        return made

    first, *others = (put(array) for array in segmentation.maps)
    return replace(segmentation, array=first, overlapping=tuple(others), grid=grid)
