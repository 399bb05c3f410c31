"""How far each structure of a segmentation can be trusted, told without its truth.

- Agreement: the mean Dice between all pairs of passes, and the coefficient of variation of the volume over them (Roy et
  al., Bayesian QuickNAT, NeuroImage 195, 2019: structure-wise uncertainty). Passes are answers of the model to the
  mirrored, shifted or otherwise equal image, brought back.
- Expected Dice, from the doubt map: 2·Σp over the structure / (its size + Σp over it and its outer shell), p being the
  probability that a voxel is the structure's, as if voxels were independent.
- The predicted Dice is the lower of the two, times what is left of it in the worst case of each fault of shape: that
  the parts apart from the largest are none of it (2m / (1+m), with m the largest part's share), that what it encloses
  belongs to it (2 / (2+h), with h the share of the holes), and that its true volume is the nearest usual one
  (2·min / (sum of both)). A calibration (Platt 1999), fitted on cases of known truth, can map this to the Dice.
- A structure is flagged where agreement or expectation lie below TRUSTED (for the latter a model may have its own
  bound), where islands or holes could cost more than COST of Dice, where it reaches the end of what the image shows,
  and where its volume is not usual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.labels.doubt_map import STEPS, winner_table
from viewer.compute.labels.label_metrics import surface
from viewer.compute.progress import Refusal
from viewer.data.annotations.doubt import Doubt, DoubtFlag
from viewer.data.box import dilate_box, label_boxes, whole_box

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats, Labels, Mask, ProgressCallback
    from viewer.data.box import Box
    from viewer.data.segmentation import Segment, Segmentation

# Chosen on phantoms, by what they catch (tests/benchmarks/doubt.py prints it for others):
TRUSTED = 0.75  # Dice below which a structure is flagged
COST = 0.1  # of Dice: faults of shape that could cost less are not worth a flag
NEAREST = 1e-3  # to 0 and 1 that a score is taken for by a calibration: its logarithm has to be finite
SLAB = 16  # slices at once
MOST = 32 << 20  # voxels of a box in which parts and holes are looked for one by one

Range = tuple[float, float]


@dataclass(frozen=True)
class Calibration:
    """What a model's scores are worth: Dice = 1 / (1 + exp(−(intercept + slope · logit(score))))."""

    intercept: float = 0.0
    slope: float = 1.0

    def __call__(self, score: float) -> float:
        """The Dice that a score stands for."""
        return float(1 / (1 + np.exp(-(self.intercept + self.slope * _logit(score)))))

    @classmethod
    def fitted(cls, scores: Sequence[float], dices: Sequence[float]) -> Calibration:
        """By least squares of the Dice, on structures of known truth. Raises ValueError for fewer than three."""
        from scipy.optimize import least_squares

        if len(scores) != len(dices) or len(scores) < 3:
            raise ValueError("A calibration needs the scores and the Dice of three structures or more.")
        x, y = _logit(np.asarray(scores, float)), np.asarray(dices, float)
        found = least_squares(lambda at: 1 / (1 + np.exp(-(at[0] + at[1] * x))) - y, (0.0, 1.0))
        return cls(float(found.x[0]), float(found.x[1]))


def with_doubts(
    segmentation: Segmentation,
    passes: Sequence[Labels] = (),
    doubt: NDArray[np.uint8] | None = None,
    *,
    plausible: Mapping[int, Range] | None = None,
    scattered: Collection[int] = (),
    calibration: Calibration | None = None,
    trusted: float = TRUSTED,
    shown: Box | None = None,
    tell: ProgressCallback = lambda fraction: None,
) -> Segmentation:
    """The segmentation, each of its segments with its doubt, and waiting for review.

    passes: label maps [k, j, i] of further answers, on the same grid and with the labels of the first map; a single one
    is held against the segmentation. doubt: what viewer.compute.labels.doubt_map.entropy gave, on the grid. plausible:
    usual volumes in mm³, by label of the first map. scattered: labels of structures that come in parts by nature.
    trusted: expected Dice below which a structure is flagged. shown: what of the grid the image shows, where it was
    filled up at its ends.
    tell: gets 0…1; may raise Cancelled. Raises Refusal, one sentence, where a map has another shape.
    """
    for array in (*passes, *([] if doubt is None else [doubt])):
        if array.shape != segmentation.grid.shape:
            raise Refusal(f"A pass has the shape {array.shape}, the segmentation {segmentation.grid.shape}.")
    agreements = _agreements(segmentation, passes)
    boxes = [label_boxes(array) for array in segmentation.maps]
    shown = shown or whole_box(segmentation.grid.shape)
    cell = float(abs(np.linalg.det(segmentation.grid.affine[:3, :3])))
    found = []
    for done, segment in enumerate(segmentation.segments):
        tell(done / len(segmentation.segments))
        first, box = segment.layer == 0, boxes[segment.layer].get(segment.label)
        measured = replace(
            _shape(segmentation.maps[segment.layer], segment, box, shown, doubt, cell),
            plausible=(plausible or {}).get(segment.label) if first else None,
        )
        if first and (told := agreements.get(segment.label)) is not None:
            measured = replace(measured, agreement=told[0], variation=told[1])
        if first and segment.label in scattered:
            measured = replace(measured, islands=0, island_share=0.0)
        dice = score(measured)
        dice = calibration(dice) if calibration is not None and dice else dice
        judged = replace(measured, dice=dice, flags=tuple(_flags(measured, trusted)))
        found.append(replace(segment, doubt=judged, review="unreviewed"))
    tell(1.0)
    return replace(segmentation, segments=tuple(found))


def score(doubt: Doubt) -> float | None:
    """The predicted Dice before calibration; None where neither passes nor a doubt map tell it."""
    if doubt.volume == 0:
        return 0.0
    told = [one for one in (doubt.agreement, doubt.expected) if one is not None]
    return min(told) * _without_islands(doubt) * _with_holes(doubt) * _usual(doubt) if told else None


def _without_islands(doubt: Doubt) -> float:
    largest = 1 - doubt.island_share
    return 2 * largest / (1 + largest)


def _with_holes(doubt: Doubt) -> float:
    return 2 / (2 + doubt.hole_share)


def _usual(doubt: Doubt) -> float:
    """The highest Dice with a structure of a usual volume."""
    if doubt.plausible is None:
        return 1.0
    nearest = min(max(doubt.volume, doubt.plausible[0]), doubt.plausible[1])
    return 2 * min(doubt.volume, nearest) / (doubt.volume + nearest)


def _flags(doubt: Doubt, trusted: float) -> Iterator[DoubtFlag]:
    if doubt.volume == 0:
        yield DoubtFlag("missing", "It has no voxel: it was not found, or is not in the image.")
        return
    if doubt.agreement is not None and doubt.agreement < TRUSTED:
        yield DoubtFlag("disagreement", f"The passes agree by a Dice of {doubt.agreement:.2f} only.")
    if doubt.expected is not None and doubt.expected < trusted:
        yield DoubtFlag("uncertain", f"By its probabilities a Dice of {doubt.expected:.2f} is to be expected.")
    if _without_islands(doubt) < 1 - COST:
        parts = "one part" if doubt.islands == 1 else f"{doubt.islands} parts"
        yield DoubtFlag("islands", f"{doubt.island_share:.0%} of it lies in {parts} apart from the largest.")
    if _with_holes(doubt) < 1 - COST:
        holes = "a hole" if doubt.holes == 1 else f"{doubt.holes} holes"
        yield DoubtFlag("holes", f"It encloses {holes} of {doubt.hole_share:.0%} of its volume.")
    if doubt.border:
        yield DoubtFlag("border", f"It reaches the end of the image ({doubt.border:.1%} of its surface): is it cut?")
    if doubt.plausible is not None and _usual(doubt) < 1:
        side = "below" if doubt.volume < doubt.plausible[0] else "above"
        low, high = (f"{end / 1000:.3g}" for end in doubt.plausible)
        yield DoubtFlag("volume", f"Its volume, {doubt.volume / 1000:.3g} ml, is {side} the usual {low} to {high} ml.")


def _shape(
    labels: Labels, segment: Segment, box: Box | None, shown: Box, doubt: NDArray[np.uint8] | None, cell: float
) -> Doubt:
    """What its voxels, and the doubt map in their shell, tell. cell: mm³ of a voxel."""
    from scipy.ndimage import binary_dilation, label

    from viewer.compute.effects.shape.fill_holes import fill

    if box is None:
        return Doubt()
    wide = dilate_box(box, (1, 1, 1), labels.shape)
    mask = labels[wide] == segment.label
    size, rim = int(np.count_nonzero(mask)), surface(mask)
    whole = _coarse(mask)
    blocks = int(np.count_nonzero(whole))
    parts, count = label(whole)
    largest = int(np.bincount(parts.ravel())[1:].max())
    del parts
    holes = fill(whole, (1.0, 1.0, 1.0)) & ~whole
    measured = Doubt(
        islands=count - 1,
        island_share=1 - largest / blocks,
        holes=int(label(holes)[1]),
        hole_share=int(np.count_nonzero(holes)) / blocks,
        border=_at_border(rim, wide, shown) / int(np.count_nonzero(rim)),
        volume=size * cell,
    )
    if doubt is None:
        return measured
    bits, outer = doubt[wide], binary_dilation(mask) & ~mask
    winner = winner_table()
    inside, outside = float(winner[bits[mask]].sum()), float((1 - winner[bits[outer]]).sum())
    shell = float(bits[rim | outer].mean()) / STEPS
    return replace(measured, entropy=min(shell, 1.0), expected=2 * inside / (size + inside + outside))


def _coarse(mask: Mask) -> Mask:
    """A mask as it is; of a large one its blocks of 2³, 3³ … voxels that hold any of it, so that memory is bounded.

    What hangs together still does; parts that lie nearer than a block join, and holes of a block's size close.
    """
    step = int(np.ceil((mask.size / MOST) ** (1 / 3)))
    if step < 2:
        return mask
    padded = np.pad(mask, [(0, -size % step) for size in mask.shape])
    k, j, i = (size // step for size in padded.shape)
    return np.asarray(padded.reshape(k, step, j, step, i, step).any(axis=(1, 3, 5)))


def _at_border(rim: Mask, box: Box, shown: Box) -> int:
    """Voxels of a surface in a box that lie at the ends of what is shown, or beyond.

    Across a few slices there is no end to reach.
    """
    there = np.zeros(rim.shape, np.bool_)
    for axis, (side, seen) in enumerate(zip(box, shown, strict=True)):
        if seen.stop - seen.start > 2:
            along = np.moveaxis(there, axis, 0)
            along[: max(seen.start + 1 - side.start, 0)] = True
            along[max(seen.stop - 1 - side.start, 0) :] = True
    return int(np.count_nonzero(rim & there))


def _agreements(segmentation: Segmentation, passes: Sequence[Labels]) -> dict[int, tuple[float, float]]:
    """Of each label that a pass has: mean Dice between the passes, and the variation of its volume over them."""
    maps = passes if len(passes) > 1 else (segmentation.array, *passes)
    if len(maps) < 2:
        return {}
    count = 1 + max((one.label for one in segmentation.segments if one.layer == 0), default=0)
    pairs = list(combinations(range(len(maps)), 2))
    sizes, shared = np.zeros((len(maps), count)), np.zeros((len(pairs), count))
    for first in range(0, segmentation.grid.shape[0], SLAB):
        slabs = [array[first : first + SLAB].ravel() for array in maps]
        sizes += [_counts(slab, count) for slab in slabs]
        shared += [_counts(slabs[a][slabs[a] == slabs[b]], count) for a, b in pairs]
    both = np.array([sizes[a] + sizes[b] for a, b in pairs])
    dices = np.divide(2 * shared, both, out=np.ones_like(both), where=both > 0)  # two that are empty agree
    means = sizes.mean(axis=0)
    return {
        label: (float(dices[:, label].mean()), float(sizes[:, label].std() / means[label]))
        for label in range(1, count)
        if means[label]
    }


def _counts(labels: Labels, count: int) -> NDArray[np.intp]:
    return np.bincount(labels, minlength=count)[:count]


def _logit(score: float | Floats) -> Any:
    p = np.clip(score, NEAREST, 1 - NEAREST)
    return np.log(p / (1 - p))
