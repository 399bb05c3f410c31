"""An image without what lies outside a segment, or without what lies in it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from plugins.groups import SEGMENTATION
from plugins.image_checks import check_finite
from viewer.api import Job, Refusal, Segmentation, Volume, masked, plugin, replace


@plugin("Mask image", group=SEGMENTATION, outputs=("masked",))
def mask_image(
    image: Volume, segments: Segmentation, job: Job, *, keep: Literal["inside", "outside"] = "inside"
) -> Volume:
    """Keep the image inside the segments, or outside of them; elsewhere it gets its smallest value.

    Parameters
    ----------
    image
        The image, on the grid of the segments.
    segments
        What is kept, or taken out: all segments together.
    keep
        Inside or outside of the segments.
    """
    if not image.grid.matches(segments.grid):
        raise Refusal("the segments do not lie on the image's grid: resample the image onto it first.")
    check_finite(image)
    job.progress(0.1, "masking")
    held = np.any([array > 0 for array in segments.maps], axis=0)
    empty = float(image.array.min())
    return replace(image, array=masked(image.array, held, empty, outside=keep == "inside"))
