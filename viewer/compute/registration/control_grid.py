"""Coarse grids that carry smooth fields: control points of warps and splines."""

from __future__ import annotations

import numpy as np

from viewer.data.grid import Grid


def control_grid(grid: Grid, spacing: float, margin: float) -> Grid:
    """A coarser grid along the same axes, `spacing` mm, that reaches at least `margin` mm beyond the given one."""
    counts = np.ceil((np.array(grid.shape) * grid.spacing + 2 * margin) / spacing).astype(int) + 1
    shape = (int(counts[0]), int(counts[1]), int(counts[2]))
    origin = grid.centre - grid.axes @ ((counts - 1) / 2 * spacing)
    return Grid.of(shape, (spacing,) * 3, origin, grid.direction, grid.frame_of_reference)
