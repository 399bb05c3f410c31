"""A segment with a margin around it, or without its outermost layer; exact in mm whatever the spacing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.compute.effects.checks import Spacing, need_distance, need_voxels, no_progress
from viewer.compute.effects.distance import voxels_within

if TYPE_CHECKING:
    from viewer.data.arrays import Mask, ProgressCallback


def grow(mask: Mask, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Mask:
    """The mask with every voxel whose centre lies at most so many mm from one of it. Box: with the margin around it."""
    need_voxels(mask)
    need_distance(mm)
    return voxels_within(mask, mm, spacing, tell)


def shrink(mask: Mask, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Mask:
    """The mask without every voxel whose centre lies at most so many mm from one that is not the segment's.

    What lies outside the image takes nothing away: an organ that the image cuts keeps its flat face. Box: with one
    voxel around the segment. It may come to nothing.
    """
    need_voxels(mask)
    need_distance(mm)
    return ~voxels_within(~mask, mm, spacing, tell)
