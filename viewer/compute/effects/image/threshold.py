"""Voxels by their value: within a range, on the bright side of an automatic limit, or brighter than what is around."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.checks import Spacing, Values, finite, need_distance, no_progress
from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from viewer.data.arrays import Mask, ProgressCallback

SAMPLE = 4_000_000  # voxels that an automatic limit is found from
TAILS = (0.1, 99.9)  # percentiles; what lies beyond does not stretch the histogram


def between(image: Values, low: float, high: float) -> Mask:
    """The voxels from `low` to `high`, bounds included, in the image's unit; never one that is no number."""
    if not low <= high:
        raise Refusal(f"The lower limit {low:g} lies above the upper one, {high:g}: exchange them.")
    return np.asarray((image >= low) & (image <= high))


def otsu(image: Values, classes: int = 2) -> tuple[float, ...]:
    """The limits, ascending, that part the values into so many classes (2…5) of least variance within.

    N. Otsu, IEEE Trans. SMC 9 (1979) 62; for several classes Liao, Chen and Chung, J. Inf. Sci. Eng. 17 (2001) 713.
    """
    from skimage.filters import threshold_multiotsu, threshold_otsu

    step = max(1, math.ceil((image.size / SAMPLE) ** (1 / 3)))
    sample = np.asarray(image[::step, ::step, ::step], dtype=np.float32)
    values = finite(sample[np.isfinite(sample)])
    tails = np.percentile(values, TAILS)
    values = np.clip(values, *tails) if tails[0] < tails[1] else values
    if classes == 2:
        return (float(threshold_otsu(values)),)
    try:
        return tuple(float(limit) for limit in threshold_multiotsu(values, classes))
    except ValueError as error:
        raise Refusal(f"The image has fewer than {classes} kinds of values here: choose fewer classes.") from error


def local(
    image: Values,
    spacing: Spacing,
    radius: float,
    deviations: float = 0.0,
    *,
    darker: bool = False,
    tell: ProgressCallback = no_progress,
) -> Mask:
    """Voxels brighter than the mean around them plus so many standard deviations; or darker than the mean less them.

    Around: a block that reaches so many mm to each side, and the voxels beside the image's edge again beyond it.
    W. Niblack, An Introduction to Digital Image Processing, 1986. Box: with the radius around what is to be found.
    """
    from scipy.ndimage import uniform_filter

    need_distance(radius)
    values = finite(image)
    values = values - values.mean(dtype=np.float64).astype(np.float32)
    size = [2 * int(radius / mm * (1 + 1e-6)) + 1 for mm in spacing]
    limit = uniform_filter(values, size, mode="nearest")
    tell(0.4)
    if deviations:
        spread = uniform_filter(np.square(values), size, mode="nearest") - np.square(limit)
        tell(0.8)
        limit += np.float32(-deviations if darker else deviations) * np.sqrt(np.maximum(spread, 0))
    tell(1.0)
    return np.asarray(values < limit if darker else values > limit)
