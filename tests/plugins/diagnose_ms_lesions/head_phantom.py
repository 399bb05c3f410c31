"""A head of balls: cortex around white matter around a ventricle, and a brain stem below."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 72


def head_labels(side: int = SIDE) -> NDArray[np.uint16]:
    """FreeSurfer's numbers [k, j, i] of 1 mm, LPS."""
    k, j, i = np.indices((side,) * 3) - (side - 1) / 2
    radius = np.sqrt(k**2 + j**2 + i**2) * 72 / side
    labels = np.zeros((side,) * 3, np.uint16)
    labels[radius < 32] = 24
    labels[radius < 30] = 3
    labels[radius < 26] = 2
    labels[radius < 8] = 4
    labels[(radius < 26) & (k * 72 / side < -18)] = 16
    labels[(i < 0) & (labels > 1) & (labels < 5)] += 39  # the right side
    return labels
