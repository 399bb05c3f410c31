"""Smoother segments. Box: with twice the distance around what is smoothed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.checks import Spacing, need_distance, need_voxels, no_progress, sub_progress
from viewer.compute.effects.distance import REACH, blurred, voxels_within
from viewer.compute.effects.shape.margin import grow
from viewer.data.box import dilate_box, label_boxes

if TYPE_CHECKING:
    from viewer.data.arrays import Labels, Mask, ProgressCallback


def median(mask: Mask, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Mask:
    """Each voxel as most of the block around it, which reaches so many mm to each side, as far as whole voxels go."""
    from scipy.ndimage import uniform_filter1d

    need_voxels(mask)
    need_distance(mm)
    share = mask.astype(np.float32)
    for axis, step in enumerate(spacing):
        share = uniform_filter1d(share, 2 * int(mm / step * (1 + 1e-6)) + 1, axis, mode="nearest")
        tell((axis + 1) / 3)
    return share > 0.5


def gaussian(mask: Mask, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Mask:
    """Voxels where the segment, blurred with a standard deviation of so many mm, is more than half. Thin parts go."""
    need_voxels(mask)
    need_distance(mm)
    return blurred(mask.astype(np.float32), mm, spacing, tell) > 0.5


def opening(mask: Mask, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Mask:
    """The part that a ball of that radius reaches inside the segment: thin bridges and spikes go."""
    need_voxels(mask)
    need_distance(mm)
    core = ~voxels_within(~mask, mm, spacing, sub_progress(tell, 0, 0.5))
    return voxels_within(core, mm, spacing, sub_progress(tell, 0.5, 1))


def closing(mask: Mask, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Mask:
    """The mask with all that a ball of that radius cannot reach from outside: notches and narrow gaps are filled."""
    wide = grow(mask, mm, spacing, sub_progress(tell, 0, 0.5))
    return ~voxels_within(~wide, mm, spacing, sub_progress(tell, 0.5, 1))


def joint(labels: Labels, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Labels:
    """All segments at once, so that neighbours stay neighbours, without gaps or overlaps.

    Where all of them together, blurred with a standard deviation of so many mm, are more than half, each voxel goes to
    the one that has most of it; the greatest share alone would leave a furrow where two of them meet at the surface.
    """
    need_voxels(labels > 0)
    need_distance(mm)
    best = np.zeros(labels.shape, np.float32)  # the greatest share so far
    every = np.zeros(labels.shape, np.float32)  # the shares of all of them
    out = np.zeros_like(labels)
    reach = [math.ceil((REACH + 1) * mm / step) for step in spacing]
    found = label_boxes(labels.astype(np.int32))
    for done, (label, tight) in enumerate(found.items()):
        box = dilate_box(tight, reach, labels.shape)
        share = blurred((labels[box] == label).astype(np.float32), mm, spacing)
        wins = share > best[box]
        out[box][wins] = label
        np.maximum(best[box], share, out=best[box])
        every[box] += share
        tell((done + 1) / len(found))
    out[every <= 0.5] = 0
    return out
