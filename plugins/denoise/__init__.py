"""Less noise: a trained network, with the classical filters beside it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from viewer.api import Annotated, Job, Range, Refusal, Volume, plugin, replace

THICK = 2.5  # times the spacing in the plane: beyond, slices have little to say about each other
NETWORK = "trained network"
KNOWN = ("CT", "MR", "PT", "NM", "US", "CR", "DX", "MG", "XA")  # modalities that tell what noise there is


@plugin(
    "Denoise",
    group="Restoration",
    version="2.1",
    outputs=("denoised",),
    libraries=("scikit-image", "SimpleITK"),
    model="denoise-haar",
    gpu=True,
)
def denoise(
    image: Volume,
    job: Job,
    *,
    method: Literal["trained network", "non-local means", "curvature diffusion", "total variation"] = NETWORK,
    noise: Literal["automatic", "Rician", "Gaussian"] = "automatic",
    strength: Annotated[float, Range(0.1, 3.0, 0.1)] = 1.0,
    quality: Literal["fast", "best"] = "best",
) -> Volume:
    """Take noise away, as much as the image is found to have.

    The noise level is estimated first (for MR as that of a magnitude image) and shown with the job. Thick slices go
    to a network of their own, and through the classical filters one by one. Integer images stay integers of the same
    scale: the result is rounded to whole stored values. Compare the result with its input before you trust it: a
    finding that only one of them shows is none.

    Parameters
    ----------
    image
        The image to denoise, grey-scale.
    method
        The trained network is the most exact. Non-local means keeps fine texture; curvature diffusion smooths along
        edges and is robust; total variation makes areas flat and edges sharp.
    noise
        Rician noise is that of magnitude MR: its mean is taken away too. Automatic: Rician for MR, and where the file
        tells no modality but the air around the body looks like it; Gaussian else.
    strength
        The estimated noise level is multiplied by this: more removes more, and finer detail with it.
    quality
        Best asks the network four times (thick slices: twice), about mirror images too, and takes the mean; fast asks
        once. Classical filters ignore it.
    """
    from .noise_estimate import Noise, is_magnitude, noise_level

    _check(image)
    axis = _flat_axis(image)
    with job.stage("estimating the noise"):
        told_by_air = image.modality not in KNOWN and is_magnitude(image.array, axis)
        rician = noise == "Rician" or (noise == "automatic" and (image.modality == "MR" or told_by_air))
        found = Noise(noise_level(image.array, axis, rician=rician), rician)
    if not found.level:
        return image
    told = replace(found, level=found.level * strength)
    said = f"{method}, {found} noise {found.level * abs(image.slope):.3g} {image.unit}".rstrip()
    if method == NETWORK:
        from .apply_network import denoised

        return replace(image, array=denoised(image, told, axis, quality == "best", job, said))
    with job.stage(said):
        return replace(image, array=_filtered(image, method, told.level, axis, job))


def _filtered(image: Volume, method: str, sigma: float, axis: int | None, job: Job) -> np.ndarray:
    from .blocks import Floats, filtered
    from .classical_filters import METHODS

    spacing = tuple(float(mm) for n, mm in enumerate(image.grid.spacing) if n != axis)
    chosen = METHODS[method]

    def work(block: Floats) -> Floats:
        return chosen.apply(block, sigma, spacing)

    return filtered((image.array,), work, chosen.halo, job, axis)


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
