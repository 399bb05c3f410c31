"""Basins of the gradient, each flooded from the seeds of one segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.checks import Spacing, Values, finite, need_seeds, no_progress, sub_progress
from viewer.compute.effects.distance import blurred, gradient_magnitude, itk_image
from viewer.compute.itk_filter import execute

if TYPE_CHECKING:
    from viewer.data.arrays import Labels, ProgressCallback

LEVELS = 4095  # steps of the gradient; whole numbers are flooded fast
STEEPEST = 99.9  # percentile of the gradient at the highest level


def from_markers(
    image: Values, seeds: Labels, spacing: Spacing, *, smooth: float = 1.0, tell: ProgressCallback = no_progress
) -> Labels:
    """A label for every voxel; those of the seeds stay. Paint seeds of what is not wanted, too.

    smooth: standard deviation of the Gaussian that noise is blurred with before the gradient is taken, mm; 0: none.
    F. Meyer, S. Beucher, J. Vis. Commun. Image Represent. 1 (1990) 21. Box: about 20 mm around all seeds.
    Raises Refusal for seeds of fewer than two segments.
    """
    import SimpleITK as sitk

    need_seeds(seeds)
    steep = gradient_magnitude(blurred(finite(image), smooth, spacing, sub_progress(tell, 0, 0.3)), spacing)
    top = float(np.percentile(steep, STEEPEST)) or 1.0
    levels = np.minimum(steep * (LEVELS / top), LEVELS).astype(np.uint16)
    flood = sitk.MorphologicalWatershedFromMarkersImageFilter()
    flood.MarkWatershedLineOff()
    flood.FullyConnectedOff()
    markers = itk_image(seeds, spacing)
    flooded = execute(flood, sub_progress(tell, 0.3, 1), itk_image(levels, spacing), markers)
    return np.asarray(sitk.GetArrayFromImage(flooded), dtype=seeds.dtype)
