"""The contours of a structure set (PS3.3 C.8.8.6), and how they are drawn on the planes of a grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from viewer.data.grid import Grid
from viewer.io.contour_fill import Ring, filled
from viewer.io.planes import nearest

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
FLAT = 1.0  # voxels that a contour may reach along the axis that it is a slice of
ONE = 0.1  # slices between two contours that are drawn as of one plane
BESIDE = 0.05  # slices that a contour may lie beside its slice without a word
SHARP = 4  # digits of a voxel: what files round to must not move a voxel from in to out


class Contour(NamedTuple):
    """points: LPS mm [n, 3]. turns: CLOSEDPLANAR_XOR."""

    points: Points
    turns: bool


@dataclass(frozen=True, eq=False)
class Region:
    """The closed contours of one ROI. left: how many were left out, by why."""

    rings: Sequence[Contour] = ()
    color: Sequence[str] = ()
    left: Counter[str] = field(default_factory=Counter)


def regions_of(ds: Dataset) -> dict[int, Region]:
    """By ROI number."""
    found: dict[int, Region] = {}
    for item in ds.get("ROIContourSequence") or ():
        number, region = int(item.ReferencedROINumber), _region(item)
        if before := found.get(number):
            region = Region((*before.rings, *region.rings), before.color, before.left + region.left)
        found[number] = region
    return found


def _region(item: Dataset) -> Region:
    rings, left = [], Counter[str]()
    for one in item.get("ContourSequence") or ():
        data = np.array(one.get("ContourData") or (), float).ravel()
        kind = str(one.get("ContourGeometricType", "") or "of no type")
        if not len(data):
            left["empty"] += 1
        elif kind not in CLOSED:
            left["of points" if kind == "POINT" else "open"] += 1
        elif len(data) % 3 or not np.isfinite(data).all():
            left["damaged"] += 1
        elif len(data) < 9:
            left["of one or two points"] += 1
        else:
            rings.append(Contour(data.reshape(-1, 3), kind == CLOSED[1]))
    return Region(rings, item.get("ROIDisplayColor") or (), left)


def elsewhere(region: Region) -> Region:
    """Without its contours, which lie in another frame of reference than the others."""
    return Region((), region.color, region.left + Counter({"in another frame of reference": len(region.rings)}))


def instances_of(ds: Dataset) -> Iterator[str]:
    """The images that single contours name."""
    for item in ds.get("ROIContourSequence") or ():
        for one in item.get("ContourSequence") or ():
            yield from (str(image.ReferencedSOPInstanceUID) for image in one.get("ContourImageSequence") or ())


def holds(grid: Grid, rings: Sequence[Points]) -> bool:
    """Whether a grid that is placed in the patient reaches around all contours."""
    if not grid.placed or not rings:
        return False
    index = grid.to_index(np.concatenate(rings))
    return bool((index >= -0.5).all() and (index <= np.array(grid.shape) - 0.5).all())


def are_parallel(grid: Grid, rings: Sequence[Points]) -> bool:
    """Whether most contours lie in planes of voxels, whichever axis these are slices of."""
    flat = sum(_axis(grid.to_index(ring)) is not None for ring in rings)
    return 2 * flat >= len(rings)


def _axis(index: Points) -> int | None:
    """The array axis that a contour is a slice of; None where it lies across all."""
    normal = np.abs(np.cross(index - index[0], np.roll(index, -1, axis=0) - index[0]).sum(axis=0))
    axis = int(normal.argmax())
    return axis if np.ptp(index[:, axis]) <= FLAT else None


class Drawing:
    """Regions on a grid. What had to be left out, moved or joined is counted for `badges`."""

    def __init__(self, grid: Grid, regions: Iterable[Region]) -> None:
        self.grid = grid
        self.left, self.twice, self.joined, self.crossing, self.beside, self.apart = Counter[str](), 0, 0, 0, 0.0, False
        places: dict[int, list[float]] = {}
        for region in regions:
            self.left += region.left
            for ring in region.rings:
                index = grid.to_index(ring.points)
                axis = _axis(index)
                if axis is not None:
                    places.setdefault(axis, []).append(float(index[:, axis].mean()))
        self._planes = {axis: _planes(np.array(found), grid.shape[axis]) for axis, found in places.items()}

    def mask(self, region: Region) -> Mask:
        """The voxels [k, j, i] inside a region; each of its planes fills one slice."""
        mask = np.zeros(self.grid.shape, np.bool_)
        drawn: dict[int, set[int]] = {}
        for (axis, plane), rings in self._by_plane(region).items():
            view, slices = np.moveaxis(mask, axis, 0), drawn.setdefault(axis, set())
            k = int(self._planes[axis][1][plane])
            found = filled(rings, (view.shape[1], view.shape[2]))
            self.twice += found.twice
            self.crossing += found.crossing
            self.joined += k in slices
            self.left["smaller than a voxel"] += found.empty
            view[k] |= found.mask
            slices.add(k)
        gaps = [np.diff(sorted(slices)) for slices in drawn.values() if len(slices) > 1]
        self.apart |= any(gap.min() > 1 for gap in gaps)
        return mask

    def _by_plane(self, region: Region) -> dict[tuple[int, int], list[Ring]]:
        """Its contours as rows and columns, by axis and plane; those that cannot be drawn are counted."""
        found: dict[tuple[int, int], list[Ring]] = {}
        for points, turns in region.rings:
            index = np.round(self.grid.to_index(points), SHARP)
            axis = _axis(index)
            if axis is None:
                self.left["across the slices"] += 1
                continue
            place = float(index[:, axis].mean())
            levels, slices = self._planes[axis]
            plane = int(np.abs(levels - place).argmin())
            flat = np.delete(index, axis, axis=1)
            size = np.delete(self.grid.shape, axis)
            reach = (flat.max(axis=0) < 0) | (flat.min(axis=0) > size - 1)
            if not 0 <= slices[plane] < self.grid.shape[axis] or reach.any():
                self.left["outside of the image"] += 1
                continue
            self.left["partly outside of the image"] += bool((flat < -0.5).any() or (flat > size - 0.5).any())
            self.beside = max(self.beside, abs(place - float(slices[plane])))
            found.setdefault((axis, plane), []).append(Ring(flat, turns))
        return found

    def badges(self) -> tuple[str, ...]:
        """What a reader must know."""
        said = []
        if left := +self.left:
            said.append(f"contours left out: {', '.join(f'{count} {why}' for why, count in sorted(left.items()))}")
        if self.twice:
            said.append(f"contours stored twice: {self.twice}")
        if self.crossing:
            said.append("contours that cross are joined")
        if self.joined:
            said.append("contours that lie between two slices are joined")
        if self.beside > BESIDE:
            said.append(f"contours lie up to {self.beside:.2g} slices beside the slices they are drawn on")
        if self.apart:
            said.append("slices between contours are empty")
        return tuple(said)


def _planes(places: Points, count: int) -> tuple[Points, NDArray[np.signedinteger]]:
    """Where the planes of contours lie, in slices, and which of `count` slices each is drawn on."""
    ordered = np.sort(places)
    parts = np.split(ordered, np.flatnonzero(np.diff(ordered) > ONE) + 1)
    levels = np.array([part.mean() for part in parts])
    return levels, nearest(levels, count)
