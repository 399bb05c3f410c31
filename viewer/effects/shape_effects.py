"""The effects on the shapes of segments alone: each cuts its box and calls viewer.compute.effects."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from viewer.compute.progress import Refusal
from viewer.data.arrays import ProgressCallback
from viewer.data.box import Box, mask_box
from viewer.effects.effect import Answers, EffectContext, Millimetres, each_segment, operation
from viewer.plugin.parameter import Range

PLANES: dict[str, int | None] = {"any": None, "k": 0, "j": 1, "i": 2}
Islands = Literal["keep the largest", "remove small ones", "keep the one at the cross-hair", "remove that one"]
Combination = Literal["add the other", "subtract the other", "keep what both have"]


@operation("Interpolate", "stack", live="preview")
def fill_between(
    context: EffectContext, tell: ProgressCallback, *, along: Literal["any", "k", "j", "i"] = "any"
) -> Answers:
    """Draw a slice here and there: the slices between follow from their shapes.

    Parameters
    ----------
    along
        The axis that the drawn slices lie across; "any" finds the one with gaps.
    """
    from viewer.compute.effects.shape.fill_between_slices import fill

    box, mask = context.part()
    yield context.key, fill(mask.astype(np.uint8), context.spacing, PLANES[along], tell) > 0, box


@operation("Islands", "grid", live="preview")
def islands(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    do: Islands = "keep the largest",
    smallest: Annotated[float, Range(0, 1000000, 10)] = 100.0,
) -> Answers:
    """Parts of the segment that do not hang together.

    Parameters
    ----------
    do
        What becomes of them.
    smallest
        Parts below this volume are small, mm³.
    """
    from viewer.compute.effects.shape.islands import keep_at, keep_largest, remove_at, remove_small

    box, mask = context.part()
    if do == "keep the largest":
        made = keep_largest(mask)
    elif do == "remove small ones":
        made = remove_small(mask, context.spacing, smallest)
    else:
        seed = _inside(context, box)
        made = (keep_at if do == "keep the one at the cross-hair" else remove_at)(mask, seed)
    yield context.key, made, box


@operation("Holes", "donut-chart", live="preview")
def fill_holes(
    context: EffectContext, tell: ProgressCallback, *, largest: Annotated[float, Range(0, 1000000, 10)] = 0.0
) -> Answers:
    """What the segment encloses on all sides becomes part of it.

    Parameters
    ----------
    largest
        Only holes up to this volume, mm³; 0 for holes of any size.
    """
    from viewer.compute.effects.shape.fill_holes import fill

    box, mask = context.part()
    yield context.key, fill(mask, context.spacing, largest or None), box


@operation("Margin", "focus-2", live="preview")
def margin(
    context: EffectContext, tell: ProgressCallback, *, distance: Annotated[float, Range(-50, 50, 0.5)] = 3.0
) -> Answers:
    """Makes the segment larger, or smaller below 0, by the same distance everywhere.

    Parameters
    ----------
    distance
        How far, mm.
    """
    from viewer.compute.effects.shape.margin import grow, shrink

    box, mask = context.part(max(distance, 2 * float(context.spacing.max())))
    made = (
        grow(mask, distance, context.spacing, tell) if distance >= 0 else shrink(mask, -distance, context.spacing, tell)
    )
    yield context.key, made, box


@operation("Hollow", "checkbox-blank-circle", live="preview")
def hollow(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    thickness: Millimetres = 3.0,
    side: Literal["inside", "outside", "both"] = "inside",
) -> Answers:
    """Leaves a shell of the segment.

    Parameters
    ----------
    thickness
        Of the shell, mm.
    side
        On which side of the surface it lies.
    """
    from viewer.compute.effects.shape.hollow import shell

    box, mask = context.part(thickness + 2 * float(context.spacing.max()))
    yield context.key, shell(mask, thickness, context.spacing, side, tell), box


@operation("Smooth", "contrast-drop", live="preview")
def smooth(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    by: Literal["median", "gaussian", "opening", "closing"] = "median",
    radius: Millimetres = 3.0,
) -> Answers:
    """Smooths the segment's surface.

    Parameters
    ----------
    by
        Median and Gaussian round it off; opening takes away what is thin, closing fills what is narrow.
    radius
        How much, mm.
    """
    from viewer.compute.effects.shape import smoothing as ways

    box, mask = context.part(2 * radius)
    yield context.key, getattr(ways, by)(mask, radius, context.spacing, tell), box


@operation("Smooth all", "contrast-drop-2")
def smooth_all(context: EffectContext, tell: ProgressCallback, *, radius: Millimetres = 3.0) -> Answers:
    """Smooths all segments at once, so that neighbours stay neighbours: no gaps, no overlap.

    Parameters
    ----------
    radius
        How much, mm.
    """
    from viewer.compute.effects.shape.smoothing import joint

    labels = context.layer.segmentation.maps[context.segment.layer]
    found = mask_box(labels > 0)
    if found is None:
        raise Refusal(f"{context.layer.name} is empty: paint something first.")
    box = context.expand(found, 2 * radius)
    yield from each_segment(context, box, joint(labels[box], radius, context.spacing, tell))


@operation("Combine", "git-merge", other="The other segment")
def combine(context: EffectContext, tell: ProgressCallback, *, do: Combination = "add the other") -> Answers:
    """The segment together with another one, without it, or where both are.

    Parameters
    ----------
    do
        What becomes of the chosen segment; the other one stays as the rules for others say.
    """
    from viewer.compute.effects.shape.logical_operators import difference, intersection, union

    ways = {"add the other": union, "subtract the other": difference, "keep what both have": intersection}
    assert context.other is not None
    mine, its = context.segment_mask(context.segment, context.whole), context.segment_mask(context.other, context.whole)
    box = mask_box(mine | its) or context.whole
    yield context.key, ways[do](mine[box], its[box]), box


def _inside(context: EffectContext, box: Box) -> tuple[int, int, int]:
    """The voxel of the cross-hair within a box. Raises Refusal where it lies outside."""
    here = context.crosshair
    if here is None or not all(one.start <= at < one.stop for one, at in zip(box, here, strict=True)):
        raise Refusal(f"The cross-hair is not in {context.segment.name}: put it into the part that is meant.")
    k, j, i = (at - one.start for one, at in zip(box, here, strict=True))
    return k, j, i
