"""What an image holds in a drawn region: measured on its voxels, whatever the screen shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.box import Box, box_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.annotations.region import Region
    from viewer.data.grid import Grid
    from viewer.data.volume import Volume


@dataclass(frozen=True)
class RegionStatistics:
    """A region. mean, sd: in the image's unit; sd over n − 1, 0 for a single voxel. area: mm² of its widest slice.

    volume: mm³. Both are those of the voxels counted: a region that leaves the image counts what is inside.
    """

    voxels: int
    mean: float
    sd: float
    area: float
    volume: float


def measure(volume: Volume, region: Region) -> RegionStatistics | None:
    """Mean and standard deviation of the voxels whose centres lie in the region; None without any, or in colour."""
    box, inside = voxels_in(volume.grid, region)
    stored = volume.array[box][inside] if not volume.color else np.empty(0)
    values = stored[np.isfinite(stored)].astype(np.float64) * volume.slope + volume.intercept
    if not values.size:
        return None
    grid = volume.grid
    axis = int(np.abs(grid.axes.T @ region.normal).argmax())
    slices = inside.sum(axis=tuple(one for one in range(3) if one != axis))
    face = float(np.prod([mm for one, mm in enumerate(grid.spacing) if one != axis]))
    cell = float(abs(np.linalg.det(grid.affine[:3, :3])))
    sd = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return RegionStatistics(
        int(values.size), float(values.mean()), sd, int(slices.max()) * face, int(values.size) * cell
    )


def voxels_in(grid: Grid, region: Region) -> tuple[Box, NDArray[np.bool_]]:
    """The box of a grid around the region, and which of its voxels have their centre in it [k, j, i]."""
    index = grid.to_index(region.corners)
    first = np.clip(np.floor(index.min(axis=0)), 0, grid.shape).astype(int)
    last = np.clip(np.ceil(index.max(axis=0)) + 1, 0, grid.shape).astype(int)
    last = np.maximum(first, last)
    box = box_at(first.tolist(), (last - first).tolist())
    axes = np.meshgrid(*(np.arange(a, b) for a, b in zip(first, last, strict=True)), indexing="ij")
    return box, region.contains(grid.to_world(np.stack(axes, axis=-1)))
