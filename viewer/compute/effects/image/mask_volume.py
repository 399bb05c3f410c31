"""An image without what lies outside a segment, or without what lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from viewer.compute.effects.checks import Values
    from viewer.data.arrays import Mask


def masked(array: Values, mask: Mask, fill: float, *, outside: bool = True) -> Values:
    """A copy [k, j, i] or [k, j, i, c] of the same type, with `fill` outside the segment, or inside it.

    fill: a stored value. Raises Refusal where the type cannot hold it, and where the shapes differ.
    """
    if array.shape[:3] != mask.shape:
        raise Refusal("The image does not lie on the segment's grid: resample it onto that grid first.")
    if not np.isfinite(fill):
        raise Refusal("The value to fill with is no number: enter another one.")
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        if not (float(fill).is_integer() and limits.min <= fill <= limits.max):
            raise Refusal(f"The image holds whole numbers from {limits.min} to {limits.max}, not {fill:g}: enter one.")
    out = array.copy()
    out[~mask if outside else mask] = fill
    return out
