"""What the network sees of a FLAIR image: the brain alone, in multiples of its median, and where in the brain it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
RANGE = (-2.0, 6.0)  # of the grey values that the network sees


def relative_values(image: Floats, median: float) -> Floats:
    """Grey values of magnitude MR to what the network sees: 0 at the brain's median, −2 at none."""
    return np.asarray(np.clip(2 * (image / np.float32(median) - 1), *RANGE), np.float32)


def inputs(values: Floats, brain: Mask, places: Floats) -> Floats:
    """[4, k, j, i]: relative values, RANGE[0] outside the brain, and places: see brain_places."""
    return np.concatenate([np.where(brain, values, RANGE[0])[None], places]).astype(np.float32)


def brain_places(at: Floats, low: Floats, high: Floats) -> Floats:
    """Where voxels lie in the box around a brain: [3, k, j, i] as `at`, each from −1 to 1; left is as right.

    at: places [3, k, j, i] along k (to the head), j (to the back) and i (to the left); low, high: of the box, alike.
    """
    ends = (low[:, None, None, None], high[:, None, None, None])
    placed = 2 * (at - ends[0]) / (ends[1] - ends[0]) - 1
    placed[2] = np.abs(placed[2])
    return np.asarray(np.clip(placed, -1.2, 1.2), np.float32)
