"""Holes of a segment: what it encloses on all sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.checks import Spacing, need_voxels

if TYPE_CHECKING:
    from viewer.data.arrays import Mask


def fill(mask: Mask, spacing: Spacing, largest: float | None = None, axis: int | None = None) -> Mask:
    """The mask with its holes, those that have no way out of the box from face to face. largest: mm³; None for any.

    axis: each slice along it by itself, so that a tunnel through the slices is filled, too; `largest` then holds for
    the part of a hole that lies in one slice. Box: around the segment.
    """
    from scipy.ndimage import generate_binary_structure, label

    need_voxels(mask)
    faces = generate_binary_structure(3, 1)
    if axis is not None:
        np.moveaxis(faces, axis, 0)[::2] = False
    parts, count = label(~mask, faces)
    closed = np.ones(count + 1, bool)
    for across in (one for one in range(3) if one != axis):
        for end in (0, -1):
            closed[parts.take(end, across)] = False
    if largest is not None:
        closed &= np.bincount(parts.ravel(), minlength=count + 1) * float(np.prod(spacing)) <= largest
    closed[0] = False
    return np.asarray(mask | closed[parts])
