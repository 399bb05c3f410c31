"""Linear interpolation along the axes of an array: of a whole image, and of slices of a result as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.data.arrays import Floats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats32

Coordinates = Floats  # along one axis of an array, in voxels
ROOM = 64 << 20  # bytes of finished slices in one go


def linear_weights(
    coordinates: Coordinates, length: int, nearest: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats32]:
    """For each coordinate (in voxels; beyond an end: that end) its two neighbours and the weight of the second."""
    at = np.clip(coordinates, 0, length - 1)
    if nearest:
        low = np.floor(at + 0.5).astype(np.intp).clip(0, length - 1)
        return low, low, np.zeros(len(at), np.float32)
    low = np.floor(at).astype(np.intp)
    return low, np.minimum(low + 1, length - 1), (at - low).astype(np.float32)


def interpolate_axis(array: Floats32, axis: int, coordinates: Coordinates, nearest: bool = False) -> Floats32:
    """The array at other places of one axis, linearly, or at the nearest voxels."""
    if is_identity(coordinates, array.shape[axis]):
        return array
    low, high, weight = linear_weights(coordinates, array.shape[axis], nearest)
    return _mixed(array, axis, low, high, weight)


def is_identity(coordinates: Coordinates, length: int) -> bool:
    """True where the places are the voxels themselves."""
    return len(coordinates) == length and bool(np.abs(coordinates - np.arange(length)).max() < 1e-6)


def _mixed(array: Floats32, axis: int, low: NDArray[np.intp], high: NDArray[np.intp], weight: Floats32) -> Floats32:
    mixed = array.take(low, axis)
    if not weight.any():
        return mixed
    shape = [len(weight) if n == axis else 1 for n in range(array.ndim)]
    mixed += (array.take(high, axis) - mixed) * weight.reshape(shape)
    return mixed


class SliceInterpolator:
    """Takes slices [c, k, j, i] of a result in order, and gives on those of a finer or coarser grid as they are known.

    coordinates: by axis, the places of the new grid in voxels of the given one. No more is held than a few slices.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        coordinates: tuple[Coordinates, ...],
        nearest: tuple[bool, ...],
        give: Callable[[slice, Floats32], None],
    ) -> None:
        self._coordinates, self._nearest, self._give = coordinates, nearest, give
        self._low, self._high, self._weight = linear_weights(coordinates[0], shape[0], nearest[0])
        self._first = self._done = 0  # the first slice that is held; how many of the new grid were given on
        self._held: Floats32 | None = None

    def take(self, slices: slice, slab: Floats32) -> None:
        """The next slices; `slab` is not kept."""
        held = slab if self._held is None else np.concatenate([self._held, slab], 1)
        ready = int(np.searchsorted(self._high, slices.stop))
        plane = len(slab) * len(self._coordinates[1]) * len(self._coordinates[2]) * slab.itemsize
        step = max(1, ROOM // plane)
        for start in range(self._done, ready, step):
            self._pass_on(slice(start, min(start + step, ready)), held)
        self._done = ready
        wanted = int(self._low[ready]) if ready < len(self._low) else slices.stop
        self._held = held[:, min(wanted - self._first, held.shape[1]) :].copy()
        self._first = slices.stop - self._held.shape[1]

    def _pass_on(self, part: slice, held: Floats32) -> None:
        low, high = self._low[part] - self._first, self._high[part] - self._first
        rows = _mixed(held, 1, low, high, self._weight[part])
        for axis in (1, 2):
            rows = interpolate_axis(rows, axis + 1, self._coordinates[axis], self._nearest[axis])
        self._give(part, rows)
