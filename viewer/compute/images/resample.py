"""Volumes on another grid. One of the two places (with viewer.io) where the conventions of ITK are spoken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from viewer.compute.itk_filter import execute

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk
    from numpy.typing import NDArray

    from viewer.data.grid import Grid
    from viewer.data.transform import Transform
    from viewer.data.volume import Diffusion, Volume

Interpolation = Literal["nearest", "linear", "bspline"]
LabelInterpolation = Literal["nearest", "smoothed"]
BADGE = "resampled"


def resample(
    volume: Volume,
    grid: Grid,
    transform: Transform | None = None,
    interpolation: Interpolation = "linear",
    outside: float | None = None,
    tell: Callable[[float], None] | None = None,
) -> Volume:
    """The volume on `grid`, in its stored type and with the badge "resampled".

    transform: takes points of `grid` to points of the volume, LPS mm; none stands for the identity.
    outside: the physical value beyond the volume; by default its smallest. bspline: cubic, may overshoot; grey only.
    tell: called with the fraction done; it may raise Cancelled.
    """
    import SimpleITK as sitk

    if volume.color and interpolation == "bspline":
        raise ValueError("Images in colour are resampled linearly or by the nearest voxel.")
    kind = volume.array.dtype
    whole = kind.kind in "iub"
    fill = float(volume.array.min()) if outside is None else (outside - volume.intercept) / volume.slope
    resampler = sitk.ResampleImageFilter()
    resampler.SetInterpolator(
        {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}[interpolation]
    )
    resampler.SetSize([int(n) for n in grid.shape[::-1]])
    resampler.SetOutputSpacing([float(mm) for mm in grid.spacing[::-1]])
    resampler.SetOutputOrigin([float(mm) for mm in grid.origin])
    resampler.SetOutputDirection([float(part) for part in grid.direction.ravel()])
    resampler.SetDefaultPixelValue(fill)
    if transform is not None:
        resampler.SetTransform(itk_transform(transform))
    if whole and interpolation != "nearest":
        resampler.SetOutputPixelType(_wide(sitk, volume))
    array: NDArray[Any] = sitk.GetArrayFromImage(execute(resampler, tell, itk_image(volume.array, volume.grid)))
    if array.dtype != kind:
        limits = np.iinfo(kind)
        array = np.clip(np.rint(array), limits.min, limits.max).astype(kind)
    badges = volume.badges if BADGE in volume.badges else (*volume.badges, BADGE)
    return replace(volume, array=array, grid=grid, badges=badges, diffusion=_turned(volume.diffusion, transform))


def _turned(diffusion: Diffusion | None, transform: Transform | None) -> Diffusion | None:
    """Gradients turn with the image that they belong to; in a deformed one they have no direction any more."""
    if diffusion is None or diffusion.direction is None or transform is None:
        return diffusion
    if transform.displacement is not None:
        return diffusion._replace(direction=None)
    left, _, right = np.linalg.svd(transform.matrix[:3, :3])
    x, y, z = (float(part) for part in (left @ right).T @ diffusion.direction)
    return diffusion._replace(direction=(x, y, z))


def itk_image(array: NDArray[Any], grid: Grid) -> sitk.Image:
    """A SimpleITK image of stored values [k, j, i] or [k, j, i, c] on the grid; a copy."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing([float(mm) for mm in grid.spacing[::-1]])
    image.SetOrigin([float(mm) for mm in grid.origin])
    image.SetDirection([float(part) for part in grid.direction.ravel()])
    return image


def itk_transform(transform: Transform) -> sitk.Transform:
    """The ITK transform that takes the same points to the same points."""
    import SimpleITK as sitk

    affine = sitk.AffineTransform(3)
    affine.SetMatrix([float(part) for part in transform.matrix[:3, :3].ravel()])
    affine.SetTranslation([float(mm) for mm in transform.matrix[:3, 3]])
    if transform.displacement is None or transform.grid is None:
        return affine
    field = itk_image(transform.displacement.astype(np.float64), transform.grid)
    both = sitk.CompositeTransform(3)  # the one added last is applied first
    both.AddTransform(affine)
    both.AddTransform(sitk.DisplacementFieldTransform(field))
    return both


def _wide(itk: Any, volume: Volume) -> int:
    """The pixel type to interpolate integers in: ITK would cut off, not round, in their own."""
    if volume.color:
        return int(itk.sitkVectorFloat32)
    return int(itk.sitkFloat64 if volume.array.dtype.itemsize > 2 else itk.sitkFloat32)


def resample_labels(
    array: NDArray[Any],
    source: Grid,
    target: Grid,
    transform: Transform | None = None,
    interpolation: LabelInterpolation = "smoothed",
    tell: Callable[[float], None] | None = None,
) -> NDArray[Any]:
    """A label map [k, j, i] on another grid; 0 outside.

    transform: takes points of the target to points of the source, LPS mm. nearest: the label of the nearest voxel.
    smoothed: the label with the greatest share there, by linear interpolation of every label's mask. tell: as above.
    """
    import SimpleITK as sitk

    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(itk_image(np.zeros(target.shape, np.uint8), target))
    resampler.SetInterpolator(sitk.sitkNearestNeighbor if interpolation == "nearest" else sitk.sitkLabelLinear)
    if transform is not None:
        resampler.SetTransform(itk_transform(transform))
    resampled: NDArray[Any] = sitk.GetArrayFromImage(execute(resampler, tell, itk_image(array, source)))
    return resampled
