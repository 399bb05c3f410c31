"""What a computation changed: result minus input."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray


def difference(result: Volume, before: Volume) -> Volume:
    """The volume result − before in their unit; exact, in integers, where both are integers of one scale.

    Raises ValueError where they do not lie on one grid, or are in colour.
    """
    if result.color or before.color:
        raise ValueError("Images in colour have no difference: choose grey-scale ones.")
    if not result.grid.matches(before.grid):
        raise ValueError("The two images do not lie on one grid: resample one onto the other first.")
    same_scale = (result.slope, result.intercept) == (before.slope, before.intercept)
    whole = all(one.array.dtype.kind in "iu" and one.array.dtype.itemsize <= 2 for one in (result, before))
    array = _integers(result, before) if same_scale and whole else result.values() - before.values()
    made = result.provenance
    return Volume(
        array,
        before.grid,
        name=f"{result.name}, difference",
        unit=before.unit,
        slope=result.slope if array.dtype.kind == "i" else 1.0,
        source=before.source,
        badges=tuple(dict.fromkeys((*before.badges, *result.badges))),
        provenance=replace(made, plugin="difference", parameters={"of": made.plugin} | made.parameters)
        if made
        else None,
    )


def _integers(result: Volume, before: Volume) -> NDArray[Any]:
    """The difference of the stored values, in 16 bits where they are enough."""
    gap: NDArray[Any] = np.subtract(result.array, before.array, dtype=np.int32)
    limits = np.iinfo(np.int16)
    small = limits.min <= gap.min() and gap.max() <= limits.max
    return gap.astype(np.int16) if small else gap
