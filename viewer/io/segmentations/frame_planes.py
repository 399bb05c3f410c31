"""Frames of a segmentation on the voxels of a grid: each fills the voxels that it lies on, and no others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.grid import Grid
from viewer.io.dicom.series.stack import neighbour_distance, normal_of
from viewer.io.errors import OpenError

if TYPE_CHECKING:
    from viewer.data.arrays import Floats

Whole = NDArray[np.signedinteger[Any]]

LEAN = 0.2  # voxels that a pixel may drift from its voxel over a whole plane
BESIDE = 0.05  # voxels that a pixel may lie beside its voxel without a word
HALF = 0.48  # of the distance between slices: so far beside a slice a place is as near to the next
UNEVEN = 0.05  # of the distance between planes that a gap may differ from a multiple of it
PARALLEL = 1e-3  # of a direction cosine
FINEST = 8  # parts of the smallest gap between planes that a step may be, where none is told
THINNEST = 4096  # the same, where one is told
REACH = 4000.0  # mm between the first and the last plane
EMPTY = 1 << 28  # voxels that no plane fills, and as many times those of the planes as below
EMPTY_EACH = 64


@dataclass(frozen=True, eq=False)
class Planes:
    """The planes that frames lie in.

    starts: centres of first pixels [n, 3]. down, across: from a pixel to that of the next row, of the next column
    [n, 3]; LPS mm. size: rows, columns. between, thickness: mm as told, 0 where they are not.
    """

    starts: Floats
    down: Floats
    across: Floats
    size: tuple[int, int]
    between: float = 0.0
    thickness: float = 0.0


@dataclass(frozen=True, eq=False)
class Fit:
    """Which voxels of a grid the pixels of planes are. starts: of first pixels [n, 3]. down, across: unit steps [n, 3].

    beside: voxels that a pixel lies beside its voxel at most.
    """

    grid: Grid
    planes: Planes
    starts: Whole
    down: Whole
    across: Whole
    beside: float

    @property
    def ends(self) -> Whole:
        """The voxels of first and last pixels [2, n, 3]."""
        rows, columns = self.planes.size
        return np.stack([self.starts, self.starts + self.down * (rows - 1) + self.across * (columns - 1)])

    @property
    def normals(self) -> Whole:
        """The array axis that each plane is a slice of [n]."""
        return np.asarray((np.abs(self.down) + np.abs(self.across)).argmin(axis=1))

    def badges(self) -> tuple[str, ...]:
        """What a reader must know of how the planes came onto the slices."""
        normals = self.normals
        slices = np.unique(np.stack([normals, self.starts[np.arange(len(normals)), normals]]), axis=1)
        step = float(self.grid.spacing[normals[0]])
        told = self.planes.between or self.planes.thickness
        badges = []
        if self.beside > BESIDE:
            badges.append(f"frames lie up to {self.beside:.2g} voxels beside the voxels that they fill")
        if slices.shape[1] < len(normals):
            badges.append("frames that lie between two slices are joined")
        apart = np.diff(slices[1])[np.diff(slices[0]) == 0]
        if told and (told < step / 1.5 or (told > 1.5 * step and (not len(apart) or apart.min() > 1))):
            badges.append(f"frames of {told:.3g} mm fill one slice of {step:.3g} mm each")
        return tuple(badges)


def nearest(places: Floats, count: int) -> Whole:
    """Of `count` slices those nearest to places along their axis [n]; others where a place is beside them all.

    Where all lie beside their slices by the same part, as half of it, neighbours stay neighbours.
    """
    mean = np.exp(2j * np.pi * places).mean()
    share = float(np.angle(mean)) / (2 * np.pi) if abs(mean) > 0.9 else 0.0
    ways = [share] if abs(share) < HALF else [0.5, -0.5]
    found = [np.floor(np.round(places - way, 6) + 0.5).astype(np.int64) for way in ways]
    slices = next((one for one in found if one.min() >= 0 and one.max() < count), found[0])
    edge = np.clip(slices, 0, count - 1)
    return np.asarray(np.where(np.abs(places - edge) <= 0.5 + 1e-6, edge, slices))


def fit(planes: Planes, grid: Grid) -> Fit | None:
    """Which voxels the pixels of planes are; None where they differ in size or direction: then one fills no other."""
    index = grid.inverse[:3, :3]
    steps = [planes.down @ index.T, planes.across @ index.T]
    turns = [np.rint(one).astype(np.int64) for one in steps]
    plain = [(np.abs(one).sum(axis=1) == 1).all() for one in turns]
    if not all(plain) or np.abs(turns[0] * turns[1]).any():
        return None
    spans = np.array(planes.size) - 1
    drift = sum(np.abs(step - turn) * span for step, turn, span in zip(steps, turns, spans, strict=True))
    if np.max(drift) > LEAN:
        return None
    middle = sum((step - turn) * span / 2 for step, turn, span in zip(steps, turns, spans, strict=True))
    places = grid.to_index(planes.starts) + middle
    starts = np.floor(np.round(places, 6) + 0.5).astype(np.int64)
    normals = (np.abs(turns[0]) + np.abs(turns[1])).argmin(axis=1)
    for axis in np.unique(normals):
        of = normals == axis
        starts[of, axis] = nearest(places[of, axis], grid.shape[axis])
    beside = float((np.abs(places - starts) + np.asarray(drift) / 2).max())
    return Fit(grid, planes, starts, turns[0], turns[1], beside)


def own_fit(planes: Planes, frame_of_reference: str) -> tuple[Fit, tuple[str, ...]]:
    """Planes on a grid of their own through all of them, and the badges of it. Raises OpenError, one sentence."""
    down, across = planes.down[0], planes.across[0]
    normal = normal_of((*across / np.linalg.norm(across), *down / np.linalg.norm(down)))
    tilt = [np.abs(one @ normal) / np.linalg.norm(one, axis=1) for one in (planes.down, planes.across)]
    if np.max(tilt) > PARALLEL:
        raise OpenError("Its frames lie in several directions, which one grid cannot hold: open its image first.")
    depth = planes.starts @ normal
    step, uneven = _step(np.unique(np.round(depth, 3)), planes)
    lowest = int(depth.argmin())
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([normal * step, down, across])
    affine[:3, 3] = planes.starts[lowest]
    found = fit(planes, Grid((1, 1, 1), affine, frame_of_reference))
    if found is None:
        raise OpenError("Its frames differ in the size of their pixels, which one grid cannot hold.")
    low, high = found.ends.min(axis=(0, 1)), found.ends.max(axis=(0, 1))
    shape = tuple(int(n) for n in high - low + 1)
    held = len(depth) * float(np.prod(planes.size))
    if np.ptp(depth) > REACH or np.prod(shape, dtype=float) > EMPTY + EMPTY_EACH * held:
        raise OpenError(f"Its planes lie {np.ptp(planes.starts, axis=0).max() / 1000:.3g} m apart: it is damaged.")
    grid = found.grid.crop((int(low[0]), int(low[1]), int(low[2])), (shape[0], shape[1], shape[2]))
    badges = ("frames unevenly spaced",) if uneven else ()
    return replace(found, grid=grid, starts=found.starts - low), badges


def _step(levels: Floats, planes: Planes) -> tuple[float, bool]:
    """Distance of slices, mm, in a grid through planes at these levels, and whether no step leads to all of them.

    Empty frames may have been left out, so the planes need not be neighbours.
    """
    gaps = np.diff(levels)
    if not len(gaps):
        return planes.between or planes.thickness or 1.0, False
    least = float(gaps.min())
    known = [told for told in (planes.between, planes.thickness) if least / THINNEST < told < least * (1 + UNEVEN)]
    for step in (*known, *(least / parts for parts in range(1, FINEST))):
        counts = np.rint(gaps / step)
        if (np.abs(gaps - counts * step) <= UNEVEN * step).all():
            return float((levels[-1] - levels[0]) / counts.sum()), False
    typical = neighbour_distance(gaps)
    places = np.floor((levels - levels[0]) / typical + 0.5)
    return (typical if len(np.unique(places)) == len(levels) else least), True


def fill_grid(found: Fit, arrays: tuple[NDArray[Any], ...]) -> tuple[tuple[NDArray[Any], ...], bool, bool]:
    """Values of planes [n, rows, columns] as voxels [k, j, i].

    And whether some that are not 0 lie outside of the grid, and whether some meet others (then the last is kept).
    """
    grid, count = found.grid, len(found.starts)
    if grid.shape == (count, *found.planes.size) and _is_identity(found):
        return arrays, False, False
    volumes = tuple(np.zeros(grid.shape, array.dtype) for array in arrays)
    lost = met = False
    for n in range(count):
        voxels, inside = _voxels_of(found, n)
        for array, whole in zip(arrays, volumes, strict=True):
            part = array[n][inside]
            lost |= bool(part.shape != array[n].shape and np.count_nonzero(part) < np.count_nonzero(array[n]))
            view = whole[voxels] if found.across[n].nonzero()[0] > found.down[n].nonzero()[0] else whole[voxels].T
            there = part != 0
            met |= bool((view[there] * (view[there] != part[there])).any())
            np.copyto(view, part, where=there)
    return volumes, lost, met


def _is_identity(found: Fit) -> bool:
    """Whether the planes are the slices, pixel for pixel."""
    order = np.array([(n, 0, 0) for n in range(len(found.starts))])
    straight = (found.down == (0, 1, 0)).all() and (found.across == (0, 0, 1)).all()
    return bool(straight and np.array_equal(found.starts, order))


def _voxels_of(found: Fit, n: int) -> tuple[tuple[Any, ...], tuple[slice, slice]]:
    """The voxels of plane n, and which of its rows and columns lie in the grid."""
    voxels: list[Any] = [int(at) for at in found.starts[n]]
    inside = []
    for steps, size in zip((found.down[n], found.across[n]), found.planes.size, strict=True):
        axis = int(np.abs(steps).argmax())
        sign, start, length = int(steps[axis]), voxels[axis], found.grid.shape[axis]
        first, last = (-start, length - start) if sign > 0 else (start - length + 1, start + 1)
        first, last = max(first, 0), max(min(last, size), max(first, 0))
        stop = start + sign * last
        voxels[axis] = slice(start + sign * first, stop if stop >= 0 else None, sign)
        if first == last:
            voxels[axis] = slice(0, 0)
        inside.append(slice(first, last))
    normal = int(found.normals[n])
    if not 0 <= voxels[normal] < found.grid.shape[normal]:
        return (slice(0, 0), slice(0, 0), 0), (slice(0, 0), slice(0, 0))
    return tuple(voxels), (inside[0], inside[1])
