"""The wall of a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from viewer.compute.effects.checks import Spacing, need_distance, need_voxels, no_progress, sub_progress
from viewer.compute.effects.shape.margin import grow, shrink

if TYPE_CHECKING:
    from viewer.data.arrays import Mask, ProgressCallback

Side = Literal["inside", "outside", "both"]


def shell(mask: Mask, mm: float, spacing: Spacing, side: Side = "inside", tell: ProgressCallback = no_progress) -> Mask:
    """A wall so many mm thick: of the segment's own voxels, around them, or half and half.

    Box: with the thickness around the segment.
    """
    need_voxels(mask)
    need_distance(mm)
    thick = mm / 2 if side == "both" else mm
    outer = mask if side == "inside" else grow(mask, thick, spacing, sub_progress(tell, 0, 0.5))
    inner = mask if side == "outside" else shrink(mask, thick, spacing, sub_progress(tell, 0.5, 1))
    return outer & ~inner
