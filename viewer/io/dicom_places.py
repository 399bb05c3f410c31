"""Which frames of a stack lie in the same slice.

What frames are (echo, b-value, time …) tells time points apart before their places are compared, so that a tolerance
can be taken that fits the spacing: the table or the patient moves a little between two time points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from viewer.data.grid import Floats
from viewer.io.dicom_header import Frame
from viewer.io.dicom_stack import even_spacing, neighbours
from viewer.io.dicom_times import ATTRIBUTES

SAME_PLACE = 0.01  # mm along the normal within one slice, where nothing says more
TOLERANCE = 0.35  # of spacing and thickness: places that differ by less may be one slice
JITTER, MOST = 0.07, 0.5  # of these, and mm, where no attribute tells the frames of one slice apart
MEANINGS = ("temporal", "echo", "b_value")  # never parts of one stack that was acquired in turns


def slice_numbers(frames: Sequence[Frame], depth: Floats) -> tuple[NDArray[np.intp], float]:
    """The slice that each frame lies in, counted along the normal, and how far apart frames of one slice lie, mm.

    depth: mm along the normal.
    """
    exact = _clusters(depth, SAME_PLACE)
    if exact.max() == 0:
        return exact, 0.0
    evenly = is_even(places_of(depth, exact))
    for name, spacing in _spacings(frames, depth):
        if not evenly or name in MEANINGS:
            loose, spread = _joined(depth, (TOLERANCE if name else JITTER) * spacing)
            if loose is not None and loose.max() < exact.max():
                return loose, spread
    return exact, 0.0


def stacks_apart(frames: Sequence[Frame], depth: Floats, slices: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Frames of stacks that reach into each other at other places: overlapping beds, time points far apart.

    One array of indices for each stack; none where the frames make one stack, or each place is there several times.
    """
    if slices.max() + 1 < len(slices) or is_even(places_of(depth, slices)):
        return []
    for name in ATTRIBUTES:
        blocks = [np.array(block) for block in _parts(frames, name)]
        if len(blocks) < 2 or any(len(block) < 3 or not is_even(np.sort(depth[block])) for block in blocks):
            continue
        ends = sorted((float(depth[block].min()), float(depth[block].max())) for block in blocks)
        if any(after[0] < before[1] for before, after in pairwise(ends)):
            return blocks
    return []


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
            yield name, min([*map(neighbours, gaps), *thick])
        elif not gaps and name in MEANINGS and thick:
            yield name, min(thick)  # single slices, one for each time point
    steps = np.sort(np.diff(np.sort(depth)))
    if len(steps) > 1:
        jump = int(np.argmax(steps[1:] / np.maximum(steps[:-1], SAME_PLACE)))
        yield "", min([float(steps[jump + 1]), *thick, MOST / JITTER])


def _joined(depth: Floats, tolerance: float) -> tuple[NDArray[np.intp] | None, float]:
    """Slices of frames closer than `tolerance`, and their spread; None where they are not clearly apart."""
    slices = _clusters(depth, tolerance)
    count = int(slices.max()) + 1
    counts = np.bincount(slices)
    ends = np.array([(depth[slices == n].min(), depth[slices == n].max()) for n in range(count)])
    spread = float(np.ptp(ends, axis=1).max())
    if count == 1:
        return (slices, spread) if spread <= tolerance else (None, 0.0)
    between = float(np.diff(ends.mean(axis=1)).min())
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


def places_of(depth: Floats, slices: NDArray[np.intp]) -> Floats:
    """The place of each slice, rising, mm."""
    return depth[np.unique(slices, return_index=True)[1]]
