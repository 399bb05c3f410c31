"""The effects that look at the image: each cuts its box and calls viewer.compute.effects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from viewer.compute.progress import Refusal
from viewer.data.arrays import ProgressCallback
from viewer.data.box import Box, mask_box
from viewer.effects.effect import Answers, EffectContext, Millimetres, each_segment, operation
from viewer.plugin.parameter import Range

SLICES = 32  # that are looked at between two words about progress
WHOLE = 16  # voxels: where seeds are looked at begins and ends at whole multiples, so that it is often the same
AROUND = 20.0  # mm around all seeds that growing and flooding may reach


@operation("Threshold", "contrast-2", live="range", creates=True)
def threshold(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    lower: Annotated[float, Range(-100000, 100000, 1)] = 0.0,
    upper: Annotated[float, Range(-100000, 100000, 1)] = 100.0,
) -> Answers:
    """Every voxel whose value lies in a range, both bounds included.

    Parameters
    ----------
    lower
        The smallest value that is taken, in the image's unit.
    upper
        The largest value that is taken.
    """
    from viewer.compute.effects.image.threshold import between

    if lower > upper:
        raise Refusal("The lower bound lies above the upper one: exchange them.")
    for box in _slabs(context, tell):
        yield context.key, between(context.values(box), lower, upper), box


@operation("Otsu", "bar-chart-2", live="preview", creates=True)
def otsu(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    classes: Annotated[int, Range(2, 5)] = 2,
    take: Annotated[int, Range(1, 5)] = 2,
) -> Answers:
    """Parts the values into classes that differ most among each other, and takes one of them.

    Parameters
    ----------
    classes
        How many.
    take
        Which of them, counted from the darkest.
    """
    from viewer.compute.effects.image.threshold import between
    from viewer.compute.effects.image.threshold import otsu as limits_of

    if take > classes:
        raise Refusal(f"There are {classes} classes: take one of them.")
    limits = [-np.inf, *limits_of(context.values(context.whole), classes), np.inf]
    low, high = limits[take - 1], limits[take]
    for box in _slabs(context, tell):
        yield context.key, between(context.values(box), np.nextafter(low, np.inf), high), box


@operation("Local", "focus-3", live="preview", creates=True)
def local_threshold(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    radius: Millimetres = 10.0,
    deviations: Annotated[float, Range(-5, 5, 0.1)] = 1.0,
    looking_for: Literal["brighter", "darker"] = "brighter",
) -> Answers:
    """What is brighter or darker than what lies around it: small things on an uneven ground.

    Parameters
    ----------
    radius
        How far around, mm.
    deviations
        By how many standard deviations of the values there.
    looking_for
        Brighter or darker than what is around.
    """
    from viewer.compute.effects.image.threshold import local

    values, darker = context.values(context.whole), looking_for == "darker"
    yield context.key, local(values, context.spacing, radius, deviations, darker=darker, tell=tell), context.whole


@operation("Extend", "seedling", live="preview")
def extend(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    deviations: Annotated[float, Range(0.5, 10, 0.1)] = 2.5,
    reach: Millimetres = 20.0,
) -> Answers:
    """Grows the segment over connected voxels whose values are like its own.

    Parameters
    ----------
    deviations
        How many standard deviations of its values count as alike.
    reach
        How far from the segment at most, mm.
    """
    from viewer.compute.effects.image.region_growing import confidence_connected

    box, mask = context.part(reach)
    yield context.key, confidence_connected(context.values(box), mask, deviations, tell=tell), box


@operation("From seeds", "plant", live="preview")
def grow_from_seeds(context: EffectContext, tell: ProgressCallback, *, around: Millimetres = AROUND) -> Answers:
    """A few strokes in each segment, and one for what is around: every voxel goes to the seed that reaches it best.

    Parameters
    ----------
    around
        How far from all strokes, mm.
    """
    from viewer.compute.effects.image.growcut import GrowCut

    box, seeds = _seeds(context, around)
    about = context.image, box
    if context.cache.get("about") != about:
        context.cache.update(about=about, growing=GrowCut(context.values(box), context.spacing))
    growing: GrowCut = context.cache["growing"]
    yield from each_segment(context, box, growing.grow(seeds, tell))


@operation("Watershed", "landscape", live="preview")
def watershed(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    around: Millimetres = AROUND,
    smooth: Annotated[float, Range(0, 20, 0.5)] = 1.0,
) -> Answers:
    """A few strokes in each segment, and one for what is around: they flood the image up to its edges.

    Parameters
    ----------
    around
        How far from all strokes, mm.
    smooth
        How much the image is smoothed first, mm.
    """
    from viewer.compute.effects.image.watershed import from_markers

    box, seeds = _seeds(context, around)
    yield from each_segment(
        context, box, from_markers(context.values(box), seeds, context.spacing, smooth=smooth, tell=tell)
    )


@operation("Snake", "bubble-chart", live="play")
def snake(
    context: EffectContext,
    tell: ProgressCallback,
    *,
    to: Literal["edges", "regions", "likeness"] = "edges",
    push: Annotated[float, Range(-1, 1, 0.1)] = 0.7,
    reach: Millimetres = 30.0,
) -> Answers:
    """A surface that starts from the segment and creeps on, step by step, while you watch.

    Parameters
    ----------
    to
        To edges, which needs a push; until inside and outside differ most; or over values like those it starts from.
    push
        Outward above 0, inward below; 0.5 to 1 for edges.
    reach
        How far it may go at most, mm.
    """
    raise Refusal("A snake creeps while you watch: press Play.")


def _slabs(context: EffectContext, tell: ProgressCallback) -> Iterator[Box]:
    """All voxels, some slices at a time."""
    deep, _, _ = context.layer.grid.shape
    _, j, i = context.whole
    for start in range(0, deep, SLICES):
        tell(start / deep)
        yield slice(start, min(start + SLICES, deep)), j, i


def _seeds(context: EffectContext, around: float) -> tuple[Box, NDArray[Any]]:
    """The strokes of all segments of the chosen one's label map, in a box with some mm around them."""
    labels = context.layer.segmentation.maps[context.segment.layer]
    found = mask_box(labels > 0)
    if found is None:
        raise Refusal(f"{context.layer.name} is empty: draw a stroke in each segment first, and one in what is around.")
    k, j, i = (
        slice(one.start // WHOLE * WHOLE, min(-(-one.stop // WHOLE) * WHOLE, size))
        for one, size in zip(context.expand(found, around), labels.shape, strict=True)
    )
    return (k, j, i), labels[k, j, i].copy()
