"""Less noise: a trained network, with the classical filters beside it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plugins.groups import RESTORATION
from plugins.image_checks import check_filterable
from viewer.api import Annotated, Job, Range, Volume, plugin, replace

THICK = 2.5  # times the spacing in the plane: beyond, slices have little to say about each other
KNOWN = ("CT", "MR", "PT", "NM", "US", "CR", "DX", "MG", "XA")  # modalities that tell what noise there is


@plugin(
    "Denoise",
    group=RESTORATION,
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
    method: Literal["trained network", "non-local means", "curvature diffusion", "total variation"] = "trained network",
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

    check_filterable(image)
    axis = _flat_axis(image)
    with job.stage("estimating the noise"):
        magnitude = image.modality == "MR" or (image.modality not in KNOWN and is_magnitude(image.array, axis))
        rician = noise == "Rician" or (noise == "automatic" and magnitude)
        estimate = Noise(noise_level(image.array, axis, rician=rician), rician)
    if not estimate.level:
        return image
    target = replace(estimate, level=estimate.level * strength)
    stage = f"{method}, {estimate} noise {estimate.level * abs(image.slope):.3g} {image.unit}".rstrip()
    if method == "trained network":
        from .apply_network import remove_noise

        return replace(image, array=remove_noise(image, target, axis, quality == "best", job, stage))
    with job.stage(stage):
        return replace(image, array=_apply_filter(image, method, target.level, axis, job))


def _apply_filter(image: Volume, method: str, sigma: float, axis: int | None, job: Job) -> NDArray[Any]:
    from .blocks import Floats, filter_blocks
    from .classical_filters import METHODS

    spacing = tuple(float(mm) for n, mm in enumerate(image.grid.spacing) if n != axis)
    chosen = METHODS[method]

    def work(block: Floats) -> Floats:
        return chosen.apply(block, sigma, spacing)

    return filter_blocks((image.array,), work, chosen.halo, job, axis)


def _flat_axis(image: Volume) -> int | None:
    """The axis whose slices are too thick to be filtered together, or of which there is one only; None for a volume."""
    single = [axis for axis, length in enumerate(image.array.shape) if length == 1]
    spacing = image.grid.spacing
    thick = spacing.max() > THICK * np.median(spacing)
    return single[0] if single else int(spacing.argmax()) if thick else None
