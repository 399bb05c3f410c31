"""Which frames of a series cannot share a volume: other directions, frames of reference, image or pixel types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viewer.data.notice import Notice
from viewer.io.dicom.series.positions import SAME_PLACE, is_even
from viewer.io.dicom.series.stack import normal_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.arrays import Floats
    from viewer.io.dicom.headers.header import Frame, FrameSet

SAME_DIRECTION = 2e-3  # difference of direction cosines within one stack
Parts = list[NDArray[np.intp]]


def split_by_direction(frame_set: FrameSet) -> list[FrameSet]:
    """Split by slice orientation; frames without a position stay together."""
    known: dict[tuple[float, ...] | None, int] = {}
    seeds: list[tuple[float, ...] | None] = []
    members: list[list[int]] = []
    for n, frame in enumerate(frame_set.frames):
        direction = frame.orientation
        if direction not in known:
            close = (i for i, seed in enumerate(seeds) if same_direction(seed, direction))
            known[direction] = next(close, len(seeds))
            if known[direction] == len(seeds):
                seeds.append(direction)
                members.append([])
        members[known[direction]].append(n)
    return [frame_set.take(chosen) for chosen in members]


def same_direction(seed: tuple[float, ...] | None, direction: tuple[float, ...] | None) -> bool:
    """Whether two pairs of row and column directions are one stack's, rounding aside; None equals None only."""
    if seed is None or direction is None:
        return seed is direction
    return all(abs(a - b) <= SAME_DIRECTION for a, b in zip(seed, direction, strict=True))


def split_by_meaning(frame_set: FrameSet) -> list[FrameSet]:
    """Split by frame of reference, image type and signedness, but not where these alternate within one stack."""
    sets = [frame_set]
    for read, is_one, notice in SPLITS:
        sets = [part for one in sets for part in _split(one, read, is_one, notice)]
    return sets


def _split(
    one: FrameSet, read: Callable[[Frame], object], is_one: Callable[[Floats, Parts], bool], notice: Notice
) -> list[FrameSet]:
    """The frames by what `read` says of them; all together, and said, where they are one stack all the same."""
    parts: dict[object, list[int]] = {}
    for n, frame in enumerate(one.frames):
        parts.setdefault(read(frame), []).append(n)
    if len(parts) < 2 or one.frames[0].orientation is None:
        return [one]
    if is_one(depth_of(one), [np.array(part) for part in parts.values()]):
        return [one.noted(notice)]
    return [one.take(part) for part in parts.values()]


def _disjoint(depth: Floats, parts: Parts) -> bool:
    """Whether no two parts have a frame at the same place."""
    places = np.concatenate([np.unique(np.rint(depth[part] / SAME_PLACE)) for part in parts])
    return len(np.unique(places)) == len(places)


def _alternate(depth: Floats, parts: Parts) -> bool:
    """Whether parts make an even stack only together; not where each is a contiguous stack of its own."""
    if not _disjoint(depth, parts) or not is_even(np.unique(np.rint(depth / SAME_PLACE) * SAME_PLACE)):
        return False
    owner = np.empty(len(depth), np.intp)
    for number, part in enumerate(parts):
        owner[part] = number
    changes = np.count_nonzero(np.diff(owner[np.argsort(depth, kind="stable")]))
    places = [len(np.unique(np.rint(depth[part] / SAME_PLACE))) for part in parts]
    return bool(changes >= len(parts)) or min(places) == 1


def _no_stacks(depth: Floats, parts: Parts) -> bool:
    """Whether no part has a stack of its own."""
    return sum(map(len, parts)) == len(parts) or _alternate(depth, parts)


# What may alternate within one stack: how it is read from a frame, when it does no harm, and what is said then.
SPLITS: tuple[tuple[Callable[[Frame], object], Callable[[Floats, Parts], bool], Notice], ...] = (
    (
        lambda frame: frame.frame_of_reference,
        _no_stacks,
        Notice(
            "several-frames-of-reference",
            "Slices of one stack name different frames of reference; they are placed by their positions.",
        ),
    ),
    (
        lambda frame: frame.kind,
        _alternate,
        Notice("several-image-types", "The image type changes from slice to slice within one stack."),
    ),
    (
        lambda frame: frame.stored,
        _disjoint,
        Notice("several-pixel-types", "The pixel type (signed or unsigned) changes from slice to slice."),
    ),
)


def depth_of(frame_set: FrameSet) -> Floats:
    """How far along the first frame's normal each frame lies, mm."""
    return np.array([frame.position for frame in frame_set.frames]) @ normal_of(frame_set.frames[0].orientation or ())
