"""What closed contours of one plane enclose together: holes stay open, and nothing is erased by being drawn twice.

A voxel is inside a contour where its centre is (even-odd rule, which serves key-holes). Of several contours
CLOSEDPLANAR_XOR turns over (PS3.3 C.8.8.6.3). Other programs write holes as contours of their own within others, too;
but contours that only cross are joined, and one that is there already is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.arrays import Mask, Points


WITHIN = 0.95  # of a contour's voxels that lie in another where it is drawn within that
SAME = 0.5  # voxels between two contours, on average, that are one
BEYOND = (
    2048  # voxels beside the plane in which contours are still told apart: a part of an image shows what the whole does
)


class Ring(NamedTuple):
    """A contour in its plane. points: row, column in voxels [n, 2]. is_xor: CLOSEDPLANAR_XOR."""

    points: Points
    is_xor: bool = False


class PlaneFill(NamedTuple):
    """What contours of one plane enclose.

    mask: of the plane. twice: contours that were there already. crossing: whether some cross. empty: contours that
    enclose no voxel.
    """

    mask: Mask
    twice: int = 0
    crossing: bool = False
    empty: int = 0


class _Part(NamedTuple):
    """A contour's voxels, in the box around it.

    at: its first row and column. limit: of voxels; another contour that differs by fewer is the same.
    """

    at: tuple[int, int]
    mask: Mask
    size: int
    limit: float
    is_xor: bool

    @property
    def box(self) -> tuple[slice, slice]:
        (row, column), (rows, columns) = self.at, self.mask.shape
        return slice(row, row + rows), slice(column, column + columns)


def fill_rings(rings: Sequence[Ring], shape: tuple[int, int]) -> PlaneFill:
    """All contours of one region in one plane of rows and columns; what lies beside the plane is drawn and cut off."""
    points = np.concatenate([ring.points for ring in rings])
    low = np.clip(np.floor(points.min(axis=0)), -BEYOND, 0).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, shape, np.add(shape, BEYOND)).astype(int)
    size = int(high[0] - low[0]), int(high[1] - low[1])
    moved = (Ring(ring.points - low, ring.is_xor) for ring in rings)
    # of equal ones by place, so that their order in the file never matters
    parts = sorted((part for ring in moved if (part := _part(ring, size)).size), key=_large_first)
    whole, taken, crossing = np.zeros(size, np.bool_), list[_Part](), False
    for part in parts:
        met = [(other, common) for other in taken if (common := _common(part, other))]
        if any(part.size + other.size - 2 * common < part.limit for other, common in met if 2 * common > part.size):
            continue
        if part.is_xor or any(common >= WITHIN * part.size for _, common in met):
            whole[part.box] ^= part.mask
        else:
            whole[part.box] |= part.mask
            crossing |= bool(met)
        taken.append(part)
    mask = whole[-low[0] :, -low[1] :][: shape[0], : shape[1]]
    return PlaneFill(mask, len(parts) - len(taken), crossing, len(rings) - len(parts))


def _part(ring: Ring, shape: tuple[int, int]) -> _Part:
    ends = np.stack([np.floor(ring.points.min(axis=0)), np.ceil(ring.points.max(axis=0)) + 1])
    low, high = np.clip(ends, 0, shape).astype(int)
    mask = inside(ring.points - low, (int(high[0] - low[0]), int(high[1] - low[1])))
    length = np.linalg.norm(ring.points - np.roll(ring.points, -1, axis=0), axis=1).sum()
    size = int(np.count_nonzero(mask))
    return _Part((int(low[0]), int(low[1])), mask, size, max(SAME * float(length), 0.5), ring.is_xor)


def _large_first(part: _Part) -> tuple[int, tuple[int, int], bytes]:
    return -part.size, part.at, part.mask.tobytes()


def _common(one: _Part, other: _Part) -> int:
    """The voxels that both have."""
    low = np.maximum(one.at, other.at)
    high = np.minimum(np.add(one.at, one.mask.shape), np.add(other.at, other.mask.shape))
    if (low >= high).any():
        return 0
    views = (
        part.mask[tuple(slice(a, b) for a, b in zip(low - part.at, high - part.at, strict=True))]
        for part in (one, other)
    )
    return int(np.count_nonzero(np.logical_and(*views)))


def inside(ring: Points, shape: tuple[int, int]) -> Mask:
    """The voxels whose centres lie within a ring: those to the right of an odd number of its edges."""
    ends = np.stack([ring, np.roll(ring, -1, axis=0)])
    upward = ends[0, :, 0] <= ends[1, :, 0]  # both ways along a key-hole must give the same numbers
    low, high = np.where(upward[:, None], ends[0], ends[1]), np.where(upward[:, None], ends[1], ends[0])
    first = np.clip(np.ceil(low[:, 0]), 0, shape[0]).astype(int)
    last = np.clip(np.ceil(high[:, 0]), 0, shape[0]).astype(int)
    edges = np.repeat(np.arange(len(ring)), last - first)
    starts = np.cumsum(last - first) - (last - first)
    rows = np.arange(len(edges)) - starts[edges] + first[edges]
    share = (rows - low[edges, 0]) / (high[edges, 0] - low[edges, 0])
    columns = low[edges, 1] + share * (high[edges, 1] - low[edges, 1])
    crossings = np.zeros((shape[0], shape[1] + 1), np.int64)
    np.add.at(crossings, (rows, np.clip(np.ceil(columns), 0, shape[1]).astype(int)), 1)
    return np.asarray(np.cumsum(crossings[:, :-1], axis=1) % 2 == 1)
