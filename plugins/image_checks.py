"""Images that plugins refuse, each in one sentence for the user."""

from __future__ import annotations

import numpy as np

from viewer.api import Refusal, Volume


def check_filterable(image: Volume) -> None:
    """Raises Refusal for an image that no filter works on: in colour, hardly wider than a line, or with gaps."""
    if image.color:
        raise Refusal("colour images cannot be filtered: choose a grey-scale one.")
    if np.count_nonzero(np.array(image.array.shape) > 1) < 2:
        raise Refusal("the image must be at least two voxels wide in two directions.")
    check_finite(image)


def check_finite(image: Volume) -> None:
    """Raises Refusal for an image with voxels that are not numbers."""
    if image.array.dtype.kind == "f" and not all(np.isfinite(plane).all() for plane in image.array):
        raise Refusal("the image holds voxels without a value (NaN): fill them first.")
