"""The contours of a structure set (PS3.3 C.8.8.6), and how they are drawn on the planes of a grid."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.io.segmentations.frame_planes import nearest
from viewer.io.segmentations.rtstruct.contour_fill import Ring, fill_rings
from viewer.io.segmentations.rtstruct.contour_stack import Stack, area_of, stacks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from viewer.data.arrays import Mask, Points
    from viewer.data.grid import Grid


CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
FLAT = 1.0  # voxels that a contour may reach along the axis that it is a slice of
INCLINED = 0.2  # mm for each mm in its slice that it may rise so
ROUNDED = 0.02  # voxels that it may rise whatever its size
ONE = 0.1  # slices between two contours that are drawn as of one plane
BESIDE = 0.05  # slices that a contour may lie beside its slice without a word
SHARP = 4  # digits of a voxel: what files round to must not move a voxel from in to out


class Contour(NamedTuple):
    """A contour of a structure set. points: LPS mm [n, 3]. is_xor: CLOSEDPLANAR_XOR."""

    points: Points
    is_xor: bool


@dataclass(frozen=True, eq=False)
class Region:
    """The closed contours of one ROI. left_out: how many were, by why."""

    rings: Sequence[Contour] = ()
    color: Sequence[str] = ()
    left_out: Counter[str] = field(default_factory=Counter)


def regions_of(ds: Dataset) -> dict[int, Region]:
    """The closed contours of each ROI, by its number."""
    found: dict[int, Region] = {}
    for item in ds.get("ROIContourSequence") or ():
        number, region = int(item.ReferencedROINumber), _region(item)
        if before := found.get(number):
            region = Region((*before.rings, *region.rings), before.color, before.left_out + region.left_out)
        found[number] = region
    return found


def _region(item: Dataset) -> Region:
    rings, left_out = [], Counter[str]()
    for one in item.get("ContourSequence") or ():
        data = np.array(one.get("ContourData") or (), float).ravel()
        kind = str(one.get("ContourGeometricType", "") or "of no type")
        if not len(data):
            left_out["empty"] += 1
        elif kind not in CLOSED:
            left_out["of points" if kind == "POINT" else "open"] += 1
        elif len(data) % 3 or not np.isfinite(data).all():
            left_out["damaged"] += 1
        elif len(data) < 9:
            left_out["of one or two points"] += 1
        else:
            rings.append(Contour(data.reshape(-1, 3), kind == CLOSED[1]))
    return Region(rings, item.get("ROIDisplayColor") or (), left_out)


def without_contours(region: Region) -> Region:
    """A region without its contours, which lie in another frame of reference than the others."""
    return Region((), region.color, region.left_out + Counter({"in another frame of reference": len(region.rings)}))


def encloses(grid: Grid, points: Points) -> bool:
    """Whether all points lie in the grid's voxels."""
    index = grid.to_index(points)
    return bool((index >= -0.5).all() and (index <= np.array(grid.shape) - 0.5).all())


def reaches(grid: Grid, ring: Points) -> bool:
    """Whether the box around a contour meets that of the grid's voxels."""
    index = grid.to_index(ring)
    return bool((index.max(axis=0) >= -0.5).all() and (index.min(axis=0) <= np.array(grid.shape) - 0.5).all())


def axis_of(grid: Grid, ring: Points) -> int | None:
    """The array axis that a contour is a slice of; None where it lies across all.

    It may leave its slice by little, and must not be inclined to it as those are whose planes are oblique to the image.
    """
    index = np.round(grid.to_index(ring), SHARP)
    normal = np.abs(area_of(index)) / grid.spacing  # along the axes of the grid, in mm
    axis = int(normal.argmax())
    reach = float(np.ptp(index[:, axis]))
    level = np.linalg.norm(np.delete(normal, axis)) <= INCLINED * normal[axis]
    return axis if reach <= (FLAT if level else ROUNDED) else None


class Drawing:
    """Regions on a grid. What had to be left out, moved or joined is counted for `badges`.

    Contours in the planes of voxels fill a slice each; those oblique to them are drawn in their own planes and sampled.
    """

    def __init__(self, grid: Grid, regions: Iterable[Region]) -> None:
        self._shape, (self.grid, self._order, self._ways) = grid.shape, _upright(grid)
        self.left_out, self.twice, self.joined, self.crossing, self.beside, self.apart = (
            Counter[str](),
            0,
            0,
            0,
            0.0,
            False,
        )
        self.oblique = 0
        places: dict[int, list[float]] = {}
        across: list[Points] = []
        for region in regions:
            self.left_out += region.left_out
            for ring in region.rings:
                axis = axis_of(self.grid, ring.points)
                if axis is None:
                    across.append(ring.points)
                else:
                    places.setdefault(axis, []).append(float(self.grid.to_index(ring.points)[:, axis].mean()))
        self._planes = {axis: _planes(np.array(found), self.grid.shape[axis]) for axis, found in places.items()}
        self._stacks = stacks_of(self.grid, across)

    def mask(self, region: Region) -> Mask:
        """The voxels [k, j, i] inside a region."""
        whole = np.zeros(self._shape, np.bool_)
        mask = whole.transpose(self._order)[self._ways]
        drawn: dict[int, set[int]] = {}
        flat, across = self._by_plane(region)
        for (axis, plane), rings in flat.items():
            view, slices = np.moveaxis(mask, axis, 0), drawn.setdefault(axis, set())
            k = int(self._planes[axis][1][plane])
            found = fill_rings(rings, (view.shape[1], view.shape[2]))
            self.twice += found.twice
            self.crossing += found.crossing
            self.left_out["smaller than a voxel"] += found.empty
            if found.empty == len(rings):
                continue
            self.joined += k in slices
            view[k] |= found.mask
            slices.add(k)
        gaps = [np.diff(sorted(slices)) for slices in drawn.values() if len(slices) > 1]
        self.apart |= any(gap.min() > 1 for gap in gaps)
        self._draw_oblique(mask, across)
        return whole

    def _draw_oblique(self, mask: Mask, across: Sequence[Contour]) -> None:
        rings: dict[Stack, list[Ring]] = {}
        for points, is_xor in across:
            stack = next((one for one in self._stacks if one.holds(points)), None)
            if stack is None:
                self.left_out["in no plane"] += 1
            elif reaches(self.grid, points):
                rings.setdefault(stack, []).append(Ring(points, is_xor))
                self.left_out["partly outside of the image"] += not encloses(self.grid, points)
            else:
                self.left_out["outside of the image"] += 1
        for stack, own in rings.items():
            drawn = stack.draw(mask, own)
            self.oblique += len(own)
            self.twice += drawn.twice
            self.left_out["smaller than a voxel"] += drawn.empty
            self.crossing += drawn.crossing
            self.apart |= drawn.apart or len(rings) > 1  # nothing lies between planes of several directions

    def _by_plane(self, region: Region) -> tuple[dict[tuple[int, int], list[Ring]], list[Contour]]:
        """Its contours in planes of voxels as rows and columns, by axis and plane, and those across all axes.

        Those outside of the grid are counted.
        """
        found: dict[tuple[int, int], list[Ring]] = {}
        across = []
        for points, is_xor in region.rings:
            index, axis = np.round(self.grid.to_index(points), SHARP), axis_of(self.grid, points)
            if axis is None:
                across.append(Contour(points, is_xor))
                continue
            place = float(index[:, axis].mean())
            levels, slices = self._planes[axis]
            plane = int(np.abs(levels - place).argmin())
            flat = np.delete(index, axis, axis=1)
            size = np.delete(self.grid.shape, axis)
            reach = (flat.max(axis=0) < 0) | (flat.min(axis=0) > size - 1)
            if not 0 <= slices[plane] < self.grid.shape[axis] or reach.any():
                self.left_out["outside of the image"] += 1
                continue
            self.left_out["partly outside of the image"] += bool((flat < -0.5).any() or (flat > size - 0.5).any())
            self.beside = max(self.beside, abs(place - float(slices[plane])))
            found.setdefault((axis, plane), []).append(Ring(flat, is_xor))
        return found, across

    def badges(self) -> tuple[str, ...]:
        """What a reader must know of the contours: how many were left out, moved or joined, and why."""
        badges = []
        if left_out := +self.left_out:
            badges.append(
                f"contours left out: {', '.join(f'{count} {why}' for why, count in sorted(left_out.items()))}"
            )
        if self.twice:
            badges.append(f"contours stored twice: {self.twice}")
        if self.crossing:
            badges.append("contours that cross are joined")
        if self.joined:
            badges.append("contours that lie between two slices are joined")
        if self.beside > BESIDE:
            badges.append(f"contours lie up to {self.beside:.2g} slices beside the slices they are drawn on")
        if self.apart:
            badges.append("slices between contours are empty")
        if self.oblique:
            badges.append(f"contours oblique to the slices are resampled: {self.oblique}")
        return tuple(badges)


def _upright(grid: Grid) -> tuple[Grid, tuple[int, ...], tuple[slice, ...]]:
    """The grid with its axes along z, y and x, as nearly as they are; their order in the array, and which way they run.

    A contour through the centres of voxels encloses those on two of its sides: on the same ones in any array.
    """
    order = grid.plane_axes[::-1]
    back = np.array([grid.axes[2 - n, axis] < 0 for n, axis in enumerate(order)])
    shape = np.array(grid.shape)[list(order)]
    affine = grid.affine.copy()
    affine[:3, :3] = grid.affine[:3, order] * np.where(back, -1, 1)
    affine[:3, 3] += grid.affine[:3, order] @ np.where(back, shape - 1, 0)
    turned = replace(grid, shape=(int(shape[0]), int(shape[1]), int(shape[2])), affine=affine)
    return turned, order, tuple(slice(None, None, -1 if one else 1) for one in back)


def _planes(places: Points, count: int) -> tuple[Points, NDArray[np.signedinteger]]:
    """Where the planes of contours lie, in slices, and which of `count` slices each is drawn on."""
    ordered = np.sort(places)
    parts = np.split(ordered, np.flatnonzero(np.diff(ordered) > ONE) + 1)
    levels = np.array([part.mean() for part in parts])
    return levels, nearest(levels, count)
