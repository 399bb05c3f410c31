"""What every effect is given, and what it says no to. Arrays are those of one box, [k, j, i].

Nothing is known outside the box: cut it with as many mm around the segment as the effect names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.compute.progress import Refusal
from viewer.data.arrays import Floats, Labels, Mask, ProgressCallback

Values = NDArray[Any]  # of an image, in the unit that limits and tolerances have
Spacing = Sequence[float] | Floats  # mm along k, j, i


def no_progress(fraction: float) -> None:
    """Tell nobody: where no progress is asked for."""


def sub_progress(tell: ProgressCallback, first: float, last: float) -> ProgressCallback:
    """A callback for a part of the work, which runs from one fraction of the whole to another."""
    return lambda fraction: tell(first + fraction * (last - first))


def need_voxels(mask: Mask) -> None:
    """Raises Refusal for an empty segment."""
    if not mask.any():
        raise Refusal("The segment is empty here: paint something first.")


def need_distance(mm: float) -> None:
    """Raises Refusal for what is no distance in mm above 0."""
    if not (np.isfinite(mm) and mm > 0):
        raise Refusal(f"The distance must be more than 0 mm, not {mm:g}: enter another one.")


def need_seeds(seeds: Labels) -> None:
    """Raises Refusal for seeds of fewer than two segments."""
    labels = np.unique(seeds)
    if len(labels[labels > 0]) < 2:
        raise Refusal("There are seeds of fewer than two segments here: paint some in what is wanted and in the rest.")


def finite(image: Values) -> NDArray[np.float32]:
    """The values as float32. Raises Refusal for an image that holds NaN or infinity, and for one of a single value."""
    values = np.asarray(image, dtype=np.float32)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not np.isfinite([low, high]).all():
        raise Refusal("The image has values here that are no numbers: choose another image, or a part without them.")
    if low == high:
        raise Refusal("The image has a single value here: there is nothing to tell apart.")
    return values
