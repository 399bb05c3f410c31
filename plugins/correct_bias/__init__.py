"""Coil shading of MR images, evened out."""

from __future__ import annotations

from plugins.groups import RESTORATION
from plugins.image_checks import check_filterable
from viewer.api import Annotated, Job, Range, Refusal, Volume, plugin, replace


@plugin("Correct shading (N4)", group=RESTORATION, outputs=("corrected",), libraries=("SimpleITK",))
def correct_bias(
    image: Volume,
    job: Job,
    *,
    levels: Annotated[int, Range(1, 6)] = 4,
    iterations: Annotated[int, Range(5, 200, 5)] = 50,
) -> Volume:
    """Even out the smooth shading of an MR image (N4, Tustison 2010).

    The field is estimated at about 4 mm where there is signal (Li's threshold) and divided out at full resolution; its
    mean there is 1. Integer images stay integers of the same scale: the result is rounded to whole stored values.

    Parameters
    ----------
    image
        An MR image; values must not be negative.
    levels
        How fine the field may become: each level halves the distance of its control points.
    iterations
        At most this many at each level.
    """
    from .bias_field import correct_shading

    check_filterable(image)
    if image.modality == "CT" or image.unit == "HU":
        raise Refusal("CT values are calibrated and have no coil shading: choose an MR image.")
    return replace(image, array=correct_shading(image, levels, iterations, job))
