"""What the network sees of an image: the patient's own axes, voxels of 2 mm, values from 0 to about 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.api import Grid

Floats = NDArray[np.float32]
Box = tuple[slice, slice, slice]
SPACING = 2  # mm
SIDE = 96  # voxels of the cube in which the structures are told apart, each way: it holds any brain
MULTIPLE = 16  # of the sides of what the network is given


def head_grid(grid: Grid) -> Grid:
    """Voxels of 1 mm along the patient's axes (k to the head, j to the back, i to the left) over all of a grid.

    Its first voxel lies on the grid's first along each axis; its sides hold the cube, and whole voxels of the network.
    """
    centres = grid.to_world(np.array([(k, j, i) for k in (0, -1) for j in (0, -1) for i in (0, -1)]) % grid.shape)
    low, high = centres.min(0), centres.max(0)
    step = SPACING * MULTIPLE
    i, j, k = (max(SIDE * SPACING, -(-int(np.ceil(mm + 1)) // step) * step) for mm in high - low)
    return Grid.of((k, j, i), origin=low, frame_of_reference=grid.frame_of_reference)


def shown_box(image: NDArray[Any]) -> Box:
    """What an image [k, j, i] shows: without the slices of one value at its ends, with which it was filled up."""

    def side(axis: int) -> slice:
        slices = np.moveaxis(image, axis, 0)
        ends = (range(len(slices)), reversed(range(len(slices))))
        first, last = (next((n for n in end if slices[n].min() < slices[n].max()), 0) for end in ends)
        return slice(first, last + 1)

    return side(0), side(1), side(2)


def coarse_grid(fine: Grid) -> Grid:
    """Of what halve makes of an image on a grid of 1 mm."""
    k, j, i = (n // SPACING for n in fine.shape)
    middle = fine.to_world([(SPACING - 1) / 2] * 3)
    return Grid.of((k, j, i), (SPACING,) * 3, middle, fine.direction, fine.frame_of_reference)


def halve(fine: Floats) -> Floats:
    """The means of blocks of 2×2×2 voxels: 1 mm to 2 mm."""
    k, j, i = (n // SPACING for n in fine.shape)
    blocks = fine.reshape(k, SPACING, j, SPACING, i, SPACING)
    return np.asarray(blocks.mean((1, 3, 5), dtype=np.float32))


@dataclass(frozen=True)
class GreyScale:
    """Grey values to what the network sees: 0 at the first percentile of what is above the lowest, 1 at the 99.5th."""

    low: float
    high: float

    @classmethod
    def of(cls, image: Floats) -> GreyScale:
        """By the values of an image; 0 is 0 where they are all one."""
        inside = image[image > image.min()]
        if not inside.size:
            return cls(float(image.min()), np.inf)
        low, high = np.percentile(inside[:: max(1, inside.size // 200_000)], (1, 99.5))
        return cls(float(low), float(max(high, low + 1e-6)))

    def __call__(self, image: Floats) -> Floats:
        """Clipped a little beyond 1."""
        scaled = (image - np.float32(self.low)) / np.float32(self.high - self.low)
        return np.asarray(np.clip(scaled, 0, 1.2), np.float32)


def normalize(image: Floats) -> Floats:
    """By its own grey scale."""
    return GreyScale.of(image)(image)
