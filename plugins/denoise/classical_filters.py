"""The filters, each on one block (a volume or a slice) with noise of a known standard deviation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

Floats = NDArray[np.float32]
Spacing = tuple[float, ...]
STEPS = 5  # of the diffusion


@dataclass(frozen=True)
class Method:
    """A filter. apply: (block, sigma, spacing in mm along the block's axes) -> block. halo: voxels."""

    apply: Callable[[Floats, float, Spacing], Floats]
    halo: int


def non_local_means(block: Floats, sigma: float, spacing: Spacing) -> Floats:
    """The mean over similar neighbourhoods (Buades 2005; the fast form of Froment 2014)."""
    patch, distance = (3, 2) if block.ndim == 3 else (5, 6)
    done = denoise_nl_means(
        block, patch_size=patch, patch_distance=distance, h=0.6 * sigma, sigma=sigma, fast_mode=True
    )
    return np.asarray(done, np.float32)


def curvature_diffusion(block: Floats, sigma: float, spacing: Spacing) -> Floats:
    """Modified curvature diffusion (Whitaker and Xue 2001): smooth along edges, not across.

    ITK relates its conductance to the block's own mean gradient; here it follows from the noise, so that every block is
    treated alike.
    """
    unit = np.array(spacing) / min(spacing)
    diffusion = sitk.CurvatureAnisotropicDiffusionImageFilter()
    diffusion.SetNumberOfThreads(1)  # there are as many blocks at work as there are cores
    diffusion.SetNumberOfIterations(1)
    diffusion.SetTimeStep(0.5 ** (block.ndim + 1))
    for _ in range(STEPS):
        gradient = _mean_gradient(block, unit)
        if gradient == 0:
            return block
        image = sitk.GetImageFromArray(block)
        image.SetSpacing([float(step) for step in unit[::-1]])
        diffusion.SetConductanceParameter(2.0 * sigma / gradient)
        block = sitk.GetArrayFromImage(diffusion.Execute(image))
    return block


def total_variation(block: Floats, sigma: float, spacing: Spacing) -> Floats:
    """The closest image with less total variation (Rudin 1992, Chambolle 2004): flat areas, sharp edges."""
    return np.asarray(denoise_tv_chambolle(block, weight=0.5 * sigma, eps=1e-5, max_num_iter=60), np.float32)


def _mean_gradient(block: Floats, spacing: NDArray[np.float64]) -> float:
    """The root mean square of the gradient by central differences, as ITK measures it."""
    total = 0.0
    for axis, step in enumerate(spacing):
        wide = np.pad(block, [(int(n == axis),) * 2 for n in range(block.ndim)], "edge")
        ahead, behind = (np.take(wide, range(k, k + block.shape[axis]), axis) for k in (2, 0))
        total += float(np.mean(np.square(ahead - behind), dtype=np.float64)) / (2 * step) ** 2
    return float(np.sqrt(total))


METHODS = {
    "non-local means": Method(non_local_means, 4),
    "curvature diffusion": Method(curvature_diffusion, STEPS),
    "total variation": Method(total_variation, 8),
}
