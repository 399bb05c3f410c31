"""Labels on another grid from the slices of a result as they come: the greatest channel of what lies between voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.compute.loaders.preprocessing.resize import Coordinates, linear_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats32

    Indices = NDArray[np.intp]
    Numbers = NDArray[np.uint16]

POINTS = 1 << 15  # places that are mixed in one go


class LinearHead(NamedTuple):
    """The last layer of a network, a convolution of 1×1×1. weights: [classes, features]; bias: [classes].

    What it makes of a weighted mean of features is the weighted mean of what it makes of them (weights that sum to
    one): tiles can be blended, and voxels mixed, before it. Where there are more classes than features, that takes
    less memory and time.
    """

    weights: Floats32
    bias: Floats32

    def __call__(self, features: Floats32) -> Floats32:
        """[n, features] to [n, classes]."""
        return np.asarray(features @ self.weights.T + self.bias)


class LabelStream:
    """Takes slices [c, k, j, i] of a result in order, and gives on those of another grid's labels as they are known.

    A label is the number of the greatest channel, the first of equal ones, of what is mixed linearly from the voxels
    around; head: makes the channels of what is taken. A mixture of voxels that are all greatest in one channel is so,
    too: only where they differ is anything mixed, and no more is held than the slices around. coordinates, nearest: as
    for SliceInterpolator. heed: called before each slice; it may raise Cancelled.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        coordinates: tuple[Coordinates, ...],
        nearest: tuple[bool, ...],
        give: Callable[[slice, Numbers], None],
        heed: Callable[[], None],
    ) -> None:
        self._axes = [_neighbours(*axis) for axis in zip(coordinates, shape, nearest, strict=True)]
        self._give, self._heed = give, heed
        self._held: dict[int, tuple[Floats32, Numbers]] = {}  # by number of the slice: its values [j, i, c], its labels
        self._done = 0  # how many of the new grid were given on
        self.head: LinearHead | None = None

    def take(self, slices: slice, slab: Floats32) -> None:
        """The next slices; `slab` is not kept."""
        low, high, weights = self._axes[0]
        for k, values in zip(range(slices.start, slices.stop), slab.swapaxes(0, 1), strict=True):
            self._heed()
            last = np.ascontiguousarray(np.moveaxis(values, 0, -1))
            self._held[k] = last, self._labels(last.reshape(-1, last.shape[-1])).reshape(last.shape[:2])
        while self._done < len(low) and high[self._done] < slices.stop:
            self._heed()
            n = self._done
            self._give(slice(n, n + 1), self._between(int(low[n]), int(high[n]), weights[n])[None])
            self._done += 1
        first = low[self._done] if self._done < len(low) else slices.stop
        for k in [k for k in self._held if k < first]:
            del self._held[k]

    def _between(self, low: int, high: int, weight: np.float32) -> Numbers:
        """The labels [j, i] of the new grid between two slices."""
        (below, first), (above, second) = self._held[low], self._held[high]
        (top, bottom, down), (left, right, along) = self._axes[1:]
        labels = first[top][:, left]
        differ = np.zeros(labels.shape, bool)
        for plane in (first, second) if high > low else (first,):
            for lines in (plane[top], plane[bottom]):
                differ |= lines[:, left] != labels
                differ |= lines[:, right] != labels
        j, i = np.nonzero(differ)
        if len(j):
            values = _mix(below, above, weight) if high > low else below
            rows = _mix(values[top], values[bottom], down[:, None, None])
        for start in range(0, len(j), POINTS):
            row, column = j[start : start + POINTS], i[start : start + POINTS]
            mixed = _mix(rows[row, left[column]], rows[row, right[column]], along[column][:, None])
            labels[row, column] = self._labels(mixed)
        return labels

    def _labels(self, values: Floats32) -> Numbers:
        """[n, c] to [n]."""
        channels = self.head(values) if self.head else values
        return np.asarray(channels.argmax(1), np.uint16)


def _neighbours(coordinates: Coordinates, length: int, nearest: bool) -> tuple[Indices, Indices, Floats32]:
    """As linear_weights, but one voxel twice where the other one does not count."""
    low, high, weight = linear_weights(coordinates, length, nearest)
    return low, np.where(weight == 0, low, high), weight


def _mix(one: Floats32, other: Floats32, weight: Floats32 | np.float32) -> Floats32:
    return np.asarray(one + (other - one) * weight)
