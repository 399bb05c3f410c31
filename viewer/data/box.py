"""Boxes of voxels: parts of an array [k, j, i], where masks and labels lie, and what is made of several of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]  # along k, j, i; each from its first voxel to the one behind its last
Shape = tuple[int, int, int]  # voxels along k, j, i


def whole_box(shape: Sequence[int]) -> Box:
    """All of an array of that shape."""
    return box_at((0, 0, 0), shape)


def box_at(start: Sequence[int], shape: Sequence[int]) -> Box:
    """The box of that shape whose first voxel is `start`; both along k, j, i."""
    k, j, i = (slice(first, first + size) for first, size in zip(start, shape, strict=True))
    return k, j, i


def box_shape(box: Box) -> Shape:
    """Its voxels along k, j, i."""
    k, j, i = (side.stop - side.start for side in box)
    return k, j, i


def box_size(box: Box) -> int:
    """How many voxels it holds."""
    return math.prod(box_shape(box))


def shift_box(box: Box, within: Box) -> Box:
    """A box of the part of an array that lies in `within`, in the whole array."""
    return box_at([one.start + part.start for one, part in zip(within, box, strict=True)], box_shape(box))


def dilate_box(box: Box, margin: Sequence[int], shape: Sequence[int]) -> Box:
    """The box with that many more voxels on each side along k, j, i, as far as an array of that shape goes."""
    k, j, i = (
        slice(max(side.start - more, 0), min(side.stop + more, size))
        for side, more, size in zip(box, margin, shape, strict=True)
    )
    return k, j, i


@overload
def box_union(one: Box, other: Box | None) -> Box: ...
@overload
def box_union(one: Box | None, other: Box) -> Box: ...
@overload
def box_union(one: Box | None, other: Box | None) -> Box | None: ...
def box_union(one: Box | None, other: Box | None) -> Box | None:
    """The smallest box that holds both; where one of them is None the other, None where both are."""
    if one is None or other is None:
        return one or other
    k, j, i = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return k, j, i


def mask_box(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box that holds every True voxel of a mask [k, j, i]; None where there is none."""
    found = [*whole_box(mask.shape)]
    for axis in range(3):
        inside = mask[tuple(found)]
        line = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
        if not line.size:
            return None
        found[axis] = slice(int(line[0]), int(line[-1]) + 1)
    return found[0], found[1], found[2]


def label_box(labels: NDArray[Any], label: int) -> Box | None:
    """The smallest box that holds every voxel of one label of a map [k, j, i]; None where there is none.

    Slice by slice: a mask of a whole large volume costs more in fresh memory than the comparison does.
    """
    found, rows, columns = [], np.zeros(labels.shape[1], bool), np.zeros(labels.shape[2], bool)
    for k, plane in enumerate(labels):
        here = plane == label
        if here.any():
            found.append(k)
            rows |= here.any(axis=1)
            columns |= here.any(axis=0)
    if not found:
        return None
    j, i = np.flatnonzero(rows), np.flatnonzero(columns)
    return slice(found[0], found[-1] + 1), slice(int(j[0]), int(j[-1]) + 1), slice(int(i[0]), int(i[-1]) + 1)


def label_boxes(labels: NDArray[Any]) -> dict[int, Box]:
    """The smallest box that holds each label but 0 of a map [k, j, i] of whole numbers, by label.

    It takes memory for every number up to the highest label.
    """
    from scipy import ndimage  # not before the window is there

    return {label: box for label, box in enumerate(ndimage.find_objects(labels), 1) if box is not None}
