"""Coil shading: its field at low resolution by N4, divided out at full resolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from viewer.api import Grid, Job, Refusal, Volume

FINE = 4.0  # mm; the field is smooth, so that it is estimated on a grid about this coarse
CHUNK = 5  # iterations between two looks at the job
SLAB = 8  # slices divided in one go
ESTIMATION = 0.8  # of the whole work


def correct_shading(image: Volume, levels: int, iterations: int, job: Job) -> NDArray[Any]:
    """The array without shading, in its own type and scale. Raises Refusal where N4 cannot work on it."""
    with job.stage("looking at the image"):
        coarse, mask = _coarse(image)
    with job.stage("estimating the field"):
        field = _log_field(coarse, mask, levels, iterations, job)
    with job.stage("correcting"):
        return _divide_field(image, field, job)


def _coarse(image: Volume) -> tuple[sitk.Image, sitk.Image]:
    """The physical values about every FINE mm, and where there is signal. Raises Refusal."""
    steps = [max(1, min(round(FINE / mm), n // 16)) for mm, n in zip(image.grid.spacing, image.grid.shape, strict=True)]
    part = image.array[:: steps[0], :: steps[1], :: steps[2]]
    values = part.astype(np.float32) * np.float32(image.slope) + np.float32(image.intercept)
    if min(values.shape) < 4:
        raise Refusal("the image has too few slices to tell shading in all directions: choose one with four or more.")
    if values.min() < 0:
        raise Refusal("the image has negative values, which a magnitude image has not: choose an MR image.")
    if values.min() == values.max():
        raise Refusal("the image is the same everywhere: there is nothing to correct.")
    affine = image.grid.affine.copy()
    affine[:3, :3] *= steps
    coarse = _itk(values, Grid(values.shape, affine))
    return coarse, sitk.LiThreshold(coarse, 0, 1)


def _log_field(coarse: sitk.Image, mask: sitk.Image, levels: int, iterations: int, job: Job) -> sitk.Image:
    """The logarithm of the field on the coarse grid; its mean in the mask is 0.

    N4 adds up what it finds in what it has corrected so far. It is called for a few iterations at a time, as ITK's
    filter cannot be stopped before its end.
    """
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([CHUNK])
    field = sitk.Image(coarse.GetSize(), sitk.sitkFloat32)
    field.CopyInformation(coarse)
    for level in range(levels):
        n4.SetNumberOfControlPoints([n4.GetSplineOrder() + 2**level] * 3)
        for done in range(0, iterations, CHUNK):
            job.progress(ESTIMATION * (level + done / iterations) / levels)
            n4.Execute(coarse / sitk.Exp(field), mask)
            field += n4.GetLogBiasFieldAsImage(coarse)
            if n4.GetCurrentConvergenceMeasurement() < n4.GetConvergenceThreshold():
                break
    inside = sitk.GetArrayViewFromImage(field)[sitk.GetArrayViewFromImage(mask) > 0]
    return field - float(inside.mean())


def _divide_field(image: Volume, field: sitk.Image, job: Job) -> NDArray[Any]:
    resampler = sitk.ResampleImageFilter()
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.UseNearestNeighborExtrapolatorOn()  # beyond the last coarse voxel
    whole = image.array.dtype.kind in "iu"
    out = np.empty(image.array.shape, image.array.dtype if whole else np.float32)
    depth, rows, columns = image.grid.shape
    for k in range(0, depth, SLAB):
        job.progress(ESTIMATION + (1 - ESTIMATION) * k / depth)
        slab = image.array[k : k + SLAB]
        grid = image.grid.crop((k, 0, 0), (len(slab), rows, columns))
        resampler.SetReferenceImage(_itk(np.zeros(grid.shape, np.uint8), grid))
        factor = np.exp(-sitk.GetArrayFromImage(resampler.Execute(field)))
        values = (slab * image.slope + image.intercept) * factor
        stored = (values - image.intercept) / image.slope
        if whole:
            limits = np.iinfo(out.dtype)
            stored = np.clip(np.rint(stored), limits.min, limits.max)
        out[k : k + SLAB] = stored
    return out


def _itk(array: NDArray[Any], grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing([float(mm) for mm in grid.spacing[::-1]])
    image.SetOrigin([float(mm) for mm in grid.origin])
    image.SetDirection([float(part) for part in grid.direction.ravel()])
    return image
