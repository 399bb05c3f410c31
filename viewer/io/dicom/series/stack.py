"""Where a stack of slices lies: spacing along the normal, missing slices, uneven spacing, gantry tilt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.grid import Grid
from viewer.data.notice import Notice
from viewer.io.read_plan import Resampling

if TYPE_CHECKING:
    from viewer.data.arrays import Floats

ROUNDING = 0.051  # mm; positions written with one decimal are off by up to half of it
SHEAR = 0.002  # in-plane drift per mm along the normal that counts as tilt (0.1°)


@dataclass(frozen=True)
class Stack:
    """The geometry of the stored slices (`grid`), and how to make them regular where they are not."""

    grid: Grid
    resampling: Resampling | None = None
    notices: tuple[Notice, ...] = ()

    def without_sides(self) -> Stack:
        """The same where the positions are not those of a patient, so that no side is known."""
        grid = replace(self.grid, placed=False)
        loaded = self.resampling and replace(self.resampling, grid=replace(self.resampling.grid, placed=False))
        return Stack(grid, loaded, (*self.notices, NO_SIDES))


NO_SIDES = Notice(
    "no-sides",
    "The slices are placed against a transducer or a reference image, not in a patient: left and right are not known.",
)


def normal_of(orientation: tuple[float, ...]) -> Floats:
    """The direction slices rise in: row × column, so that (row, column, normal) is right-handed."""
    return np.cross(orientation[:3], orientation[3:])


def neighbour_distance(gaps: Floats) -> float:
    """The median distance of neighbours, the smaller of the two middle ones: a true distance, not one over a gap."""
    return float(np.sort(gaps)[(len(gaps) - 1) // 2])


def stack_of(
    positions: Floats,
    orientation: tuple[float, ...],
    pixel: tuple[float, float],
    size: tuple[int, int],
    thickness: float | None,
    frame_of_reference: str,
) -> Stack:
    """Place slices whose first pixels are centred at `positions` [slices, 3], rising along the normal.

    pixel: mm between rows, columns. size: rows, columns. thickness: the depth of a single slice, mm.
    """
    normal = normal_of(orientation)
    depth = (positions - positions[0]) @ normal
    spacing, notices, missing = _spacing(depth, thickness)
    grid = _grid(len(depth), size, (spacing, *pixel), positions[0], orientation, frame_of_reference)
    drift = (positions - positions[0]) - depth[:, None] * normal
    shifts = np.stack([drift @ np.array(orientation[3:]) / pixel[0], drift @ np.array(orientation[:3]) / pixel[1]], -1)
    reach = float(np.linalg.norm(drift, axis=1).max())
    tilted = len(depth) > 1 and reach > max(0.1 * min(pixel), SHEAR * depth[-1])
    if tilted:
        angle = math.degrees(math.atan2(float(np.linalg.norm(drift[-1])), float(depth[-1])))
        sentence = f"The slices are tilted by {angle:.1f}° against their stack (gantry tilt)"
        notices += (Notice("tilted", sentence, "tilted"),)
    if not any(notice.badge for notice in notices):
        return Stack(grid, None, _with_ending(notices, "."))
    target, shifts = _regular_grid(grid, depth, shifts * tilted)
    resampling = Resampling(target, depth, shifts, 1.5 * spacing if missing else math.inf)
    close = f"; the volume is resampled onto a regular grid of {target.spacing[0]:.4g} mm slices when it is loaded."
    return Stack(grid, resampling, _with_ending(notices, close))


def even_spacing(depth: Floats) -> float | None:
    """The distance of slices at rising depths, mm; None where they are not evenly spaced, rounding aside."""
    count = np.arange(len(depth)) - (len(depth) - 1) / 2
    even = float(count @ depth / (count @ count))  # of the regular positions closest to the stored ones
    off = np.abs(depth - depth.mean() - even * count).max()
    return even if off <= max(0.01 * even, min(ROUNDING, 0.1 * even)) else None


def whole_steps(gaps: Floats) -> Floats | None:
    """How many slices on each slice is, where some are only missing; None where the gaps are no multiples of one."""
    typical = neighbour_distance(gaps)
    steps = np.rint(gaps / typical)
    whole = (np.abs(gaps - steps * typical) <= np.maximum(0.05 * typical, 0.01 * gaps)).all() and steps.min() >= 1
    return steps if whole else None


def _with_ending(notices: tuple[Notice, ...], end: str) -> tuple[Notice, ...]:
    """The notices with the end of their sentences."""
    return tuple(notice._replace(sentence=notice.sentence + end) for notice in notices)


def _spacing(depth: Floats, thickness: float | None) -> tuple[float, tuple[Notice, ...], bool]:
    """Distance of neighbouring slices, what is wrong with it (sentences without end), and whether any miss."""
    if len(depth) == 1:
        if thickness is None or not 0 < thickness < 1000:
            return 1.0, (), False
        sentence = f"A single slice: its depth of {thickness:g} mm is the slice thickness"
        return thickness, (Notice("single-slice", sentence),), False
    even = even_spacing(depth)
    if even is not None:
        return even, (), False
    gaps = np.diff(depth)
    typical, steps = neighbour_distance(gaps), whole_steps(gaps)
    if steps is not None:
        places = [f"{k + 1} and {k + 2}" for k in np.flatnonzero(steps > 1)]
        lost = int(steps.sum()) - len(steps)
        where = ", ".join(places[:3]) + (" and elsewhere" if len(places) > 3 else "")
        noun = "slice is" if lost == 1 else "slices are"
        sentence = f"{lost} {noun} missing, between slices {where}, and left empty"
        return typical, (Notice("slices-missing", sentence, "slices missing"),), True
    sentence = f"The slices are unevenly spaced, {gaps.min():.4g} to {gaps.max():.4g} mm apart"
    return float(np.median(gaps)), (Notice("uneven-spacing", sentence, "uneven spacing"),), False


def _grid(
    slices: int,
    size: tuple[int, int],
    spacing: tuple[float, float, float],
    origin: Floats,
    orientation: tuple[float, ...],
    frame_of_reference: str,
) -> Grid:
    axes = np.stack([orientation[:3], orientation[3:], normal_of(orientation)], axis=1)
    return Grid.of((slices, *size), spacing, origin, axes, frame_of_reference)


def _regular_grid(grid: Grid, depth: Floats, shifts: Floats) -> tuple[Grid, Floats]:
    """The grid that holds all slices, widened in plane where they drift; the shifts counted from its first pixel."""
    low, high = np.floor(shifts.min(axis=0)), np.ceil(shifts.max(axis=0))
    slices = math.floor(depth[-1] / grid.spacing[0] + 0.5) + 1
    rows, columns = (int(n) for n in np.array(grid.shape[1:]) + high - low)
    return grid.crop((0, int(low[0]), int(low[1])), (slices, rows, columns)), shifts - low
