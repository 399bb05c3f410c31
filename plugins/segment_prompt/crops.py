"""Crops of an image around a structure: cut out at the resolution that a method works at, and brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from viewer.api import Grid

Floats = NDArray[np.float32]
SIDE = 64  # voxels along the longest side of what a method sees
MULTIPLE = 8  # of its sides, which the network halves three times
SLAB = 32  # slices that are brought back at a time


@dataclass(frozen=True, eq=False)
class Crop:
    """A box of an image, low and high in its voxels with fractions (k, j, i), seen on a grid of cubes."""

    image: Grid
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def around(cls, image: Grid, low: NDArray[np.float64], high: NDArray[np.float64]) -> Crop:
        """As much of it as lies in the image."""
        ends = np.array(image.shape) - 1.0
        return cls(image, np.clip(low, 0, ends), np.clip(high, 0, ends))

    @property
    def pitch(self) -> float:
        """The mm between its voxels: the image's own finest, or what SIDE voxels along the longest side come to."""
        extent = (self.high - self.low + 1) * self.image.spacing
        return max(float(self.image.spacing.min()), float(extent.max()) / SIDE)

    @property
    def grid(self) -> Grid:
        """Of what a method sees: the box, and beyond it up to whole multiples."""
        extent = (self.high - self.low + 1) * self.image.spacing
        k, j, i = (MULTIPLE * max(1, int(np.ceil(mm / self.pitch / MULTIPLE - 1e-6))) for mm in extent)
        affine = self.image.affine.copy()
        affine[:3, :3] *= self.pitch / self.image.spacing
        middle = self.image.to_world((self.low + self.high) / 2)
        affine[:3, 3] = middle - affine[:3, :3] @ ((np.array((k, j, i)) - 1) / 2)
        return Grid((k, j, i), affine)

    def wider(self, mask: NDArray[np.bool_], factor: float) -> Crop | None:
        """The crop grown along the axes at whose ends the mask nearly arrives; None where none can or need be grown."""
        low, high, grown = self.low.copy(), self.high.copy(), False
        last = np.array(self.image.shape) - 1
        for axis in range(3):
            near = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
            first, behind = near.size and near[0] < 3, near.size and near[-1] >= mask.shape[axis] - 3
            more = (factor - 1) * (high[axis] - low[axis] + 1)
            if first and low[axis] > 0:
                low[axis], grown = low[axis] - more, True
            if behind and high[axis] < last[axis]:
                high[axis], grown = high[axis] + more, True
        return Crop.around(self.image, low, high) if grown else None

    def cut(self, array: NDArray[np.generic]) -> Floats:
        """An array of the image's grid on the crop's: linear, averaged where it gets coarser."""
        taken = [_taken(*line, size) for line, size in zip(self._lines(), array.shape, strict=True)]
        thin = array[tuple(part for part, _ in taken)]
        if not thin.any():
            return np.zeros(self.grid.shape, np.float32)
        return _weighted(np.asarray(thin, np.float32), [weights for _, weights in taken])

    def put_back(self, values: Floats) -> tuple[tuple[slice, slice, slice], NDArray[np.bool_]]:
        """The box of the image that the crop covers, and where probabilities, brought back linearly, exceed a half."""
        box = tuple(slice(int(np.ceil(a)), int(np.floor(b)) + 1) for a, b in zip(self.low, self.high, strict=True))
        mask = np.empty([side.stop - side.start for side in box], bool)
        weights = [
            _linear((np.arange(side.start, side.stop) - first) / step, count)
            for side, (first, step, count) in zip(box, self._lines(), strict=True)
        ]
        for start in range(0, len(mask), SLAB):
            part = slice(start, start + SLAB)
            mask[part] = _weighted(values, [weights[0][part], *weights[1:]]) > 0.5
        k, j, i = box
        return (k, j, i), mask

    def _lines(self) -> list[tuple[float, float, int]]:
        """Along each axis: the image's voxel of the first of its voxels, how many of the image's it steps, how many."""
        grid = self.grid
        start = self.image.to_index(grid.origin)
        steps = grid.spacing / self.image.spacing
        return [(float(start[a]), float(steps[a]), grid.shape[a]) for a in range(3)]


def _taken(first: float, step: float, count: int, size: int) -> tuple[slice, csr_array]:
    """Which voxels of an axis are looked at, and their weights [new, taken]: tents as wide as the coarser step.

    The ends go on as they are.
    """
    skip = max(1, int(step // 2))
    part = slice(max(0, int(first - step)), min(size, int(first + step * (count + 1)) + 2), skip)
    thin = len(range(*part.indices(size)))
    return part, _tents((first + step * np.arange(count) - part.start) / skip, thin, max(1.0, step / skip))


def _linear(places: NDArray[np.floating[Any]], count: int) -> csr_array:
    """Weights [place, voxel] of linear interpolation; beyond the ends their value goes on."""
    return _tents(places, count, 1.0)


def _tents(places: NDArray[np.floating[Any]], count: int, half_width: float) -> csr_array:
    gap = np.abs(np.clip(places, 0, count - 1)[:, None] - np.arange(count))
    weights = np.clip(1 - gap / half_width, 0, None)
    return csr_array((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _weighted(array: Floats, weights: Sequence[csr_array]) -> Floats:
    """An array with each of its axes weighted [new, old]."""
    for one in weights:  # the axis in front, which goes to the end of the line
        part = one @ array.reshape(len(array), -1)
        array = np.moveaxis(part.reshape(-1, *array.shape[1:]), 0, -1)
    return array
