"""How far two images are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viewer.data.volume import Volume

SIDE = 7  # voxels along each side of the window that structural similarity is measured in
SLAB = 32  # slices measured in one go

Floats = NDArray[np.float32]


def compare_images(reference: Volume, other: Volume) -> dict[str, float]:
    """Mean and largest absolute difference (in the unit), PSNR in dB and SSIM over all voxels, by name.

    Both relate to the range of the reference. PSNR is missing where the images are equal. SSIM: Wang 2004, uniform
    window of 7 voxels a side, in 3-D where there are 7 slices, in the planes else.
    Raises ValueError, one sentence, where the two cannot be compared.
    """
    _check(reference, other)
    a, b = reference.values(), other.values()
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("One of the images holds voxels without a value; fill them first.")
    gap = np.abs(a - b)
    span = float(a.max() - a.min()) or 1.0
    error = float(np.mean(np.square(gap), dtype=np.float64))
    metrics = {"mae": float(np.mean(gap, dtype=np.float64)), "max": float(gap.max())}
    if error:
        metrics["psnr"] = float(10 * np.log10(span**2 / error))
    if min(a.shape[1:3]) >= SIDE:
        metrics["ssim"] = _similarity(a, b, span)
    return metrics


def _check(a: Volume, b: Volume) -> None:
    """Raises ValueError where grids, units or colours differ: nothing is resampled unasked."""
    if a.color != b.color:
        raise ValueError("One image is in colour and the other is not: they cannot be compared.")
    if a.unit and b.unit and a.unit != b.unit:
        raise ValueError(f"The images are in different units, {a.unit} and {b.unit}: they cannot be compared.")
    if a.grid.shape != b.grid.shape:
        sizes = " and ".join("×".join(map(str, one.grid.shape)) for one in (a, b))
        raise ValueError(f"The images have different sizes, {sizes} voxels: resample one onto the other first.")
    if not a.grid.matches(b.grid, tolerance=0.01):
        apart = float(np.linalg.norm(a.grid.corners - b.grid.corners, axis=1).max())
        raise ValueError(f"The images lie up to {apart:.3g} mm apart: resample one onto the other first.")


def _similarity(a: Floats, b: Floats, span: float) -> float:
    """The mean over every window that lies inside, measured slab by slab so that memory stays small."""
    from skimage.metrics import structural_similarity

    if a.ndim == 4:
        return float(np.mean([_similarity(a[..., c], b[..., c], span) for c in range(a.shape[3])]))
    solid = len(a) >= SIDE
    edge = SIDE // 2
    inner = (slice(edge, -edge),) * (3 if solid else 2)
    total, count = 0.0, 0
    for k in range(0, len(a) - (SIDE - 1 if solid else 0), SLAB if solid else 1):
        slab = slice(k, k + SLAB + SIDE - 1) if solid else k
        _, similarity = structural_similarity(a[slab], b[slab], win_size=SIDE, data_range=span, full=True)
        total += float(similarity[inner].sum(dtype=np.float64))
        count += similarity[inner].size
    return total / count
