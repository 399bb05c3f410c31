"""Classical restoration: less noise, and less of the shading that coils leave in MR."""

from __future__ import annotations

from typing import Literal

import numpy as np

from viewer.api import Annotated, Job, Range, Refusal, Volume, plugin, replace

THICK = 2.5  # times the spacing in the plane: beyond, slices have little to say about each other


@plugin("Denoise", group="Restoration", outputs=("denoised",), libraries=("scikit-image", "SimpleITK"))
def denoise(
    image: Volume,
    job: Job,
    *,
    method: Literal["non-local means", "curvature diffusion", "total variation"] = "non-local means",
    strength: Annotated[float, Range(0.1, 3.0, 0.1)] = 1.0,
) -> Volume:
    """Take noise away with a classical filter that is set by the noise found in the image.

    The noise level is estimated first (for MR as that of a magnitude image). Thick slices are filtered one by one.
    Integer images stay integers of the same scale: the result is rounded to whole stored values.

    Parameters
    ----------
    image
        The image to denoise, grey-scale.
    method
        Non-local means keeps fine texture best; curvature diffusion smooths along edges and is robust; total variation
        makes areas flat and edges sharp.
    strength
        The estimated noise level is multiplied by this: more removes more, and finer detail with it.
    """
    from .blocks import Floats, filtered
    from .methods import METHODS
    from .noise import noise_level

    _check(image)
    axis = _flat_axis(image)
    with job.stage("estimating the noise"):
        sigma = noise_level(image.array, axis, rician=image.modality == "MR")
    spacing = tuple(float(mm) for n, mm in enumerate(image.grid.spacing) if n != axis)
    chosen = METHODS[method]

    def work(block: Floats) -> Floats:
        return chosen.apply(block, sigma * strength, spacing) if sigma else block

    with job.stage(f"{method}, noise {sigma * abs(image.slope):.3g} {image.unit}".rstrip()):
        return replace(image, array=filtered(image.array, work, chosen.halo, job, axis))


@plugin("Correct shading (N4)", group="Restoration", outputs=("corrected",), libraries=("SimpleITK",))
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
    from .shading import corrected

    _check(image)
    if image.modality == "CT" or image.unit == "HU":
        raise Refusal("CT values are calibrated and have no coil shading: choose an MR image.")
    return replace(image, array=corrected(image, levels, iterations, job))


def _check(image: Volume) -> None:
    if image.color:
        raise Refusal("colour images cannot be filtered: choose a grey-scale one.")
    if np.count_nonzero(np.array(image.array.shape) > 1) < 2:
        raise Refusal("the image must be at least two voxels wide in two directions.")
    if image.array.dtype.kind == "f" and not all(np.isfinite(plane).all() for plane in image.array):
        raise Refusal("the image holds voxels without a value (NaN): fill them first.")


def _flat_axis(image: Volume) -> int | None:
    """The axis whose slices are too thick to be filtered together, or of which there is one only; None for a volume."""
    single = [axis for axis, length in enumerate(image.array.shape) if length == 1]
    spacing = image.grid.spacing
    thick = spacing.max() > THICK * np.median(spacing)
    return single[0] if single else int(spacing.argmax()) if thick else None
