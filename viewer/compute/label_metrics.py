"""How well two label maps agree: overlap and distances of surfaces, label by label.

Surfaces are voxels with a face on something else, distances run between their centres, as MONAI and SciPy have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.grid import Floats, Grid

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """dice: 2|A∩B| / (|A|+|B|). Distances in mm, None where one of the two has no such label.

    hd95: the larger of the two directed 95th percentiles. assd: mean over both surfaces. nsd: share of both surfaces
    that lies within the tolerance of the other (Nikolov et al. 2018).
    """

    dice: float
    hd95: float | None = None
    assd: float | None = None
    nsd: float | None = None


def label_metrics(
    reference: NDArray[Any], other: NDArray[Any], grid: Grid, tolerance: float = 1.0
) -> dict[int, Agreement]:
    """Every label (but 0) of one or both maps [k, j, i] of unsigned integers on `grid`. tolerance: of nsd, mm."""
    from scipy import ndimage  # not before the window is there

    if reference.shape != other.shape:
        raise ValueError("The label maps have different sizes: resample one onto the other first.")
    boxes, others = (ndimage.find_objects(array.astype(np.int64)) for array in (reference, other))
    found = {}
    for place in range(max(len(boxes), len(others))):
        both = [list_[place] for list_ in (boxes, others) if place < len(list_) and list_[place] is not None]
        if both:
            box = tuple(
                slice(min(one[axis].start for one in both), max(one[axis].stop for one in both)) for axis in range(3)
            )
            one, two = reference[box] == place + 1, other[box] == place + 1
            found[place + 1] = agreement(one, two, grid.spacing, tolerance)
    return found


def agreement(one: Mask, two: Mask, spacing: Floats, tolerance: float = 1.0) -> Agreement:
    """Of two masks [k, j, i], at least one of them not empty; spacing along k, j, i and tolerance in mm."""
    from scipy import ndimage  # not before the window is there

    sizes = int(one.sum()) + int(two.sum())
    dice = 2 * int((one & two).sum()) / max(sizes, 1)
    if not (one.any() and two.any()):
        return Agreement(dice)
    first, second = _surface(one), _surface(two)
    there = ndimage.distance_transform_edt(~second, spacing)[first]
    back = ndimage.distance_transform_edt(~first, spacing)[second]
    every = np.concatenate([there, back])
    hd95 = max(float(np.percentile(there, 95)), float(np.percentile(back, 95)))
    return Agreement(dice, hd95, float(every.mean()), float((every <= tolerance).mean()))


def _surface(mask: Mask) -> Mask:
    """Voxels with a face on something else, or on the edge of the image."""
    from scipy import ndimage  # not before the window is there

    return np.asarray(mask & ~ndimage.binary_erosion(mask))
