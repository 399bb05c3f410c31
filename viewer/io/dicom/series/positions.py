"""Which frames of a stack lie in the same slice.

What frames are (echo, b-value, time …) tells time points apart before their places are compared, so that a tolerance
can be taken that fits the spacing: the table or the patient moves a little between two time points.
"""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import TYPE_CHECKING

import numpy as np

from viewer.io.dicom.series.stack import even_spacing, neighbour_distance, whole_steps
from viewer.io.dicom.series.timepoints import ATTRIBUTES, COMPLETE, word_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats
    from viewer.io.dicom.headers.header import Frame

SAME_PLACE = 0.01  # mm along the normal within one slice, where nothing says more
TOLERANCE = 0.35  # of spacing and thickness: places that differ by less may be one slice
JITTER, MOST = 0.15, 0.5  # of these, and mm, where no attribute tells the frames of one slice apart
MOST_STACKS = 64  # bed positions of one series
MEANINGS = ("temporal", "echo", "b_value")  # never parts of one stack that was acquired in turns


def slice_numbers(frames: Sequence[Frame], depth: Floats, across: Floats) -> tuple[NDArray[np.intp], float]:
    """The slice that each frame lies in, counted along the normal, and how far apart frames of one slice lie, mm.

    depth: mm along the normal. across [frame, 3]: the rest of each position, mm.
    """
    exact = _clusters(depth, SAME_PLACE)
    if exact.max() == 0:
        return exact, 0.0
    evenly = exact.max() > 1 and is_even(places_of(depth, exact))
    for name, spacing in _spacings(frames, depth):
        tolerance = (TOLERANCE if name else JITTER) * spacing
        if not evenly or name in MEANINGS or np.ptp(depth) <= tolerance:
            loose, spread = _merge_close(depth, across, tolerance)
            if loose is not None and loose.max() < exact.max() and (name or len(set(np.bincount(loose))) == 1):
                return loose, spread
    return exact, 0.0


def stacks_apart(
    frames: Sequence[Frame], depth: Floats, slices: NDArray[np.intp]
) -> list[tuple[NDArray[np.intp], str]]:
    """Frames of stacks that reach into each other at other places: overlapping beds, time points far apart.

    The indices of each stack and what it is called; none where the frames make one stack.
    """
    places = places_of(depth, slices)
    if len(places) == len(slices) and _is_regular(places):
        return []
    for name in ATTRIBUTES:
        blocks = [np.array(block) for block in _parts(frames, name)]
        stacks = [np.unique(slices[block]) for block in blocks]
        own = [places_of(depth[block], slices[block]) for block in blocks]
        if 1 < len(stacks) <= MOST_STACKS and _are_stacks(own) and _reach_beyond(stacks, len(places)):
            words = [word_of(name, ATTRIBUTES[name](frames[block[0]])) for block in blocks]
            return list(zip(blocks, words, strict=True))
    return []


def _reach_beyond(stacks: list[NDArray[np.intp]], places: int) -> bool:
    """Whether stacks have few slices in common, and none has all of another: not what one scan does at many times."""
    common = sum(map(len, stacks)) - places
    alone = all(not set(one) <= set(other) for one, other in permutations(map(tuple, stacks), 2))
    return alone and common < (COMPLETE * len(stacks) - 1) * places


def _are_stacks(stacks: list[Floats]) -> bool:
    """Whether places make regular stacks that overlap; slices acquired in turns, or simultaneously, do not."""
    widest = np.diff(np.sort(np.concatenate(stacks))).max()
    if max(map(len, stacks)) < 2 or any(
        not _is_regular(own) or np.diff(own).max(initial=0) > 2.01 * widest for own in stacks
    ):
        return False
    ends = sorted((float(own[0]), float(own[-1])) for own in stacks)
    return any(after[0] < before[1] for before, after in pairwise(ends))


def _parts(frames: Sequence[Frame], name: str) -> list[list[int]]:
    """The frames of each value of an attribute."""
    parts: dict[object, list[int]] = {}
    for n, frame in enumerate(frames):
        parts.setdefault(ATTRIBUTES[name](frame), []).append(n)
    return list(parts.values())


def _spacings(frames: Sequence[Frame], depth: Floats) -> Iterator[tuple[str, float]]:
    """The attributes that part the frames into stacks, each with the smallest spacing of these, mm."""
    thick = [frame.thickness for frame in frames if frame.thickness]
    for name in ATTRIBUTES:
        parts = _parts(frames, name)
        if len(parts) < 2:
            continue
        gaps = [np.diff(np.sort(depth[part])) for part in parts if len(part) > 1]
        if gaps and min(map(np.min, gaps)) > SAME_PLACE:
            yield name, min([*map(neighbour_distance, gaps), *thick])
        elif not gaps and thick:
            yield name, min(thick)  # single slices, one for each time point
    steps = np.sort(np.diff(np.sort(depth)))
    if len(steps) > 1:
        jump = int(np.argmax(steps[1:] / np.maximum(steps[:-1], SAME_PLACE)))
        yield "", min([float(steps[jump + 1]), *thick, MOST / JITTER])


def _merge_close(depth: Floats, across: Floats, tolerance: float) -> tuple[NDArray[np.intp] | None, float]:
    """Slices of frames closer than `tolerance`, and their spread, mm; None where they are not clearly apart."""
    slices = _clusters(depth, tolerance)
    count = int(slices.max()) + 1
    counts = np.bincount(slices)
    order = np.argsort(slices, kind="stable")
    first = np.searchsorted(slices[order], np.arange(count))  # of each slice, among the ordered frames
    low, high = (bound.reduceat(depth[order], first) for bound in (np.minimum, np.maximum))
    left, right = (bound.reduceat(across[order], first) for bound in (np.minimum, np.maximum))
    spread = float((high - low).max())
    if (right - left).max() > tolerance:
        return None, 0.0
    if count == 1:
        return (slices, spread) if spread <= tolerance else (None, 0.0)
    between = float(np.diff((low + high) / 2).min())
    apart = spread <= TOLERANCE * between and counts.max() <= 2 * np.median(counts)
    return (slices, spread) if apart else (None, 0.0)


def _clusters(depth: Floats, tolerance: float) -> NDArray[np.intp]:
    """The number along the normal of the cluster that each depth belongs to: a wider gap parts two clusters."""
    order = np.argsort(depth, kind="stable")
    steps = np.diff(depth[order], prepend=depth[order[0]]) > tolerance
    slices = np.empty(len(depth), np.intp)
    slices[order] = np.cumsum(steps)
    return slices


def is_even(places: Floats) -> bool:
    """Whether rising places are evenly spaced, mm."""
    return len(places) < 3 or even_spacing(places) is not None


def _is_regular(places: Floats) -> bool:
    """The same, or some slices are only missing."""
    return is_even(places) or whole_steps(np.diff(places)) is not None


def places_of(depth: Floats, slices: NDArray[np.intp]) -> Floats:
    """The place of each slice, rising, mm."""
    return depth[np.unique(slices, return_index=True)[1]]
