"""Two segmentations of one image held against each other, segment by segment: how well they agree, and where not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.labels.label_metrics import Agreement, agreement, surface_distances
from viewer.compute.progress import Refusal
from viewer.data.box import Box, box_size, box_union, label_boxes
from viewer.data.segmentation import Segment, Segmentation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from viewer.data.annotations.region import Point
    from viewer.data.arrays import Mask, ProgressCallback

Pair = tuple[Segment | None, Segment | None]
EXTRA, MISSED = 1, 2  # labels of `differences`


@dataclass(frozen=True)
class SegmentReview:
    """How one segment differs between the reference and the other segmentation; None where one has no such segment.

    agreement: None where neither has voxels. volumes, extra (only in the other: false positive) and missed (only in the
    reference: false negative): mm³. worst: the place in the grid's space, LPS mm, from which the largest distance
    between the surfaces runs, and that distance in mm; where only one has voxels, the middle of these, and None.
    box: that holds both.
    """

    reference: Segment | None
    other: Segment | None
    volumes: tuple[float, float] = (0.0, 0.0)
    extra: float = 0.0
    missed: float = 0.0
    agreement: Agreement | None = None
    worst: Point | None = None
    worst_distance: float | None = None
    box: Box | None = None

    @property
    def name(self) -> str:
        """The name that the reference gives it, else the other."""
        named = self.reference or self.other
        return named.name if named else ""


def pairs(reference: Iterable[Segment], other: Iterable[Segment]) -> list[Pair]:
    """The segments of two segmentations that mean the same: of the same code and side, else of the same name.

    In the reference's order, then what only the other has.
    """
    ours, left = tuple(reference), list(other)
    by_code = [_take(left, one, _same_code) for one in ours]
    found = [(one, coded or _take(left, one, _same_name)) for one, coded in zip(ours, by_code, strict=True)]
    return [*found, *((None, one) for one in left)]


def review(
    reference: Segmentation, other: Segmentation, tolerance: float = 1.0, tell: ProgressCallback = lambda fraction: None
) -> list[SegmentReview]:
    """The review of every pair of segments. tolerance: of the NSD, mm. tell: gets 0…1; may raise Cancelled.

    Raises Refusal, one sentence, where the two do not lie on one grid.
    """
    check(reference, other)
    ours, theirs = (boxes_of(one) for one in (reference, other))
    matched, found = pairs(reference.segments, other.segments), []
    boxes = [box_union(_box(ours, one), _box(theirs, two)) for one, two in matched]
    sizes = np.cumsum([0, *(1 + (box_size(box) if box else 0) for box in boxes)])
    sizes = sizes / max(1, sizes[-1])
    for pair, box, start, stop in zip(matched, boxes, sizes, sizes[1:], strict=False):
        tell(float(start))
        part = lambda done, start=start, stop=stop: tell(float(start + (stop - start) * done))  # noqa: E731
        found.append(_review_pair(reference, other, pair, box, tolerance, part) if box else SegmentReview(*pair))
    tell(1.0)
    return found


def segment_dices(given: Segmentation, now: Segmentation) -> dict[str, float]:
    """Dice of each segment of `given` with what became of it, by its name by now; 1 where neither has a voxel.

    Matched by key; where that is another one now (it went into another label map), as `pairs` does.
    """
    check(given, now)
    ours, theirs = boxes_of(given), boxes_of(now)
    kept = {one.key for one in given.segments} & {one.key for one in now.segments}
    left = [one for one in now.segments if one.key not in kept]
    moved = pairs([one for one in given.segments if one.key not in kept], left)
    matched = [(one, now.segment(one.key)) for one in given.segments if one.key in kept]
    found = {}
    for one, two in [*matched, *((one, two) for one, two in moved if one is not None)]:
        box = box_union(_box(ours, one), _box(theirs, two))
        named = two.name if two else one.name
        found[named] = _dice(mask_of(given, one, box), mask_of(now, two, box)) if box else 1.0
    return found


def _dice(one: Mask, two: Mask) -> float:
    return 2 * np.count_nonzero(one & two) / (np.count_nonzero(one) + np.count_nonzero(two))


def differences(reference: Segmentation, other: Segmentation, found: SegmentReview) -> NDArray[np.uint8] | None:
    """EXTRA where only the other has the segment, MISSED where only the reference has it, in its box [k, j, i]."""
    if found.box is None:
        return None
    one, two = mask_of(reference, found.reference, found.box), mask_of(other, found.other, found.box)
    return np.where(two & ~one, EXTRA, np.where(one & ~two, MISSED, 0)).astype(np.uint8)


def check(reference: Segmentation, other: Segmentation) -> None:
    """Raises Refusal, one sentence, where the two do not lie on one grid."""
    if not reference.grid.matches(other.grid):
        raise Refusal(
            f"{reference.name} and {other.name} do not lie on one grid: resample one onto the other's image first."
        )


def boxes_of(segmentation: Segmentation) -> list[dict[int, Box]]:
    """The boxes around the labels of each label map."""
    return [label_boxes(array) for array in segmentation.maps]


def mask_of(segmentation: Segmentation, segment: Segment | None, box: Box) -> Mask:
    """The segment's voxels in a box; none where there is no segment."""
    array = segmentation.maps[segment.layer if segment else 0][box]
    return np.asarray(array == segment.label) if segment else np.zeros(array.shape, bool)


def _review_pair(
    reference: Segmentation, other: Segmentation, pair: Pair, box: Box, tolerance: float, tell: ProgressCallback
) -> SegmentReview:
    one, two = mask_of(reference, pair[0], box), mask_of(other, pair[1], box)
    grid = reference.grid
    apart = surface_distances(one, two, grid.spacing, tell)
    far, voxel = apart.worst if apart else (None, middle_voxel(one | two))
    cell = float(abs(np.linalg.det(grid.affine[:3, :3])))
    ours, theirs, both = (int(np.count_nonzero(mask)) for mask in (one, two, one & two))
    x, y, z = (float(mm) for mm in grid.to_world(voxel + [side.start for side in box]))
    return SegmentReview(
        *pair,
        volumes=(ours * cell, theirs * cell),
        extra=(theirs - both) * cell,
        missed=(ours - both) * cell,
        agreement=agreement(one, two, apart, tolerance),
        worst=(x, y, z),
        worst_distance=far,
        box=box,
    )


def middle_voxel(mask: Mask) -> NDArray[Any]:
    """The voxel of a mask that lies nearest to the middle of them all."""
    voxels = np.argwhere(mask)
    nearest: NDArray[Any] = voxels[((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return nearest


def _box(boxes: list[dict[int, Box]], segment: Segment | None) -> Box | None:
    return boxes[segment.layer].get(segment.label) if segment else None


def _take(left: list[Segment], one: Segment, same: Callable[[Segment, Segment], bool]) -> Segment | None:
    """The first that means the same as one, out of the list."""
    found = next((two for two in left if same(one, two)), None)
    if found is not None:
        left.remove(found)
    return found


def _same_code(one: Segment, two: Segment) -> bool:
    return bool(one.code and two.code and one.code[:2] == two.code[:2] and one.side == two.side)


def _same_name(one: Segment, two: Segment) -> bool:
    return one.name.strip().casefold() == two.name.strip().casefold()
