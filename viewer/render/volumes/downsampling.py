"""A smaller copy of a volume for 3-D, made in small steps so that the window stays awake.

Ray casting on the processor keeps a normal (2 bytes) and a gradient magnitude (1 byte) beside every voxel. At full
size an int16 CT would take 2.5 times its stored size; block means of 2 × 2 × 1 or more keep it within SHARE and take
the noise down as well. A volume that is small enough is not copied at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from viewer.data.volume import Volume

SHADING = 3  # bytes a voxel that shading on the processor keeps
SHARE = 0.58  # of the stored size, at most, for 3-D on the processor
SMALL = 12 << 20  # voxels that are never reduced: shading takes 36 MB at most
MOST_ON_PROCESSOR = 16 << 20  # voxels: what two cores turn at 15 frames a second
MOST_ON_CARD = 1 << 28  # voxels: half a gigabyte of 16-bit texture
NATIVE = (np.uint8, np.int8, np.uint16, np.int16)  # what the ray casters take as it is
LEVELS = 65535


@dataclass(frozen=True)
class Limits:
    """What a drawing method can hold: voxels along a side, and in all."""

    side: int
    voxels: int


def limits(volume: Volume, *, software: bool, side: int) -> Limits:
    """For a volume on the processor or on a card whose 3-D textures have at most `side` voxels along an edge."""
    if not software:
        return Limits(side, MOST_ON_CARD)
    if volume.array.size <= SMALL:
        return Limits(1 << 30, SMALL)
    copied = min(volume.array.dtype.itemsize, 2)
    share = int(volume.array.nbytes * SHARE / (copied + SHADING))
    return Limits(1 << 30, min(share, MOST_ON_PROCESSOR))


def factors(grid: Grid, limit: Limits) -> tuple[int, int, int]:
    """How many voxels along k, j, i become one: the finest direction gives way first."""
    out = np.ones(3, dtype=np.intp)
    while True:
        sizes = np.array(grid.shape) // out
        too_long = sizes > limit.side
        if not too_long.any() and prod(int(n) for n in sizes) <= limit.voxels:
            return int(out[0]), int(out[1]), int(out[2])
        can = too_long if too_long.any() else sizes > 1
        out[int(np.argmin(np.where(can, grid.spacing * out, np.inf)))] += 1


def reduced_grid(grid: Grid, by: tuple[int, int, int]) -> Grid:
    """The grid of the means of blocks of `by` voxels; what does not fill a block at the end is left out."""
    affine = grid.affine.copy()
    affine[:3, :3] *= by
    affine[:3, 3] = grid.to_world((np.array(by) - 1) / 2)
    shape = tuple(n // f for n, f in zip(grid.shape, by, strict=True))
    return Grid((shape[0], shape[1], shape[2]), affine, grid.frame_of_reference, grid.placed)


def reduce(volume: Volume, by: tuple[int, int, int]) -> Generator[None, None, Volume]:
    """Yields after every slice; returns the reduced volume.

    Types other than 8 and 16 bits become uint16 over their finite range (NaN becomes the lowest), with slope and
    intercept to match. The volume itself comes back where nothing has to change.
    """
    if by == (1, 1, 1) and volume.array.dtype.type in NATIVE:
        return volume
    grid = reduced_grid(volume.grid, by)
    native = volume.array.dtype.type in NATIVE
    low, step = 0.0, 1.0
    if not native:
        low, high = yield from _range(volume.array)
        step = max((high - low) / LEVELS, 1e-30)
    out = np.empty(grid.shape, volume.array.dtype if native else np.uint16)
    for k in range(grid.shape[0]):
        mean = _block_means(volume.array[k * by[0] : (k + 1) * by[0]], by, grid.shape)
        if not native:
            mean = np.nan_to_num((mean - low) / step, nan=0, posinf=LEVELS, neginf=0)
        out[k] = np.round(mean)
        yield
    slope, intercept = volume.slope * step, volume.intercept + volume.slope * low
    return replace(volume, array=out, grid=grid, slope=slope, intercept=intercept)


def _range(array: NDArray[Any]) -> Generator[None, None, tuple[float, float]]:
    """Yields after every slice; returns the least and the greatest finite value."""
    low, high = np.inf, -np.inf
    for picture in array:
        finite = picture[np.isfinite(picture)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        yield
    return (low, high) if low <= high else (0.0, 1.0)


def _block_means(slab: NDArray[Any], by: tuple[int, int, int], shape: tuple[int, int, int]) -> NDArray[Any]:
    """Mean over blocks of slab [by[0], j, i]: strided sums, several times as fast as numpy's mean of a reshape."""
    total = np.zeros(shape[1:], np.float32 if slab.dtype.itemsize < 4 else np.float64)
    for dk, dj, di in np.ndindex(*by):
        total += slab[dk, dj :: by[1], di :: by[2]][: shape[1], : shape[2]]
    return total / prod(by)
