"""The bits of a stored pixel that are its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.io.read_plan import Plan


def significant_bits(pixels: NDArray[Any], plan: Plan) -> NDArray[Any]:
    """The values without what else is stored in the upper bits, such as overlays (PS3.5 8.1.1). Changes `pixels`.

    The padding value is left as it is, even where it needs more bits.
    """
    spare = 8 * pixels.dtype.itemsize - plan.bits_stored
    if pixels.dtype.kind not in "iu" or plan.bits_stored < 1 or spare < 1:
        return pixels
    padding = None if plan.padding is None else pixels == plan.padding
    up = max(0, 8 * pixels.dtype.itemsize - 1 - plan.high_bit)
    np.left_shift(pixels, up, out=pixels)
    np.right_shift(pixels, spare, out=pixels)
    if padding is not None and padding.any():
        pixels[padding] = pixels.dtype.type(plan.padding)
    return pixels
