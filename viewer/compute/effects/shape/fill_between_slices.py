"""Slices between painted ones.

Shape-based interpolation (S. Raya, J. Udupa, IEEE Trans. Med. Imaging 9 (1990) 32): distances to the outlines of two
slices are mixed. Parts are matched and moved onto each other first, and where one part branches into several, each
of them meets the share of it that lies nearest, as in morphological contour interpolation (A. Albu, T. Beugeling,
D. Laurendeau, IEEE Trans. Biomed. Eng. 55 (2008) 2022).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viewer.compute.effects.checks import Spacing, need_voxels, no_progress
from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.data.arrays import Labels, Mask, ProgressCallback

Plane = NDArray[np.float32]


def fill(labels: Labels, spacing: Spacing, axis: int | None = None, tell: ProgressCallback = no_progress) -> Labels:
    """The label map with every segment between each two slices that hold it, where no other one has been painted.

    axis: the slices lie one after the other along it; None: along the axis with the largest gaps. Box: around the
    segments. Raises Refusal where there is no gap.
    """
    need_voxels(labels > 0)
    axis = _sliced(labels) if axis is None else axis
    planes, out = np.moveaxis(labels, axis, 0), labels.copy()
    target, depth = np.moveaxis(out, axis, 0), np.zeros(planes.shape, np.float32)
    steps = np.delete(np.asarray(spacing, dtype=np.float64), axis)
    gaps = list(_gaps(planes))
    if not gaps:
        raise Refusal(
            "There is no gap between painted slices: paint the segment in some slices and leave others empty."
        )
    for done, (label, low, high) in enumerate(gaps):
        one, other = planes[low] == label, planes[high] == label
        for k, inside in _shapes(one, other, high - low, steps):
            wins = (inside > depth[low + k]) & (planes[low + k] == 0)
            target[low + k][wins] = label
            depth[low + k][wins] = inside[wins]
        tell((done + 1) / len(gaps))
    return out


def _sliced(labels: Labels) -> int:
    """The axis along which most slices between the first and the last painted one are empty."""
    empty = []
    for axis in range(3):
        painted = np.flatnonzero(labels.any(axis=tuple({0, 1, 2} - {axis})))
        empty.append(1 - len(painted) / (painted[-1] - painted[0] + 1))
    return int(np.argmax(empty))


def _gaps(planes: Labels) -> Iterator[tuple[int, int, int]]:
    """Each segment's label, and the painted slices before and after a gap of it."""
    held = [set(np.unique(plane).tolist()) for plane in planes]
    for label in sorted(set().union(*held) - {0}):
        painted = [k for k, labels in enumerate(held) if label in labels]
        yield from ((label, low, high) for low, high in pairwise(painted) if high - low > 1)


def _shapes(one: Mask, other: Mask, steps: int, spacing: NDArray[np.float64]) -> Iterator[tuple[int, Plane]]:
    """For each slice between two: its number from the first on, and mm to the outline there, positive inside."""
    both = one | other
    rows, columns = (np.flatnonzero(both.any(axis=axis)) for axis in (1, 0))
    box = (slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2))
    links = [
        (_inside(first, spacing), _inside(last, spacing), _way(first, last))
        for first, last in _links(one[box], other[box])
    ]
    for k in range(1, steps):
        share = k / steps
        whole = np.full(one.shape, -np.inf, np.float32)
        for first, last, way in links:
            np.maximum(whole[box], _mixed(first, last, way, share), out=whole[box])
        yield k, whole


def _mixed(first: Plane, last: Plane, way: NDArray[np.float64], share: float) -> Plane:
    """Both distances, each moved to where the part is at that share of the way from the first slice to the last."""
    from scipy.ndimage import shift

    begun = shift(first, share * way, order=1, mode="nearest")
    ending = shift(last, (share - 1) * way, order=1, mode="nearest")
    return np.asarray((1 - share) * begun + share * ending, dtype=np.float32)


def _links(one: Mask, other: Mask) -> Iterator[tuple[Mask, Mask]]:
    """The parts of two slices that become each other. A part of several links counts in each with its nearest share."""
    from scipy.ndimage import label

    first, n = label(one, np.ones((3, 3)))
    last, m = label(other, np.ones((3, 3)))
    linked = np.zeros((n + 1, m + 1), bool)
    linked[first, last] = True
    linked[0] = linked[:, 0] = False
    centres = [_centres(parts, count) for parts, count in ((first, n), (last, m))]
    away = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
    for a in np.flatnonzero(~linked[1:].any(axis=1)):
        linked[a + 1, away[a].argmin() + 1] = True
    for b in np.flatnonzero(~linked[:, 1:].any(axis=0)):
        linked[away[:, b].argmin() + 1, b + 1] = True
    for a, b in np.argwhere(linked):
        shares = _share(first == a, last, np.flatnonzero(linked[a]), b)
        yield shares, _share(last == b, first, np.flatnonzero(linked[:, b]), a)


def _share(part: Mask, others: NDArray[np.int32], linked: NDArray[np.intp], which: int) -> Mask:
    """The pixels of a part that lie nearer to one of the parts that it is linked with than to all others."""
    from scipy.ndimage import distance_transform_edt

    if len(linked) == 1:
        return part
    nearest = distance_transform_edt(~np.isin(others, linked), return_distances=False, return_indices=True)
    share = part & (others[tuple(nearest)] == which)
    return share if share.any() else part


def _centres(parts: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    from scipy.ndimage import center_of_mass

    return np.array(center_of_mass(parts > 0, parts, range(1, count + 1))).reshape(count, 2)


def _way(first: Mask, last: Mask) -> NDArray[np.float64]:
    """Pixels from the middle of one part to that of another."""
    return np.asarray(np.argwhere(last).mean(axis=0) - np.argwhere(first).mean(axis=0))


def _inside(mask: Mask, spacing: NDArray[np.float64]) -> Plane:
    """Distance to the outline of a part in its slice, mm: positive inside, negative outside."""
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(mask, spacing) - distance_transform_edt(~mask, spacing), dtype=np.float32)
