"""What hangs together with a voxel, or with a segment, and is alike.

About a voxel it is looked for in a box that grows with it, so that small regions cost little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.checks import Values, finite, need_voxels, no_progress
from viewer.data.box import Box, box_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viewer.data.arrays import Labels, Mask, ProgressCallback

FIRST = 24  # voxels from the seed to the faces of the first box


def grow(
    fits: Callable[[Box], Mask], shape: Sequence[int], seed: Sequence[int], tell: ProgressCallback
) -> tuple[Box, Mask]:
    """The voxels that fit and hang together with the seed by their faces.

    fits: which voxels of a box do. shape: of the whole array [k, j, i]; seed: k, j, i.
    tell: gets the progress, 0…1, after each box; may raise to cancel.
    Returns a box and the mask in it; the mask is empty where the seed itself does not fit.
    """
    from scipy.ndimage import label

    reach = np.array([[at - FIRST, at + FIRST + 1] for at in seed])
    ends = np.array([[0, size] for size in shape])
    while True:
        limits = np.clip(reach, 0, np.asarray(shape)[:, None])
        box = box_at(limits[:, 0].tolist(), (limits[:, 1] - limits[:, 0]).tolist())
        parts, _ = label(fits(box))
        at = tuple(index - int(low) for index, low in zip(seed, limits[:, 0], strict=True))
        mask = parts == parts[at] if parts[at] else np.zeros(parts.shape, dtype=bool)
        touched = touched_faces(mask) & (limits != ends)
        if not touched.any():
            return box, mask
        tell(min(0.9, float(np.prod(np.ptp(limits, axis=1)) / np.prod(np.asarray(shape, dtype=float)))))
        size = np.ptp(limits, axis=1)
        reach = limits + touched * size[:, None] * np.array([-1, 1])


def connected_threshold(
    array: Values,
    seed: Sequence[int],
    values: tuple[float, float],
    tell: ProgressCallback,
) -> tuple[Box, Mask]:
    """The voxels from `values[0]` to `values[1]` (as the array holds them) that hang together with the seed."""
    low, high = values
    return grow(lambda box: (array[box] >= low) & (array[box] <= high), array.shape, seed, tell)


def connected_label(labels: Labels, seed: Sequence[int], tell: ProgressCallback) -> tuple[Box, Mask]:
    """The voxels that hang together with the seed and have its label."""
    wanted = labels[tuple(seed)]
    return grow(lambda box: labels[box] == wanted, labels.shape, seed, tell)


def confidence_connected(
    image: Values, mask: Mask, deviations: float = 2.5, rounds: int = 3, tell: ProgressCallback = no_progress
) -> Mask:
    """The segment with all that hangs together with it and is alike, as in ITK's confidence connected filter.

    Alike is what lies within so many standard deviations of the mean of its values; these are taken anew from what was
    found, round by round. ITK stretches the range to hold all that was painted, noise and slips too; this one does not.
    Box: with as many mm around the segment as it may grow. Raises Refusal for an empty segment and a bad image.
    """
    from scipy.ndimage import label

    need_voxels(mask)
    values, grown = finite(image), mask
    for done in range(rounds):
        inside = values[grown].astype(np.float64)
        mean, reach = inside.mean(), deviations * inside.std()
        parts, count = label(np.abs(values - np.float32(mean)) <= reach)
        wanted = np.zeros(count + 1, bool)
        wanted[parts[mask]] = True
        wanted[0] = False
        before, grown = grown, wanted[parts]
        tell((done + 1) / rounds)
        if np.array_equal(before, grown) or not grown.any():
            break
    return grown | mask


def touched_faces(mask: Mask) -> Mask:
    """Whether a mask [k, j, i] reaches the first and the last voxel along each axis: (3, 2)."""
    return np.array([[mask.take(0, axis).any(), mask.take(-1, axis).any()] for axis in range(3)])
