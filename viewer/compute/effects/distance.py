"""What is near to what, in mm: distances to a segment, and values blurred over what is near."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.effects.checks import Spacing, Values, no_progress
from viewer.compute.itk_filter import execute

if TYPE_CHECKING:
    import SimpleITK as sitk

    from viewer.data.arrays import Floats32, Mask, ProgressCallback


REACH = 3.0  # standard deviations that a Gaussian reaches
ROUNDING = 1e-5  # of a distance: two voxels that lie exactly at it count as within


def distance(mask: Mask, spacing: Spacing, tell: ProgressCallback = no_progress) -> Floats32:
    """Distance map [k, j, i], mm: from each voxel's centre to the nearest one of the mask, 0 in it.

    Infinite for an empty mask. Exact Euclidean distances in linear time (Maurer, Qi, Raghavan, IEEE PAMI 25 (2003)
    265).
    """
    import SimpleITK as sitk

    if mask.all() or not mask.any():
        return np.full(mask.shape, 0 if mask.any() else np.inf, np.float32)
    maker = sitk.SignedMaurerDistanceMapImageFilter()
    maker.SetSquaredDistance(False)
    maker.SetUseImageSpacing(True)
    away = execute(maker, tell, itk_image(mask.view(np.uint8), spacing))
    return np.asarray(np.maximum(sitk.GetArrayViewFromImage(away), np.float32(0)))


def voxels_within(mask: Mask, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Mask:
    """The voxels whose centres lie at most so many mm from the centre of one of the mask."""
    return np.asarray(distance(mask, spacing, tell) <= mm * (1 + ROUNDING))


def blurred(values: Floats32, mm: float, spacing: Spacing, tell: ProgressCallback = no_progress) -> Floats32:
    """Values [k, j, i] blurred by a Gaussian of that standard deviation, out to three of them; unchanged for 0 mm."""
    from scipy.ndimage import gaussian_filter1d

    for axis, step in enumerate(spacing if mm > 0 else ()):
        values = gaussian_filter1d(values, mm / step, axis, mode="nearest", truncate=REACH)
        tell((axis + 1) / 3)
    return values


def gradient(values: Floats32, spacing: Spacing) -> list[Floats32]:
    """Gradient along k, j, i, per mm, by central differences; 0 along an axis of a single voxel."""
    flat = np.zeros_like(values)
    return [
        np.gradient(values, step, axis=axis) if values.shape[axis] > 1 else flat for axis, step in enumerate(spacing)
    ]


def gradient_magnitude(values: Floats32, spacing: Spacing) -> Floats32:
    """Magnitude of the gradient [k, j, i], per mm."""
    return np.asarray(np.sqrt(sum(np.square(slope) for slope in gradient(values, spacing))), dtype=np.float32)


def itk_image(array: Values | Mask, spacing: Spacing) -> sitk.Image:
    """A SimpleITK image of an array [k, j, i], axes along x, y, z; a copy."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    image.SetSpacing([float(mm) for mm in np.asarray(spacing)[::-1]])
    return image
