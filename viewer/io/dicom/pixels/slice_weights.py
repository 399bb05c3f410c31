"""Which stored slices make a slice of the loaded volume: itself, or its neighbours where the stack is irregular."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from viewer.io.read_plan import Plan, Resampling

EXACT = 0.01  # of the spacing; a stored slice so close is taken as it is


def parts_of(plan: Plan, k: int) -> list[tuple[int, float]]:
    """(stored slice, weight) for loaded slice k, linear along the normal; nothing where no slice is near."""
    return [(k, 1.0)] if plan.resampling is None else _neighbours(plan.resampling, k)


def _neighbours(grid: Resampling, k: int) -> list[tuple[int, float]]:
    step = float(grid.grid.spacing[0])
    place, positions = k * step, grid.positions
    nearest = int(np.abs(positions - place).argmin())
    distance = abs(float(positions[nearest]) - place)
    if distance <= EXACT * step:
        return [(nearest, 1.0)]
    above = int(np.searchsorted(positions, place))
    if 0 < above < len(positions) and positions[above] - positions[above - 1] <= grid.bridge:
        weight = float((place - positions[above - 1]) / (positions[above] - positions[above - 1]))
        return [(above - 1, 1 - weight), (above, weight)]
    return [(nearest, 1.0)] if distance <= step / 2 else []
